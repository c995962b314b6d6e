"""A campaign and its release from anybody's server: nothing but signatures proves who wrote them."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path

import pytest
from sqlalchemy import select

from config.settings import Smtp
from gateway.passwords import Passwords
from gateway.smtp.gate import Gate
from gateway.smtp.limits import Limits
from gateway.smtp.listener import Listener
from gateway.smtp.prover import Prover
from store.tables import notices
from tests.gateway.intake.test_steps import Office, mail, office, read, readers, words
from tests.gateway.kit_intake import CA, DOMAIN, RING, Client
from tests.gateway.kit_proof import Dns, signed

assert readers  # the module's own pool of reading processes
pytestmark = pytest.mark.asyncio(loop_scope="module")
LISTE = "Email;Nom\nmarie@rcpt.example;Durand\npaul@rcpt.example;Martin\n"


@asynccontextmanager
async def port_25(made: Office, folder: Path) -> AsyncIterator[int]:
    """The listener in front of an office, with no network that it trusts."""
    limits = Limits(Smtp(min_free_disk=0), folder, time.monotonic)
    prover, listener = Prover(Dns()), Listener()
    desk = made.desk
    gate = Gate(
        DOMAIN, RING, desk.database, desk.spool, limits, Passwords(time.monotonic), (), 5.0, made.dispatch.wake, prover,
        desk.suppression,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert("localhost").configure_cert(context)
    await listener.start(gate, {"mx": ["127.0.0.1:0"]}, context)
    try:
        yield listener.ports["mx"][0]
    finally:
        await listener.stop()
        prover.close()


async def offer(made: Office, port: int, raw: bytes, to: str) -> tuple[str, str]:
    """What the listener says to a mail, and the letter that follows."""
    client = await Client.open(port)
    await client.hello()
    said = await client.mail(signed(raw), to)
    client.close()
    async with asyncio.timeout(30):
        while made.desk.spool.pending() or made.dispatch._busy:
            await asyncio.sleep(0.02)
    found = await made.rows(select(notices.c.raw).where(notices.c.id > made.seen).order_by(notices.c.id))
    made.seen += len(found)
    return said, "\n".join(f"{(letter := read(one.raw))['Reply-To']} {words(letter)}" for one in found)


async def test_from_the_signed_mail_to_the_signed_ok(tmp_path: Path) -> None:
    async with office(tmp_path) as made, port_25(made, tmp_path) as port:
        raw = mail(("LISTE.csv", LISTE), Date=formatdate())
        said, letter = await offer(made, port, raw, f"mail@{DOMAIN}")
        assert said.startswith("250 2.0.0")
        assert await made.states() == ["held"]  # a signature proves a domain, not a person
        assert "attend votre accord" in letter
        said, again = await offer(made, port, raw, f"mail@{DOMAIN}")  # the 250 was lost on the way
        assert said.startswith("250 2.0.0")
        assert "une seconde fois" in again
        assert await made.states() == ["held"]
        to = letter.split()[0]
        answer = mail(subject="RE: Bonjour", body="OK", to=to, Date=formatdate())
        said, letter = await offer(made, port, answer, to)
        assert said.startswith("250 2.0.0")
        assert "l'envoi à 2 destinataires commence" in letter
        assert await made.states() == ["sending"]


async def test_somebody_else_releases_nothing(tmp_path: Path) -> None:
    async with office(tmp_path) as made, port_25(made, tmp_path) as port:
        _, letter = await offer(made, port, mail(("LISTE.csv", LISTE), Date=formatdate()), f"mail@{DOMAIN}")
        to = letter.split()[0]
        for sender, refusal in (("bob@other.example", "550-5.7.22"), ("eve@firm.example", "550-5.7.1")):
            forged = mail(subject="RE: Bonjour", body="OK", to=to, sender=sender, Date=formatdate())
            said, letter = await offer(made, port, forged, to)
            assert said.startswith(refusal)
            assert letter == ""
        assert await made.states() == ["held"]
