"""`key add|list|revoke`: a key is printed alone, once."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from gateway.cli.commands import setup
from gateway.cli.main import main


def test_a_key_is_made_listed_and_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.make_folder(tmp_path / "gw", "gw.example")
    base = ["--config", str(tmp_path / "gw" / "mail2campaign.toml")]
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main([*base, "account", "add", "ACME", "--login", "acme", "--password-stdin"]) == 0
    capsys.readouterr()
    assert main([*base, "key", "add", "ACME"]) == 0
    whole = capsys.readouterr().out
    assert re.fullmatch(r"m2c_[a-z2-9]{12}_[a-z2-9]{48}\n", whole)
    assert main([*base, "key", "add", "ACME", "--scope", "read", "--label", "till", "--expires", "2099-01-01"]) == 0
    second = capsys.readouterr().out.strip()
    assert main([*base, "key", "revoke", whole.strip()]) == 0
    capsys.readouterr()
    assert main([*base, "key", "list", "ACME"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[1:4] for row in rows] == [["ACME", "read,send,admin", "revoked"], ["ACME", "read", "works"]]
    assert rows[1][5:] == ["2099-01-01 00:00:00Z", "till"] and rows[1][0] == second.split("_")[1]
    assert main([*base, "account", "single", "ACME", "on"]) == 1  # without a cap there is nothing to allow
    assert "account transactional ACME" in capsys.readouterr().err
    assert (
        main([*base, "account", "transactional", "ACME", "500"])
        == main([*base, "account", "single", "ACME", "on"])
        == 0
    )
    assert capsys.readouterr().out.endswith("account ACME: single messages to anybody, 500 an hour\n")
    for words in (
        ["key", "revoke", "nobody"],
        ["key", "add", "NOBODY"],
        ["key", "add", "ACME", "--expires", "2001-01-01"],
    ):
        assert main([*base, *words]) == 1
        assert capsys.readouterr().err.count("\n") == 1
