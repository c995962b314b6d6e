"""`suppression`: what an operator adds, takes away, brings in and out."""

from __future__ import annotations

import csv
import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def _fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh") / "gw"
    assert main(["init", "--dir", str(folder), "--domain", "gw.test"]) == 0
    for name in ("Mairie", "Ecole"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO("secret\n"))
            words = ["account", "add", name, "--login", name, "--password-stdin"]
            assert main(["--config", str(folder / "mail2campaign.toml"), *words]) == 0
    return folder


@pytest.fixture
def run(_fresh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    folder = Path(shutil.copytree(_fresh, tmp_path / "gw"))

    def _run(*words: str) -> tuple[int, str, str]:
        try:
            status = main(["--config", str(folder / "mail2campaign.toml"), "suppression", *words])
        except SystemExit as ended:
            status = int(ended.code or 0)
        said = capsys.readouterr()
        return status, said.out, said.err

    return _run


def listed(run: Run, *words: str) -> list[tuple[str, str, str]]:
    lines = [line.split("\t") for line in run("list", *words)[1].splitlines()]
    return [(address, account, reason) for address, account, reason, _since, _until in lines]


def test_added_listed_and_removed(run: Run) -> None:
    assert run("add", "Jean@D.test", "marie@d.test") == (0, "suppression list: 2 added, 0 known already\n", "")
    assert run("add", "JEAN@d.test", "--account", "Mairie", "--reason", "complaint")[1].startswith(
        "suppression list: 1 added"
    )
    assert run("add", "jean@d.test", "--all")[1] == "suppression list: 0 added, 1 known already\n"
    assert len(listed(run)) == 3
    assert listed(run, "--account", "Mairie") == [("JEAN@d.test", "Mairie", "complaint")]
    assert {one[0] for one in listed(run, "--all")} == {"Jean@D.test", "marie@d.test"}
    assert listed(run, "--reason", "complaint") == listed(run, "--account", "Mairie")
    status, out, _ = run("remove", "jean@d.test")
    assert status == 0 and out.count("removed") == 2 and "Mairie: complaint since " in out
    assert listed(run) == [("marie@d.test", "*", "manual")]


def test_an_entry_may_end(run: Run) -> None:
    assert run("add", "a@d.test", "--until", "2199-12-31")[0] == 0
    assert run("list")[1].split("\t")[4] == "2199-12-31 00:00:00Z\n"
    assert run("add", "a@d.test")[1] == "suppression list: 1 added, 0 known already\n", "for ever is longer"
    assert run("list")[1].split("\t")[4] == "\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "nobody"), "no e-mail address"),
        (("add", "a@d.test", "--account", "Personne"), "no account"),
        (("add", "a@d.test", "--until", "tomorrow"), "no date"),
        (("add", "a@d.test", "--until", "2001-01-01"), "has passed"),
        (("remove", "a@d.test"), "not on the list"),
        (("import", "/nowhere/list.csv"), "No such file"),
        (("list", "--account", "Personne"), "no account"),
    ],
)
def test_refusals_are_one_line(run: Run, words: tuple[str, ...], why: str) -> None:
    status, out, err = run(*words)
    assert (status, out) == (1, "")
    assert why in err and err.count("\n") == 1


def test_a_list_is_brought_in_with_its_bad_lines(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "npai.csv"
    file.write_bytes(b"E-mail;Motif\r\na@d.test;unsubscribe\r\nb@d.test;NPAI\r\npas une adresse;\r\nA@D.test;x\r\n")
    status, out, err = run("import", str(file), "--account", "Ecole")
    assert (status, out) == (0, "suppression list: 2 added, 0 known already, 1 bad\n")
    assert err == "line 4: syntax: 'pas une adresse'\n"
    assert sorted(listed(run)) == [("a@d.test", "Ecole", "unsubscribe"), ("b@d.test", "Ecole", "import")]
    assert run("import", str(file), "--account", "Ecole")[1] == "suppression list: 0 added, 2 known already, 1 bad\n"
    file.write_bytes(b"%PDF-1.4")
    assert "cannot be read" in run("import", str(file))[2]


def test_what_goes_out_comes_in_again_and_computes_nothing(run: Run, tmp_path: Path) -> None:
    run("add", "=cmd@d.test", "+33@d.test", "--reason", "complaint")
    run("add", "late@d.test", "--account", "Mairie", "--until", "2199-12-31")
    before = run("list")[1].replace("Mairie", "*")
    file = tmp_path / "out.csv"
    assert run("export", str(file))[:2] == (0, "")
    rows = list(csv.reader(io.StringIO(file.read_text("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["Email", "Account", "Reason", "Since", "Until"] and len(rows) == 4
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    for address in ("=cmd@d.test", "+33@d.test", "late@d.test"):
        assert run("remove", address)[0] == 0
    assert run("list") == (0, "", "")
    assert run("import", str(file))[1] == "suppression list: 3 added, 0 known already, 0 bad\n"
    assert sorted(run("list")[1].splitlines()) == sorted(before.splitlines())
    assert run("export")[1].count("\r\n") == 4
