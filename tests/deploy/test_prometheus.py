"""Dashboard and alert rules speak of metrics that exist, and Prometheus takes them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from peer_tree import CACHE, version

from config import metrics
from gateway.web.metrics import Moment
from store.health import Queue

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
_NAME = re.compile(r"\bmail2campaign_\w+")


def known(tmp_path: Path) -> set[str]:
    counters = [one for several in metrics.COUNTERS.values() for one in several]
    names = {f"mail2campaign_{one.name}_total" for one in (*counters, metrics.EVERY, metrics.ATTEMPTS)}
    (tmp_path / "spool").mkdir()
    moment = Moment(Queue({}, {}, 0, 0, 0, 0, 0, 0, 0), tmp_path)
    return names | {family.name for family in moment.collect()}


def test_what_is_drawn_and_watched_exists(tmp_path: Path) -> None:
    board = json.loads((DEPLOY / "grafana" / "mail2campaign.json").read_text())
    drawn = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    watched = (DEPLOY / "prometheus" / "alerts.yml").read_text()
    watched = "\n".join(line for line in watched.splitlines() if "name:" not in line and not line.startswith("#"))
    exist = known(tmp_path)
    assert set(_NAME.findall(drawn)) <= exist
    assert set(_NAME.findall(watched)) <= exist
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@pytest.mark.peers
def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    assert version("prometheus")
    promtool = str(CACHE / "prometheus" / "usr" / "bin" / "promtool")
    folder = shutil.copytree(DEPLOY / "prometheus", tmp_path / "p")
    for words in (
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ):
        done = subprocess.run([promtool, *words], cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
    text = metrics.exposition(Moment(Queue({"sending": 1}, {}, 5, 1, 2, 3, 4, 5, 6), None))
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text.decode(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
