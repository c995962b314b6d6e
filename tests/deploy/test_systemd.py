"""The units that ship: systemd reads them without complaint, and they start commands that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.cli.arguments import parse

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_exists(unit: Path) -> None:
    (line,) = re.findall(r"(?m)^ExecStart=(.+)$", unit.read_text())
    program, *words = line.split()
    assert program == "/opt/mail2campaign/bin/mail2campaign"
    assert parse(words).run
    assert parse(words).config == "/etc/mail2campaign/mail2campaign.toml"


@pytest.mark.peers
def test_systemd_has_nothing_to_say(tmp_path: Path) -> None:
    assert shutil.which("systemd-analyze"), "install Debian's package systemd"
    for unit in FOLDER.iterdir():
        text = unit.read_text().replace("/opt/mail2campaign/bin/mail2campaign", "/bin/true")
        (tmp_path / unit.name).write_text(re.sub(r"(?m)^(User|Group)=.*$", r"\1=root", text))
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (0, "")
