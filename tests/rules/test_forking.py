"""Forks run every test once and lose no failure: neither a test's, nor a whole process's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).resolve().parents[1] / "support"
DEATH = "print(os._exit(0))"
TESTS = {
    "test_good.py": "import pytest\n@pytest.mark.parametrize('n', range(3))\ndef test_good(n, kept): pass\n",
    "test_bad.py": "import os\ndef test_bad(kept): assert os.getpid() < 0\n",
    "test_last.py": "import os\ndef test_last(kept): {last}\ndef test_behind(kept): pass\n",
    "conftest.py": """import pytest
from forking import pytest_addoption, pytest_runtestloop
@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    yield
    folder.rmdir()
""",
}


def _run(folder: Path, last: str, *options: str) -> tuple[int, str]:
    for name, text in TESTS.items():
        (folder / name).write_text(text.replace("{last}", last))
    command = [sys.executable, "-m", "pytest", "--rootdir", ".", "-q", "-p", "no:cacheprovider", "--forks", "2"]
    options = (*options, "-o", f"pythonpath={SUPPORT}", "--basetemp", "base", "-W", "ignore")
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("last", "options", "code", "said"),
    [
        ("pass", ("--deselect", "test_bad.py"), 0, ["5 passed"]),
        ("pass", (), 1, ["FAILED test_bad.py::test_bad", "1 failed, 5 passed"]),
        (
            DEATH,
            ("--deselect", "test_bad.py"),
            1,
            ["FAILED test_last.py::test_last", "2 tests were not run to their end"],
        ),
    ],
)
def test_what_happens_is_told(tmp_path: Path, last: str, options: tuple[str, ...], code: int, said: list[str]) -> None:
    returned, output = _run(tmp_path, last, *options)
    assert (returned, [one for one in said if one not in output]) == (code, []), output
    if last == "pass":
        assert list((tmp_path / "base").glob("fork?/kept0")) == [], "what a fork made for its tests, it cleared away"
