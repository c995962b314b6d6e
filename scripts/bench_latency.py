"""The latency bench: our dialogue against aiosmtplib's own sendmail, on the same connections with 20 ms round trips.

In: nothing (options: --mails N, --theirs N, --json FILE). Out: a table as of the delivery bench: mails a second of both, over
10 connections through a proxy that holds every byte back for 10 ms each way, into a light sink on loopback; the mails are
rendered before. Both run in the same loop, two rounds each in turns. Raises SystemExit with a sentence when a tool is
missing or a figure is short of its target.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast

import aiosmtplib
import uvloop
from support_bench import Row, free_port, light_sink, report, sink_count, unsigned, until

from mta.session import Dialling, Opened, Target, close_session, open_session
from mta.smtp import Dialogue
from mta.values import Answered, Desk, Flight, Letter, Outcome, Parcel, Patience, rendered
from store.states import Status
from store.values import Job, Tracked

CONNECTIONS = 10
ROUND_TRIP = 0.020  # seconds
ROUNDS = 2
RATIO = 3.5  # our mails/s over those of aiosmtplib, at least
SENDER, RECIPIENT = "b@bench.test", "r@dest.test"


class Late(asyncio.Protocol):
    """One half of a proxied connection: what it hears is said by the other half, half a round trip later."""

    def __init__(self, other: Late | None = None, sink: int = 0) -> None:
        self.other, self._sink = other, sink
        self._held: deque[bytes] = deque()
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._dialling: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.other is None:
            self.other = Late(self)
            self._dialling = self._loop.create_task(
                self._loop.create_connection(lambda: cast(Late, self.other), "127.0.0.1", self._sink)
            )

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.hold(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other._transport is not None:
            self.other._transport.close()

    def hold(self, data: bytes) -> None:
        self._held.append(data)
        self._loop.call_later(ROUND_TRIP / 2, self._say)

    def _say(self) -> None:
        said = self._held.popleft()
        if self._transport is None:
            self.hold(said)  # still dialling: nobody has heard a banner, so nothing is overtaken
        elif not self._transport.is_closing():
            self._transport.write(said)


def proxy(port: int, sink: int) -> None:
    """Run the proxy until it is ended."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Late(sink=sink), "127.0.0.1", port)
        await server.serve_forever()

    uvloop.run(serve())


async def theirs(port: int, mails: Sequence[bytes]) -> float:
    """Seconds that aiosmtplib needs for the mails."""
    clients = [aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) for _ in range(CONNECTIONS)]
    for client in clients:
        await client.connect()
        await client.ehlo()
    waiting = deque(mails)

    async def one(client: aiosmtplib.SMTP) -> None:
        while waiting:
            await client.sendmail(SENDER, [RECIPIENT], waiting.popleft())

    begun = time.perf_counter()
    await asyncio.gather(*(one(client) for client in clients))
    seconds = time.perf_counter() - begun
    for client in clients:
        client.close()
    return seconds


async def ours(port: int, mails: Sequence[bytes]) -> float:
    """Seconds that our dialogue needs for the mails."""
    job = Job(1, 1, RECIPIENT, "", (), Tracked.NONE, Status.QUEUED, 0, None)
    waiting = deque(rendered(Parcel(job, 1, SENDER, RECIPIENT, partial(tuple, (mail,)), True)) for mail in mails)
    left, done = len(mails), asyncio.Event()

    def settled(_: Letter, outcome: Outcome) -> None:
        nonlocal left
        if not isinstance(outcome, Answered) or outcome.reply.code != 250:
            raise SystemExit(f"bench: {outcome}")
        left -= 1
        if not left:
            done.set()

    def nothing(*_: object) -> None:
        pass

    desk = Desk(
        lambda: waiting.popleft() if waiting else None, lambda _: True, settled, nothing, nothing, nothing, nothing
    )
    target = Target("127.0.0.1", "127.0.0.1", port)
    opened = [await open_session(target, Dialling("bench.test")) for _ in range(CONNECTIONS)]
    begun = time.perf_counter()
    for session in opened:
        if not isinstance(session, Opened):
            raise SystemExit(f"bench: {session.outcome}")
        dialogue = Dialogue(desk, session.offers, Flight.BEHIND_DOT, Patience())
        session.transport.set_protocol(dialogue)
        dialogue.connection_made(session.transport)
        dialogue.offer()
    async with asyncio.timeout(60):
        await done.wait()
    seconds = time.perf_counter() - begun
    await asyncio.gather(*(close_session(session) for session in opened if isinstance(session, Opened)))
    return seconds


async def round_trip(port: int) -> float:
    """Seconds between a command and its reply, the least of some."""
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        waits = []
        for _ in range(10):
            begun = time.perf_counter()
            await client.noop()
            waits.append(time.perf_counter() - begun)
        return min(waits)


async def measure(port: int, mails: Sequence[bytes], fewer: Sequence[bytes]) -> tuple[float, float, float]:
    """The round trip in seconds, then the mails a second of aiosmtplib and of us, medians of the rounds."""
    trip = await round_trip(port)
    slow, fast = [], []
    for _ in range(ROUNDS):
        slow.append(len(fewer) / await theirs(port, fewer))
        fast.append(len(mails) / await ours(port, mails))
    return trip, statistics.median(slow), statistics.median(fast)


def rows(count: int, fewer: int) -> list[Row]:
    """All figures of one run."""
    mails = unsigned(count)
    with tempfile.TemporaryDirectory(prefix="bench") as name, light_sink(Path(name)) as sink:
        port = free_port()
        between = multiprocessing.get_context("spawn").Process(target=proxy, args=(port, sink), daemon=True)
        between.start()
        try:
            until(lambda: sink_count(port) is not None, 20, "the proxy")
            trip, slow, fast = uvloop.run(measure(port, mails, mails[:fewer]))
            taken = (sink_count(sink) or (0, 0))[0]
        finally:
            between.terminate()
            between.join(5)
    if taken != ROUNDS * (count + fewer):
        raise SystemExit(f"bench: the sink took {taken} of {ROUNDS * (count + fewer)} mails")
    ratio = fast / slow
    return [
        Row("round trip", trip * 1000, "ms"),
        Row("size of a mail", sum(map(len, mails)) / count / 1000, "KB"),
        Row(f"aiosmtplib, {CONNECTIONS} connections", slow, "/s"),
        Row(f"ours, {CONNECTIONS} connections", fast, "/s"),
        Row("ours / aiosmtplib", ratio, "x", f">= {RATIO}", ratio >= RATIO),
    ]


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    reader.add_argument("--mails", type=int, default=2_000, help="mails of each of our rounds")
    reader.add_argument("--theirs", type=int, default=400, help="mails of each round of aiosmtplib")
    reader.add_argument("--json", type=Path, help="also write the rows there")
    found = reader.parse_args()
    return report(rows(found.mails, found.theirs), found.json)


if __name__ == "__main__":
    sys.exit(main())
