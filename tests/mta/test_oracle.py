"""aiosmtplib's own sendmail is the oracle: the same bytes arrive at an aiosmtpd server, with and without TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import aiosmtplib
import pytest
import trustme
from aiosmtpd.smtp import SMTP, Envelope, Session

from mta.sites import Site
from mta.values import Answered
from tests.mta.conftest import Lane

MAILS = [
    b"Subject: a\r\n\r\nplain\r\n",
    b"Subject: b\r\n\r\n.leading\r\n..two\r\n.\r\nmiddle\r\n",
    b"Subject: c\r\n\r\nno end of line",
    b"Subject: d\r\n\r\n" + (b"x" * 900 + b"\r\n") * 80,
    b"Subject: e\r\n\r\n" + b"0123456789\r\n.\r\n" * 30_000,
]


class Recorder:
    """Keeps what arrives, by recipient."""

    def __init__(self) -> None:
        self.mails: dict[str, bytes] = {}

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert envelope.original_content is not None
        self.mails[envelope.rcpt_tos[0]] = envelope.original_content
        return "250 2.0.0 kept"


@pytest.fixture(params=[False, True], ids=["plain", "starttls"])
async def sink(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Recorder, int, bool]]:
    recorder, context = Recorder(), None
    if request.param:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("sink.test").configure_cert(context)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(recorder, hostname="sink", tls_context=context), "127.0.0.1", 0)
    yield recorder, server.sockets[0].getsockname()[1], request.param
    server.close()


async def test_same_bytes_as_aiosmtplib(sink: tuple[Recorder, int, bool], lane: Callable[..., Awaitable[Lane]]) -> None:
    recorder, port, encrypted = sink
    for number, mail in enumerate(MAILS):
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        async with client:
            await client.sendmail("bounce+x@gw.test", [f"oracle{number}@dest.test"], mail)
    made = await lane()
    made.site = Site(((0, "127.0.0.1"),), port, routed=True)
    for number, mail in enumerate(MAILS):
        made.send(f"ours{number}@dest.test", content=mail)
    outcomes = await made.wait(len(MAILS))
    assert all(isinstance(outcome, Answered) and outcome.reply.code == 250 for outcome in outcomes.values())
    for number in range(len(MAILS)):
        assert recorder.mails[f"ours{number}@dest.test"] == recorder.mails[f"oracle{number}@dest.test"]
    assert all(contact.tls.startswith("TLSv1") == encrypted for contact in made.contacts.values())
