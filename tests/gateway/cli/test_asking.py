"""`init` asks on a terminal what no option tells, and only there."""

from __future__ import annotations

import builtins
from pathlib import Path

import pytest

from config.settings import load
from gateway.cli import asking
from gateway.cli.main import main


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Answers that are given one after the other."""
    answers: list[str] = []

    def answer(question: str) -> str:
        if not answers:
            raise EOFError
        print(question)
        return answers.pop(0)

    monkeypatch.setattr(builtins, "input", answer)
    monkeypatch.setattr(asking, "_terminal", lambda: True)
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    monkeypatch.chdir(tmp_path)
    return answers


def test_questions_fill_the_settings_and_the_zone(
    terminal: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal += ["a b", "Lettre.Exemple.fr", "", "jean dupont", "ops@else.example", "8.8.4", "203.0.113.9"]
    assert main(["init"]) == 0
    out = capsys.readouterr().out
    assert "Domaine de la passerelle" in out and "is no domain" in out
    assert "@ IN A 203.0.113.9" in out and "9.113.0.203.in-addr.arpa. PTR lettre.exemple.fr." in out
    settings = load(tmp_path / "lettre.exemple.fr" / "mail2campaign.toml")
    assert (settings.gateway.domain, settings.gateway.operator) == ("lettre.exemple.fr", "ops@else.example")
    assert (tmp_path / "lettre.exemple.fr" / "mail2campaign.toml").stat().st_mode & 0o777 == 0o600


def test_who_stops_answering_gets_no_folder(terminal: list[str], tmp_path: Path) -> None:
    terminal += ["m.example"]
    assert main(["init"]) == 1
    assert list(tmp_path.iterdir()) == []


def test_flags_are_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "init",
        "--dir",
        str(tmp_path / "gw"),
        "--domain",
        "m.example",
        "--operator",
        "o@e.example",
        "--locale",
        "en",
    ]
    more = [
        "--public-url",
        "https://links.m.example",
        "--timezone",
        "Europe/Brussels",
        "--public-address",
        "2001:db8::9",
    ]
    assert main([*words, *more]) == 0
    assert "@ IN AAAA 2001:db8::9" in capsys.readouterr().out
    gateway = load(tmp_path / "gw" / "mail2campaign.toml").gateway
    assert (gateway.operator, gateway.locale, gateway.timezone) == ("o@e.example", "en", "Europe/Brussels")
    assert gateway.url == "https://links.m.example"


def test_a_value_that_is_none_leaves_no_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["init", "--dir", str(tmp_path / "gw"), "--domain", "m.example"]
    assert main([*words, "--timezone", "Mars/Olympus"]) == 1
    assert "no time zone" in capsys.readouterr().err
    assert main([*words, "--public-address", "nowhere"]) == 1
    assert main(words) == 0  # nothing was left in the way
