"""`mail2campaign demo` as a newcomer runs it: it ends well by itself, and leaves nothing behind when it is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.states import Status

COMMAND = [sys.executable, "-m", "gateway.cli.main", "demo", "--once"]
ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.crash]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAIL2CAMPAIGN_")}
    return kept | {"PYTHONPATH": str(ROOT), "LANG": "fr_FR.UTF-8"}


def _processes_of(folder: Path) -> list[str]:
    """Command lines of living processes that work in `folder` or name it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if str(folder) in words or f"M2C_TEST_FOLDER={folder}".encode() in environment:
            found.append(f"{process.name} {words}")
    return found


def test_it_ends_by_itself_and_everything_is_as_foreseen(tmp_path: Path) -> None:
    # without a terminal, with settings of another gateway in the environment
    environment = _environment() | {"MAIL2CAMPAIGN_GATEWAY__DOMAIN": "other.test"}
    done = subprocess.run(
        COMMAND, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads((tmp_path / "demo" / "summary.json").read_text("utf-8"))
    assert summary["report"] in done.stdout.splitlines()
    ledger = summary["ledger"]
    assert ledger["lines"] == sum(ledger[name] for name in ("invalid", "duplicate", "suppressed", "recipients"))
    assert ledger["recipients"] == sum(ledger["statuses"].values())
    assert set(ledger["statuses"]) == {status.code for status in Status}
    assert summary["receivers"]["dkim_verified"] == summary["receivers"]["received"]
    assert min(summary["events"].values()) > 0
    assert summary["failed"] == []
    assert "\x1b" not in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert _processes_of(tmp_path) == []


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def struck(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo that was ended by a signal while its campaign was on the way."""
    environment = _environment() | {"M2C_TEST_FOLDER": str(tmp_path)}
    demo = subprocess.Popen(
        COMMAND, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("✓ Message envoyé"):
            break
    assert len(_processes_of(tmp_path)) >= 6  # the demo, the internet, the gateway with its children
    demo.send_signal(request.param)
    yield demo
    demo.stdout.close()


def test_whatever_ends_it_ends_all_of_it(struck: subprocess.Popen[str], tmp_path: Path) -> None:
    status = struck.wait(timeout=120)
    assert status in (130, -signal.SIGKILL)
    deadline = time.monotonic() + 60
    while _processes_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _processes_of(tmp_path) == []
