"""`user add|list|role|password|remove`: what they do and say."""

from __future__ import annotations

import io
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("users") / "gw"
    assert main(["init", "--dir", str(made), "--domain", "gw.test"]) == 0
    return made


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def _run(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        status = main(["--config", str(folder / "mail2campaign.toml"), *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return _run


def waiting(folder: Path) -> list[tuple[str, int]]:
    with sqlite3.connect(folder / "data" / "mail2campaign.db") as db:
        return db.execute(
            "SELECT login, invitation FROM password_letters JOIN logins ON logins.id = login_id"
        ).fetchall()


def test_users_from_the_first_to_the_last(run: Run, folder: Path) -> None:
    assert run("account", "add", "Mairie", "--login", "Agnes@mairie.fr", "--password-stdin", typed="secret\n")[0] == 0
    status, said, _ = run("user", "add", "Mairie", "Paul@mairie.fr")
    assert (status, said) == (
        0,
        "user Paul@mairie.fr: added to Mairie, send; a link to choose a password goes to Paul@mairie.fr\n",
    )
    assert waiting(folder) == [("paul@mairie.fr", 1)]
    assert run("user", "add", "Mairie", "paul@MAIRIE.fr")[2] == (
        "mail2campaign: login 'paul@MAIRIE.fr' exists already\n"
    )
    assert "give --email" in run("user", "add", "Mairie", "robot")[2]
    assert "shorter than 12" in run("user", "add", "Mairie", "robot", "--password-stdin", typed="short\n")[2]
    status, said, _ = run(
        "user", "add", "Mairie", "robot", "--role", "read", "--operator", "--password-stdin", typed="x" * 12 + "\n"
    )
    assert (status, said) == (0, "user robot: added to Mairie, read, operator of the gateway\n")
    listed = [line.split("\t")[:6] for line in run("user", "list", "Mairie")[1].splitlines()]
    assert listed == [
        ["Mairie", "agnes@mairie.fr", "admin", "-", "-", "Agnes@mairie.fr"],
        ["Mairie", "paul@mairie.fr", "send", "-", "-", "Paul@mairie.fr"],
        ["Mairie", "robot", "read", "operator", "-", ""],
    ]
    assert "last admin of Mairie" in run("user", "role", "agnes@mairie.fr", "read")[2]
    assert "last admin of Mairie" in run("user", "remove", "agnes@mairie.fr")[2]
    assert run("user", "role", "PAUL@mairie.fr", "admin")[1] == "user paul@mairie.fr: admin\n"
    assert run("user", "role", "robot", "--operator", "no")[1] == "user robot: read\n"
    assert run("user", "remove", "agnes@mairie.fr")[1] == "user agnes@mairie.fr: removed\n"
    assert "a moment ago" in run("user", "password", "paul@mairie.fr")[2]
    assert "no e-mail address" in run("user", "password", "robot")[2]
    assert run("user", "password", "robot", "--password-stdin", typed="y" * 12 + "\n")[0] == 0
    assert run("user", "password", "nobody")[2].startswith("mail2campaign: no user 'nobody'")
