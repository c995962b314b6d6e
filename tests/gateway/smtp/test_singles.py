"""Single messages submitted by SMTP: only where the account allows it, only to whom may be written to."""

from __future__ import annotations

from pathlib import Path

import pytest
from store_helpers import KEYS

from store import accounts, suppression_list
from store.engine import now_ms
from store.suppression_list import New
from tests.gateway.kit_intake import Client, House, house

MAIL = (
    b"From: Anne <anne@firm.example>\r\nTo: client@d.test\r\nSubject: Facture\r\nMessage-ID: <1@firm.example>\r\n"
    b"Auto-Submitted: auto-generated\r\n\r\nVotre facture\r\n"
)


async def _allow(made: House, cap: int | None = 5, single: bool = True) -> None:
    async with made.database.write() as conn:
        await accounts.set_transactional(conn, made.account, cap)
        await accounts.set_single(conn, made.account, single)


async def _client(made: House, login: str = "anne", port: str = "submission") -> Client:
    client = await Client.open(made.port(port))
    await client.hello(login, starttls=True)
    return client


async def test_nothing_is_relayed_unless_the_account_may(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        for cap, single in ((5, False), (None, True)):
            await _allow(made, cap, single)
            client = await _client(made)
            assert (await client.mail(MAIL, "client@d.test")).startswith("550-5.1.1")
            client.close()
        await _allow(made)
        other = await _client(made, "bob")
        assert (await other.mail(MAIL, "client@d.test", sender="bob@other.example")).startswith("550-5.1.1")
        reader = await _client(made, "reader")
        assert (await reader.mail(MAIL, "client@d.test")).startswith("550-5.1.1")
        world = await Client.open(made.port("mx"))
        await world.hello()
        assert (await world.mail(MAIL, "client@d.test")).startswith("550-5.1.1")
        assert made.spool.pending() == []


async def test_a_message_to_anybody_is_taken(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        await _allow(made)
        client = await _client(made)
        said = await client.mail(MAIL, "client@d.test", "Other@D.test")
        assert said.startswith("250 2.0.0 ")
        envelope, raw = made.spool.load(said.split()[2])
        assert (envelope.kind, envelope.rcpt_to, envelope.account_id) == (
            "single",
            ("client@d.test", "Other@D.test"),
            made.account,
        )
        assert raw == MAIL
        # not as somebody else, not beside a campaign, and campaigns go on as before
        assert (await client.mail(MAIL.replace(b"anne@", b"eve@"), "client@d.test")).startswith("550-5.7.1")
        assert (await client.mail(MAIL, "client@d.test", "mail@gw.example")).startswith("452-4.5.3")
        assert (await client.mail(MAIL, "nobody@gw.example")).startswith("550-5.1.1")


@pytest.mark.parametrize("reason", ["hard_bounce", "complaint"])
async def test_who_is_suppressed_is_refused_with_the_reason(tmp_path: Path, reason: str) -> None:
    async with house(tmp_path) as made:
        await _allow(made)
        async with made.database.write() as conn:
            await suppression_list.put(conn, made.account, [New("gone@d.test", reason, now_ms())], KEYS, now_ms())
        client = await _client(made)
        said = await client.mail(MAIL, "Gone@d.test")
        assert said.startswith("550-5.7.1") and reason.replace("_", "-") in said


async def test_a_suspended_account_submits_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        await _allow(made)
        async with made.database.write() as conn:
            await accounts.suspend(conn, made.account, True)
        assert (await (await _client(made)).mail(MAIL, "client@d.test")).startswith("550-5.7.1")
