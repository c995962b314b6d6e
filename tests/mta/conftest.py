"""A receiving server on loopback that behaves at every step as it is told, and a pool that sends to it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from mail.resolver import Resolver
from mta.gate import Gate
from mta.pool import Hooks, Pool
from mta.providers import Limits
from mta.session import Dialling
from mta.sites import Atlas, Site
from mta.values import Contact, Outcome, Parcel, Patience
from mta.ways import Way
from store.states import Status
from store.values import Job, Tracked

CLOSE = "close"
SILENT = "silent"
RESET = "reset"
EHLO = b"250-server\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
Answer = bytes | str | tuple[bytes | str, ...]  # several are said one after the other, each in a packet of its own
Said = Answer | Callable[[bytes, "Peer"], Answer]


@dataclass
class Peer:
    """One connection to the server: how many mails it brought, what it said, cut as it arrived."""

    number: int
    mails: int = 0
    rcpt: bytes = b""
    last: bytes = b""
    flights: list[bytes] = field(default_factory=list)


@dataclass
class Server:
    """Answers by verb: bytes, CLOSE, RESET, SILENT, several of them, or a function of the line and the peer."""

    port: int = 0
    banner: Said = b"220 ready\r\n"
    ehlo: Said = EHLO
    mail: Said = b"250 2.1.0 sender ok\r\n"
    rcpt: Said = b"250 2.1.5 recipient ok\r\n"
    data: Said = b"354 go ahead\r\n"
    dot: Said = b"250 2.0.0 queued\r\n"
    rset: Said = b"250 reset\r\n"
    quit: Said = b"221 bye\r\n"
    starttls: Said = b"454 4.7.0 no TLS today\r\n"
    thought: float = 0.0  # seconds before it answers a message
    deaf_after_data: bool = False  # throws away what stands behind the message
    received: list[tuple[bytes, bytes]] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    quits: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(len(self.peers))
        self.peers.append(peer)
        try:
            if await self._say(writer, self.banner, b"", peer):
                await self._talk(reader, writer, peer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: Peer) -> None:
        buffer, body, in_data = b"", b"", False
        while chunk := await reader.read(65536):
            peer.flights.append(chunk)
            buffer += chunk
            while True:
                if in_data:
                    body, found, rest = (b"\r\n" + buffer).partition(b"\r\n.\r\n")
                    if not found:
                        break
                    buffer, in_data = (b"" if self.deaf_after_data else rest), False
                    if not await self._dot(writer, body[2:] + b"\r\n" if body else b"", peer):
                        return
                    continue
                line, found, rest = buffer.partition(b"\r\n")
                if not found:
                    break
                buffer = rest
                verb = line.split(b" ")[0].split(b":")[0].lower().decode()
                if verb == "rcpt":
                    peer.rcpt = line
                if verb == "quit":
                    self.quits += 1
                said = getattr(self, verb if verb != "helo" else "ehlo", b"500 what?\r\n")
                if not await self._say(writer, said, line, peer) or verb == "quit":
                    return
                in_data = verb == "data" and peer.last[:1] == b"3"

    async def _dot(self, writer: asyncio.StreamWriter, body: bytes, peer: Peer) -> bool:
        peer.mails += 1
        self.received.append((peer.rcpt, body))
        if self.thought:
            await asyncio.sleep(self.thought)
        return await self._say(writer, self.dot, peer.rcpt, peer)

    async def _say(self, writer: asyncio.StreamWriter, said: Said, line: bytes, peer: Peer) -> bool:
        answer = said(line, peer) if callable(said) else said
        peer.last = b""
        for part in answer if isinstance(answer, tuple) else (answer,):
            if part == CLOSE:
                return False
            if part == RESET:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
                return False
            if isinstance(part, str):
                await self.over.wait()  # silent until the test ends
                return False
            peer.last += part
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        return True


@dataclass
class Lane:
    """A pool with a real atlas whose one route leads to the server; collects what comes of each mail."""

    pool: Pool
    gate: Gate
    site: Site
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    contacts: dict[str, Contact] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    commit: bool = True

    def send(self, *addresses: str, content: bytes = b"Subject: x\r\n\r\nhello\r\n") -> None:
        self.pool.submit(Way(self.site), [parcel(address, content) for address in addresses])

    async def wait(self, count: int = 1, patience: float = 60.0) -> dict[str, Outcome]:
        async with asyncio.timeout(patience):
            while len(self.outcomes) + len(self.unsent) + len(self.later) + len(self.broken) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.outcomes

    def outcome(self, sent: Parcel, outcome: Outcome, contact: Contact, _line: object = None) -> None:
        assert sent.recipient not in self.outcomes, "one outcome a mail"
        self.outcomes[sent.recipient] = outcome
        self.contacts[sent.recipient] = contact
        self.order.append(sent.recipient)
        if self.commit:
            self.gate.used -= 1
        self.changed.set()

    def note(self, into: list[str], sent: Parcel) -> None:
        into.append(sent.recipient)
        self.changed.set()


def parcel(
    address: str, content: bytes | Callable[[], bytes] = b"Subject: x\r\n\r\nhello\r\n", campaign: int = 1
) -> Parcel:
    """A mail to `address`, leased by worker 1."""
    job = Job(hash(address), campaign, address, "", (), Tracked.NONE, Status.QUEUED, 0, None)
    return Parcel(job, 1, "bounce+x@gw.test", address, lambda: (content() if callable(content) else content,))


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A well-behaved server that offers PIPELINING; tests change single answers."""
    scripted = Server()
    listening = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
    scripted.port = listening.sockets[0].getsockname()[1]
    yield scripted
    scripted.over.set()
    listening.close()


@pytest.fixture
async def lane(server: Server) -> AsyncIterator[Callable[..., Awaitable[Lane]]]:
    """Makes lanes: `await lane(patience=…, limits=…, in_flight=…)`."""
    made: list[tuple[Lane, asyncio.Task[None], Resolver]] = []

    async def make(**options: Any) -> Lane:
        resolver = Resolver(["127.0.0.1:1"], timeout=0.1)
        atlas = Atlas(resolver, options.get("routes", {"*": f"127.0.0.1:{server.port}"}), 25)
        gate = Gate(options.get("in_flight", 100), asyncio.get_running_loop().time)
        gate.beaten(1, asyncio.get_running_loop().time())
        hooks = Hooks(
            lambda *a: result.outcome(*a),
            lambda p: result.note(result.unsent, p),
            lambda p, _: result.note(result.later, p),
            lambda p, _: result.note(result.broken, p),
        )
        dialling = options.get("dialling", Dialling("client.test", reply_timeout=20.0, connect_timeout=20.0))
        patience = options.get("patience", Patience(reply=20.0, dot=20.0, behind=5.0, group=10.0))
        pool = Pool(atlas, dialling, patience, options.get("limits", Limits(idle=0.5)), gate, hooks)
        site = await atlas.locate("dest.test")
        assert isinstance(site, Site)
        result = Lane(pool, gate, site)
        made.append((result, asyncio.create_task(pool.run()), resolver))
        return result

    yield make
    for each, task, resolver in made:
        task.cancel()
        each.gate.draining = True
        await each.pool.drain(0.0)
        await resolver.close()
