"""`sender` and `domain`: the letter to an owner, and a domain proved by its TXT record, over a DNS server on loopback."""

import asyncio
import email
import email.policy
import io
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.cli.main import main
from gateway.rehearsal import dns
from parsers.tokens import Keyring, Purpose, verify
from store.engine import Database
from store.tables import notices

pytestmark = pytest.mark.slow
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAIL2CAMPAIGN_CONFIG", str(tmp_path / "gw" / "mail2campaign.toml"))

    def _run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("sésame\n"))
        status = main(words)
        said = capsys.readouterr()
        return status, said.out, said.err

    _run("init", "--dir", "gw", "--domain", "gw.example")
    for name in ("Mairie", "Autre"):
        assert _run("account", "add", name, "--login", name, "--password-stdin")[0] == 0
    return _run


@contextmanager
def name_server(txt: dict[str, str]) -> Iterator[int]:
    """A DNS server in a thread of its own: each command has an event loop of its own."""
    loop, server = asyncio.new_event_loop(), dns.Server(dns.zone("gw.example", txt))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(60)
    try:
        yield server.port
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


def letters(folder: Path) -> list[email.message.EmailMessage]:
    async def work() -> list[bytes]:
        database = Database.open(f"sqlite+aiosqlite:///{folder / 'gw' / 'data' / 'mail2campaign.db'}")
        async with database.read() as conn:
            found = [row.raw for row in await conn.execute(select(notices.c.raw).order_by(notices.c.id))]
        await database.close()
        return found

    return [email.message_from_bytes(raw, policy=email.policy.default) for raw in asyncio.run(work())]  # type: ignore[misc]


def test_the_owner_is_asked(run: Run, tmp_path: Path) -> None:
    from config.keys import load_keyring

    assert "a letter asks its owner" in run("sender", "add", "Mairie", "Anne <anne@firm.fr>")[1]
    (letter,) = letters(tmp_path)
    assert (letter["To"], letter["Auto-Submitted"]) == ("anne@firm.fr", "auto-replied")
    assert letter["Subject"] == "Confirmez anne@firm.fr comme expéditeur pour Mairie"
    body = letter.get_body(("plain",))
    assert body is not None
    link = re.search(r"https://gw.example/s/(\w+)", body.get_content())
    assert link is not None
    assert verify(Keyring(*load_keyring(tmp_path / "gw" / "data", "tokens")), Purpose.PROOF, link[1]) == (1, 1)
    assert letter["DKIM-Signature"] is not None
    status, _, why = run("sender", "add", "Autre", "anne@firm.fr")
    assert (status, "belongs to another account" in why) == (1, True)
    assert "asked a moment ago" in run("sender", "check", "Mairie", "anne@firm.fr", "--again")[1]
    assert run("sender", "check", "Autre", "anne@firm.fr")[0] == 1
    assert len(letters(tmp_path)) == 1


def test_a_domain_is_proved_by_its_record(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("sender", "add", "Mairie", "anne@firm.fr")
    run("sender", "add", "Autre", "bob@firm.fr", "--verified")
    status, record, _ = run("domain", "add", "Mairie", "Firm.fr")
    found = re.fullmatch(r'(_mail2campaign\.firm\.fr) TXT "(mail2campaign=[0-9a-f]{32})"\n', record)
    assert status == 0
    assert found is not None
    assert run("domain", "add", "Mairie", "firm.fr")[1] == record
    with name_server({"_mail2campaign.firm.fr": "mail2campaign=other"}) as port:
        monkeypatch.setenv("MAIL2CAMPAIGN_DNS__NAMESERVERS", f'["127.0.0.1:{port}"]')
        status, _, why = run("domain", "check", "Mairie", "firm.fr")
        assert (status, "not there yet" in why, found[2] in why) == (1, True, True)
        assert "waiting" in run("sender", "check", "Mairie", "anne@firm.fr")[1]
    with name_server({found[1]: found[2]}) as port:
        monkeypatch.setenv("MAIL2CAMPAIGN_DNS__NAMESERVERS", f'["127.0.0.1:{port}"]')
        assert run("domain", "check", "Autre", "firm.fr")[0] == 1
        said = run("domain", "check", "Mairie", "firm.fr")[1].splitlines()
        assert said == [
            "domain firm.fr of Mairie: verified, closed to other accounts",
            "sender anne@firm.fr: verified",
            "sender bob@firm.fr of another account: may no longer send",
        ]
    assert run("domain", "list", "Mairie")[1] == "firm.fr\tverified\n"
    assert run("domain", "add", "Autre", "firm.fr")[0] == 1
    assert run("sender", "add", "Mairie", "new@firm.fr")[1] == "sender new@firm.fr of Mairie: verified\n"


def test_a_sender_is_proved_by_the_record_of_its_domain(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("sender", "add", "Mairie", "anne@firm.fr")
    record = run("domain", "add", "Mairie", "firm.fr")[1].split('"')[1]
    with name_server({"_mail2campaign.firm.fr": record}) as port:
        monkeypatch.setenv("MAIL2CAMPAIGN_DNS__NAMESERVERS", f'["127.0.0.1:{port}"]')
        assert "verified by the record of firm.fr" in run("sender", "check", "Mairie", "anne@firm.fr")[1]
    assert run("sender", "list", "Mairie")[1] == "anne@firm.fr\t\n"


def test_nobody_owns_a_public_suffix(run: Run) -> None:
    for domain in ("fr", "co.uk", "github.io", "no domain", "a@b.fr", ""):
        status, _, why = run("domain", "add", "Mairie", domain)
        assert (status, "no domain that somebody can own" in why) == (1, True), domain
