"""`consent` and `account attest --withdraw`: a register that is only added to, read back as it was written."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main

ASKED = "J'accepte d'être suivi."


@pytest.fixture
def there(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / "g"
    assert main(["init", "--dir", str(folder), "--domain", "gw.example"]) == 0
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    assert main(["account", "add", "ACME", "--login", "acme", "--password-stdin"]) == 0
    capsys.readouterr()

    def run(*words: str) -> tuple[int, str, str]:
        status = main(list(words))
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.mark.slow
def test_words_by_hand_and_their_history(there: Any) -> None:
    whose = ("--account", "ACME")
    done = there(
        "consent", "agree", *whose, "zoe@d.example", "--wording", ASKED, "--by", "Anne", "--date", "01/09/2026"
    )
    assert done == (0, "zoe@d.example: recorded; what stands now: yes\n", "")
    assert "what stands now: no" in there("consent", "refuse", *whose, "Zoé <ZOE@d.example>", "--source", "phone")[1]
    first, second = there("consent", "history", *whose, "zoe@d.example")[1].splitlines()
    assert first.split("\t")[:6] == ["zoe@d.example", "yes", "2026-09-01 00:00:00Z", "command", ASKED, "Anne"]
    assert second.split("\t")[1:4:2] == ["no", "phone"]
    assert there("consent", "list", *whose)[1].split("\t")[1] == "no"
    assert "still to come" in there("consent", "refuse", *whose, "a@d.example", "--date", "2999-01-01")[2]
    assert "no account" in there("consent", "list", "--account", "X")[2]
    assert "nothing is recorded" in there("consent", "history", *whose, "x@d.example")[2]


@pytest.mark.slow
def test_out_and_in_again(there: Any, tmp_path: Path) -> None:
    whose = ("--account", "ACME")
    list_ = tmp_path / "c.csv"
    list_.write_text(
        "Email;Consentement;Date;Texte\na@d.example;oui;15/10/2026;Oui je veux\nb@d.example;non;;\nc@d.example;peut-être;;\n"
        "d@d.example;oui;;\ne@d.example;oui;01/01/2999;x\na@d.example;non;16/10/2026;\n",
        "utf-8",
    )
    status, said, faults = there("consent", "import", *whose, str(list_), "--by", "Anne")
    assert (status, said) == (0, "consent register: 3 recorded, 3 bad, 1 yes outweighed by a refusal\n")
    assert "neither yes nor no" in faults and "needs its wording" in faults and "no date that has passed" in faults
    assert [line.split("\t")[:2] for line in there("consent", "list", *whose)[1].splitlines()] == [
        ["a@d.example", "no"], ["b@d.example", "no"],
    ]  # fmt: skip
    out = tmp_path / "out.csv"
    assert there("consent", "export", *whose, str(out))[0] == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig")), delimiter=";"))
    assert [(row["Email"], row["Consent"], row["Wording"], row["By"]) for row in rows] == [
        ("a@d.example", "yes", "Oui je veux", "Anne"), ("b@d.example", "no", "", "Anne"), ("a@d.example", "no", "", "Anne"),
    ]  # fmt: skip
    assert "3 recorded" in there("consent", "import", *whose, str(out))[1], "what was exported can be imported"


@pytest.mark.slow
def test_an_attestation_has_a_date_and_an_end(there: Any) -> None:
    assert "attested nothing" in there("account", "attest", "ACME", "--by", "Anne", "--withdraw")[2]
    assert (
        there("account", "attest", "ACME", "--by", "Anne", "--wording", "Tous d'accord.", "--date", "2026-10-01")[0]
        == 0
    )
    assert "\tattested\t" in there("account", "list")[1]
    said = there("account", "attest", "ACME", "--by", "Jean", "--withdraw")[1]
    assert said == "account ACME: attestation withdrawn by Jean; 0 recipients are followed no more\n"
    assert "\tnot attested\t" in there("account", "list")[1]
    assert "keeps the day" in there("account", "hygiene", "ACME", "on")[1]
