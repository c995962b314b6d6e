"""What is written about the house is true: locks, commands, targets, and no trace of any machine."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")


def _names(lock: str) -> dict[str, str]:
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text("utf-8")))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes_and_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert "://" not in text
    assert "file:" not in text
    entries = re.split(r"(?m)^(?=[a-z0-9-]+==)", text)[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_locks_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    run, development = _names("requirements.lock"), _names("requirements-dev.lock")
    for wanted in project["project"]["dependencies"]:
        name = re.split(r"[\[<>=]", wanted)[0].lower().replace(".", "-").replace("_", "-")
        assert name in run, f"make lock: {name} is not locked"
    for wanted in project["dependency-groups"]["dev"]:
        if isinstance(wanted, str):
            assert re.split(r"[\[<>=]", wanted)[0].lower() in development, f"make lock: {wanted} is not locked"
    assert run.items() <= development.items()  # both environments have the same versions
    assert _names("requirements-build.lock").items() <= development.items()


def test_every_target_of_the_makefile_is_explained() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    [phony] = re.findall(r"(?m)^\.PHONY: (.+)$", text)
    for target in set(phony.split()) - {"help"}:
        assert f'"make {target} ' in text


def test_nothing_tells_of_a_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, timeout=30)
    if listed.returncode:
        pytest.skip("this is no git checkout, so nobody knows which files belong to it")
    traces = re.compile(rb"/home/[a-z]|/root/|/work/|\bpypi\.org|files\.pythonhosted")
    own = Path(__file__).relative_to(ROOT).as_posix()
    found = [
        name
        for name in listed.stdout.decode().split("\0")
        if name and name != own and (ROOT / name).is_file() and traces.search((ROOT / name).read_bytes())
    ]
    assert found == []
