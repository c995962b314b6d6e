"""`person export|erase`: all that is stored of one person, in one command, and gone in another."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import main
from store import accounts, campaigns
from store.engine import Database, now_ms
from store.values import NewCampaign, NewRecipient, Tracked

FOLDER = "g"


async def seed(folder: Path) -> None:
    database, now = Database.open(f"sqlite+aiosqlite:///{folder / 'data' / 'mail2campaign.db'}"), now_ms()
    async with database.write() as conn:
        account = await accounts.find_account(conn, "ACME")
        assert account is not None
        sender = await accounts.declare_sender(conn, account.id, "a@a.test", "A", now, now)
        new = NewCampaign(
            account.id, sender, "Sujet", "Rentrée", "A", "a@a.test", "", "<1@a>", "k", "fr", "Europe/Paris",
            ("Email", "Nom"), 0, {}, (), None, now,
        )  # fmt: skip
        campaign_id = await campaigns.begin(conn, new, b"source")
        assert isinstance(campaign_id, int)
        people = [
            NewRecipient(n, 0, f"p{n}@d.test", f"p{n}@d.test", "", (f"p{n}@d.test", f"N{n}"), Tracked.FULL)
            for n in (2, 3)
        ]
        await campaigns.add_rows(conn, campaign_id, people, [], now)
        await campaigns.publish(conn, campaign_id, "word", now)
    await database.close()


@pytest.fixture
def there(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tmp_path / FOLDER
    assert main(["init", "--dir", str(folder), "--domain", "gw.example"]) == 0
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    assert main(["account", "add", "ACME", "--login", "acme", "--password-stdin"]) == 0
    asyncio.run(seed(folder))
    capsys.readouterr()

    def run(*words: str) -> tuple[int, str, str]:
        status = main(list(words))
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.mark.slow
def test_one_person(there: Any, tmp_path: Path) -> None:
    out = tmp_path / "p.json"
    assert there("consent", "agree", "--account", "ACME", "p2@d.test", "--wording", "Oui je veux")[0] == 0
    assert there("suppression", "add", "--account", "ACME", "p2@d.test")[0] == 0
    assert there("person", "export", "P2@d.test", str(out))[0] == 0
    told = json.loads(out.read_text("utf-8"))
    assert told["mails"][0]["fields"] == {"Email": "p2@d.test", "Nom": "N2"} and told["mails"][0]["account"] == "ACME"
    assert told["consents"][0]["wording"] == "Oui je veux" and told["suppressions"][0]["reason"] == "manual"
    assert there("person", "export", "p2@d.test", str(out), "--csv")[0] == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig")), delimiter=";"))
    assert {"Kind": "mails", "Account": "ACME", "Campaign": "Rentrée", "What": "fields: Nom", "Value": "N2"} in rows
    status, said, _ = there("person", "erase", "p2@d.test")
    assert status == 0 and said.startswith("erased: 1 mails, 0 bad lines, 1 words of the consent register, 1 addresses")
    assert "erased 30d after the end of each campaign: 1" in said
    there("person", "export", "p2@d.test", str(out))
    told = json.loads(out.read_text("utf-8"))
    assert (told["mails"], told["consents"], told["suppressions"][0]["address_kept"]) == ([], [], False)
    assert "p2@d.test" not in there("suppression", "export", "--account", "ACME")[1]
    there("person", "export", "p3@d.test", str(out))
    assert json.loads(out.read_text("utf-8"))["mails"][0]["line"] == 3, "nobody else was touched"


@pytest.mark.slow
def test_erased_and_never_written_to_again(there: Any) -> None:
    assert (
        "nobody writes to the address any more"
        in there("person", "erase", "p3@d.test", "--suppress", "--account", "ACME")[1]
    )
    assert "known already" in there("suppression", "add", "--account", "ACME", "p3@d.test")[1]
    assert "no account" in there("person", "erase", "p3@d.test", "--account", "X")[2]
    assert "no e-mail address" in there("person", "export", "nobody")[2]
