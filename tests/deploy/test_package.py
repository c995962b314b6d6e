"""Wheel and sdist: built, installed where there is nothing else, and run there."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from scripts.sbom import bill

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MAIL2CAMPAIGN", "VIRTUAL"))
    }
    done = subprocess.run(words, cwd=cwd, env=kept | environment, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done


@pytest.mark.slow
def test_the_wheel_runs_in_an_empty_environment(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    # the wheel is made from the sdist, so that both are whole
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist), str(ROOT), cwd=tmp_path)
    (sdist,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    with tarfile.open(sdist) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert {"CHANGELOG.md", "docs/operating.md", "deploy/systemd/mail2campaign.service", "gateway/py.typed"} <= names
    assert not [name for name in names if name.startswith("tests/")]
    uv, place = str(Path(sys.executable).parent / "uv"), tmp_path / "env"
    run(uv, "venv", "--quiet", "--python", sys.executable, str(place), cwd=tmp_path)
    python = str(place / "bin" / "python")
    lock = str(ROOT / "requirements.lock")
    done = run(uv, "pip", "sync", "--quiet", "-p", python, "--require-hashes", lock, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run(uv, "pip", "install", "--quiet", "-p", python, "--no-deps", str(wheel), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    program = str(place / "bin" / "mail2campaign")
    assert run(program, "--version", cwd=tmp_path).stdout.startswith("mail2campaign ")
    assert "m2c1._domainkey" in run(program, "init", "--dir", "gw", "--domain", "m.test", cwd=tmp_path).stdout
    config = ("--config", "gw/mail2campaign.toml")
    assert "database_ok" in run(program, *config, "doctor", "--offline", "--json", cwd=tmp_path).stdout
    (tmp_path / "liste.csv").write_text("Email;Nom\na@b.fr;A\n")
    assert '"recipients": 1' in run(program, "explain", "liste.csv", cwd=tmp_path).stdout.replace('":1', '": 1')
    assert run(program, *config, "backup", "b.tar.gz", cwd=tmp_path).returncode == 0
    assert run(program, *config, "_check", cwd=tmp_path).returncode == 0


def test_the_bill_of_materials() -> None:
    document = bill()
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    names = {part["name"]: part for part in document["components"]}
    assert {"cryptography", "starlette", "sqlalchemy", "uvloop"} <= set(names)
    assert len(names) == len(document["components"])
    for part in document["components"]:
        assert part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}"
        assert part["externalReferences"][0]["hashes"]
    assert sum("licenses" in part for part in document["components"]) > len(names) * 0.9
    assert document == bill()  # the same every time
