"""Counters add up over processes, also over those that have ended, and know every event they name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config import metrics
from config.logging import EVENTS

ROOT = Path(__file__).resolve().parents[2]
COUNT = (
    "from config import logging, metrics\n"
    "logging.log('mail_accepted', kind='campaign', listener='mx')\n"
    "logging.log('hits_written', rows=7)\n"
    "metrics.attempt('accepted', 'accepted')\n"
)


def test_every_counter_counts_events_and_fields_of_the_log() -> None:
    names = [counted.name for several in metrics.COUNTERS.values() for counted in several]
    assert len(set(names)) == len(names)
    for event, several in metrics.COUNTERS.items():
        for counted in several:
            assert {*counted.labels, *([counted.adds] if counted.adds else [])} <= EVENTS[event][1]


@pytest.mark.costly("gateway/processes/test_measured.py::test_counters_of_all_processes_for_who_has_the_token")
def test_processes_add_up(tmp_path: Path) -> None:
    environment = {**os.environ, metrics.VARIABLE: str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", COUNT], cwd=ROOT, env=environment, check=True, capture_output=True)
    read = [
        sys.executable,
        "-c",
        "import sys; from config import metrics; sys.stdout.buffer.write(metrics.exposition())",
    ]
    text = subprocess.run(read, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    accepted = (("kind", "campaign"), ("listener", "mx"))
    assert found[("mail2campaign_mails_accepted_total", *accepted)] == 2
    assert found[("mail2campaign_hits_total",)] == 14
    assert found[("mail2campaign_attempts_total", ("class", "accepted"), ("kind", "accepted"))] == 2
    assert found[("mail2campaign_log_events_total", ("event", "hits_written"), ("level", "info"))] == 2


def test_a_new_gateway_begins_at_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(metrics.VARIABLE, raising=False)
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "counter_1.db").write_bytes(b"old")
    metrics.begin(tmp_path / "m")
    assert list((tmp_path / "m").iterdir()) == []
    assert os.environ.pop(metrics.VARIABLE) == str(tmp_path / "m")
