"""The receiving servers do what their house says, as smtplib and aiosmtplib see it."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiosmtplib
import pytest

from config import certificate, keys
from gateway.rehearsal.dns import zone
from gateway.rehearsal.mailroom import Arrival, Mailroom
from gateway.rehearsal.receiver import Receiver
from gateway.rehearsal.world import HOUSES, Behaviour, House

MAIL = b"Message-ID: <1@m.test>\r\nSubject: x\r\n\r\nbonjour\r\n.point\r\n"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    certificate.create(folder, "rehearsal.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate.paths(folder))
    return context


class Site:
    """One house, listening."""

    def __init__(self, house: House, tls: ssl.SSLContext) -> None:
        self.house = replace(house, ip="127.0.0.1")
        self.arrivals: list[Arrival] = []
        self.room = Mailroom(zone("m.test", {}), self.arrivals.append, frozenset())
        self._receiver, self.port = Receiver(self.house, self.room, tls), 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Site]:
        server = await self._receiver.listen(0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await self.room.settled()

    def client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(hostname="127.0.0.1", port=self.port, validate_certs=False, timeout=60)

    async def send(self, local: str = "a", raw: bytes = MAIL) -> str:
        async with self.client() as client:
            _, reply = await client.sendmail("bounce@m.test", [f"{local}@{self.house.domain}"], raw)
        return reply


@pytest.fixture
def site(tls: ssl.SSLContext) -> Callable[[Behaviour], Site]:
    return lambda behaviour: Site(next(house for house in HOUSES if house.behaviour is behaviour), tls)


async def test_a_mail_is_kept_byte_for_byte_over_tls(site: Callable[[Behaviour], Site]) -> None:
    async with site(Behaviour.ACCEPT).open() as open_site:
        assert (await open_site.send()).startswith("2.0.0")
    [arrival] = open_site.arrivals
    assert (arrival.raw, arrival.sender, arrival.message_id) == (MAIL, "bounce@m.test", "<1@m.test>")
    assert open_site.room.counts == {"connections": 1, "tls": 1, "received": 1, "dkim_failed": 1}


async def test_smtplib_gets_through_too(site: Callable[[Behaviour], Site]) -> None:
    async with site(Behaviour.ACCEPT).open() as open_site:

        def send() -> dict[str, tuple[int, bytes]]:
            with smtplib.SMTP("127.0.0.1", open_site.port, timeout=60) as client:
                return client.sendmail("b@m.test", [f"a@{open_site.house.domain}"], MAIL)

        assert await asyncio.to_thread(send) == {}
    assert len(open_site.arrivals) == 1


async def test_the_same_mail_again_is_a_repeat(site: Callable[[Behaviour], Site]) -> None:
    async with site(Behaviour.ACCEPT).open() as open_site:
        await open_site.send()
        await open_site.send()
        await open_site.send("b")  # another person
    assert (open_site.room.counts["received"], open_site.room.counts["repeats"]) == (2, 1)
    assert len(open_site.arrivals) == 2


@pytest.mark.parametrize(
    ("behaviour", "code", "word"),
    [(Behaviour.UNKNOWN, 550, "5.1.1"), (Behaviour.FULL, 552, "5.2.2"), (Behaviour.GREYLIST, 450, "4.2.0")],
)
async def test_a_recipient_is_refused(
    site: Callable[[Behaviour], Site], behaviour: Behaviour, code: int, word: str
) -> None:
    async with site(behaviour).open() as open_site:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await open_site.send()
    assert refused.value.recipients[0].code == code
    assert word in refused.value.recipients[0].message
    assert open_site.arrivals == []


async def test_greylisting_lasts_one_attempt(site: Callable[[Behaviour], Site]) -> None:
    async with site(Behaviour.GREYLIST).open() as open_site:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
            await open_site.send()
        await open_site.send()
    assert (open_site.room.counts["greylisted"], open_site.room.counts["received"]) == (1, 1)


async def test_busy_is_said_at_once(site: Callable[[Behaviour], Site]) -> None:
    async with site(Behaviour.BUSY).open() as open_site:
        with pytest.raises(aiosmtplib.SMTPConnectError, match="421"):
            await open_site.send()
    assert open_site.room.counts["busy"] == 1


async def test_a_lost_reply_is_a_mail_that_came(site: Callable[[Behaviour], Site]) -> None:
    async with site(Behaviour.DROP).open() as open_site:
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await open_site.send()
        await open_site.send()
    assert (
        open_site.room.counts["dropped"] == open_site.room.counts["repeats"] == open_site.room.counts["received"] == 1
    )


async def test_silence_after_the_dot_keeps_nothing(site: Callable[[Behaviour], Site]) -> None:
    async with site(Behaviour.SILENT).open() as open_site:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=open_site.port, validate_certs=False, timeout=0.3)
        await client.connect()
        with pytest.raises((aiosmtplib.SMTPReadTimeoutError, aiosmtplib.SMTPServerDisconnected)):
            await client.sendmail("b@m.test", [f"a@{open_site.house.domain}"], MAIL)
        client.close()
        await open_site.send()
    assert (open_site.room.counts["silent"], open_site.room.counts["received"]) == (1, 1)


async def test_commands_may_come_in_one_flight(site: Callable[[Behaviour], Site]) -> None:
    async with site(Behaviour.UNKNOWN).open() as open_site:
        reader, writer = await asyncio.open_connection("127.0.0.1", open_site.port)
        domain = open_site.house.domain.encode()
        writer.write(b"EHLO m\r\nMAIL FROM:<>\r\nRCPT TO:<a@" + domain + b">\r\nDATA\r\nRSET\r\nQUIT\r\n")
        said = (await asyncio.wait_for(reader.read(), 60)).decode().splitlines()
        writer.close()
    assert "250-PIPELINING" in said
    assert [line[:3] for line in said if line[3] == " "] == ["220", "250", "250", "550", "503", "250", "221"]


async def test_nobody_relays(site: Callable[[Behaviour], Site]) -> None:
    async with site(Behaviour.ACCEPT).open() as open_site, open_site.client() as client:
        await client.mail("a@m.test")
        with pytest.raises(aiosmtplib.SMTPRecipientRefused, match="Relay access denied"):
            await client.rcpt("a@elsewhere.test")


async def test_signatures_are_verified_with_keys_from_the_dns(tls: ssl.SSLContext, tmp_path: Path) -> None:
    keys.create(tmp_path, "m.test")
    [(domain, selector, pem)] = keys.dkim_keys(tmp_path)
    site = Site(HOUSES[0], tls)
    site.room = Mailroom(
        zone("m.test", {f"{selector}._domainkey.{domain}": keys.dkim_record(pem)}), site.arrivals.append, frozenset()
    )
    signed = _signed(pem, domain, selector)
    site.room.keep(site.house, "", "a@b.test", signed)
    site.room.keep(site.house, "", "b@b.test", signed.replace(b"bonjour", b"bonsoir"))
    await site.room.settled()
    assert (site.room.counts["dkim_verified"], site.room.counts["dkim_failed"]) == (1, 1)


def _signed(pem: bytes, domain: str, selector: str) -> bytes:
    import dkim

    raw = b"From: a@m.test\r\nTo: b@b.test\r\nSubject: x\r\nMessage-ID: <2@m.test>\r\n\r\nbonjour\r\n"
    return bytes(dkim.sign(raw, selector.encode(), domain.encode(), pem)) + raw
