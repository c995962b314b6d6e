"""Spam filters are asked within a bounded time: a scripted spamd and rspamd on loopback, and what they may do wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from config.settings_advice import Advice
from gateway.findings import score
from gateway.findings.finding import said
from gateway.findings.score import Score
from mail.fetch import Client
from mail.resolver import Resolver

RAW = b"Message-ID: <1@gw.example>\r\nSubject: x\r\n\r\nBonjour\r\n"
Handler = Callable[[bytes], Awaitable[bytes]]


@asynccontextmanager
async def peer(answer: bytes, seen: list[bytes], wait: float = 0) -> AsyncIterator[str]:
    """A server that reads one request whole, waits, answers and closes."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        seen.append(head + await reader.readexactly(size))
        if wait:
            await over.wait()
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    over.set()
    server.close()


async def asked(**settings: str) -> list[score.Finding]:
    resolver = Resolver(["127.0.0.1:1"])
    try:
        return await score.of_mail(RAW, Advice(**settings), Client(resolver))  # type: ignore[arg-type]
    finally:
        await resolver.close()


async def test_spamassassin() -> None:
    seen: list[bytes] = []
    body = b"HTML_IMAGE_ONLY_08,MISSING_HEADERS,SUBJ_ALL_CAPS,URIBL_BLACK"
    answer = b"SPAMD/1.1 0 EX_OK\r\nContent-length: 58\r\nSpam: True ; 7.4 / 5.0\r\n\r\n" + body
    async with peer(answer, seen) as place:
        (found,) = await asked(spamd=place)
    assert seen == [b"SYMBOLS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(RAW) + RAW]
    assert (found.code, found.severity.value) == ("spam_high", "serious")
    assert said("fr", found) == (
        "SpamAssassin donne 7,4 sur 5,0\N{NO-BREAK SPACE}: ce message sera sans doute classé indésirable"
        " (HTML_IMAGE_ONLY_08, MISSING_HEADERS, SUBJ_ALL_CAPS)"
    )


async def test_rspamd() -> None:
    seen: list[bytes] = []
    body = (
        b'{"score": 9.5, "required_score": 15, "action": "add header", "symbols":'
        b' {"R_DKIM_ALLOW": {"score": -0.2}, "MANY_LINKS": {"score": 2.0}, "URL_BAD": {"score": 6.0}, "x y": {"score": 9}}}'
    )
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with peer(answer, seen) as place:
        (found,) = await asked(rspamd=place)
    assert seen[0].startswith(b"POST /checkv2 HTTP/1.1\r\n") and seen[0].endswith(RAW)
    assert (found.code, found.values["rules"]) == ("spam_near", "URL_BAD 6.0, MANY_LINKS 2.0")
    assert said("en", found).startswith("rspamd gives 9.5 of 15.0:")


async def test_both_at_once_and_a_good_mail() -> None:
    http = b'HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n{"score":0.1,"required_score":15}'
    async with peer(b"SPAMD/1.5 0 EX_OK\r\nSpam: False ; -1.2 / 5.0\r\n\r\n", []) as one, peer(http, []) as other:
        found = await asked(spamd=one, rspamd=other)
    assert [(each.code, each.values["tool"]) for each in found] == [
        ("spam_low", "SpamAssassin"),
        ("spam_low", "rspamd"),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SPAMD/1.5 76 Bad header line\r\n\r\n",
        b"SPAMD/1.5 0 EX_OK\r\nSpam: True ; lots / 5.0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnot json!",
        b"\xff" * 500_000,
    ],
)
async def test_what_is_not_understood_is_no_finding(answer: bytes) -> None:
    async with peer(answer, []) as one, peer(answer, []) as other:
        assert await asked(spamd=one, rspamd=other) == []


async def test_a_filter_that_is_silent_or_away_delays_nothing() -> None:
    async with asyncio.timeout(10), peer(b"", [], wait=1) as place:
        assert await asked(spamd=place, rspamd=place, spam_timeout="100ms") == []
    assert await asked(spamd=place, rspamd=place) == []  # nobody listens there any more
    assert await asked() == []


@pytest.mark.parametrize(
    ("points", "limit", "code"),
    [
        (5.0, 5.0, "spam_high"),
        (3.0, 5.0, "spam_near"),
        (2.9, 5.0, "spam_low"),
        (0.5, 0.0, "spam_high"),
        (-9, 5, "spam_low"),
    ],
)
def test_limits(points: float, limit: float, code: str) -> None:
    assert score.finding(Score("x", points, limit)).code == code
