"""A gateway's way in on loopback: a database, a spool, three ports and a certificate, all in a temporary folder."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import trustme
from store_helpers import KEYS

from config.settings import Smtp
from gateway.passwords import Passwords, hash_password
from gateway.smtp.gate import Gate
from gateway.smtp.limits import Limits
from gateway.smtp.listener import Listener
from gateway.smtp.prover import Prover
from parsers.tokens import Keyring
from store import accounts
from store.engine import Database, now_ms
from store.spool import Spool
from tests.gateway.kit_proof import Dns

DOMAIN = "gw.example"
RING = Keyring({1: b"k" * 32}, 1)
PASSWORD = "correct horse"
HASH = hash_password(PASSWORD)
CA = trustme.CA()
MAIL = (
    b"From: Anne <anne@firm.example>\r\nTo: mail@gw.example\r\nSubject: Bonjour\r\nMessage-ID: <1@firm.example>\r\n"
    b"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nBonjour {{Nom}}\r\n"
)


@dataclass
class House:
    """Everything a test may look at."""

    folder: Path
    database: Database
    spool: Spool
    limits: Limits
    listener: Listener
    account: int = 0
    other: int = 0
    woken: list[int] = field(default_factory=list)
    dns: Dns = field(default_factory=Dns)

    def port(self, name: str) -> int:
        return self.listener.ports[name][0]


async def people(database: Database) -> tuple[int, int]:
    """Two accounts with a login and a sender each; a third login may only read."""
    async with database.write() as conn:
        firm = await accounts.create_account(conn, "firm", "Firme SARL", "1 rue A, Paris", "fr", "Europe/Paris", 1)
        other = await accounts.create_account(conn, "other", "", "", "en", "Europe/Paris", 1)
        await accounts.add_login(conn, firm, "anne", HASH, "send", 1)
        await accounts.add_login(conn, firm, "reader", HASH, "read", 1)
        await accounts.add_login(conn, other, "bob", HASH, "admin", 1)
        await accounts.declare_sender(conn, firm, "anne@firm.example", "Anne", 1, 1)
        await accounts.declare_sender(conn, other, "bob@other.example", "Bob", 1, 1)
    return firm, other


_migrated: list[tuple[bytes, int, int]] = []


async def fresh_database(folder: Path) -> tuple[Database, int, int]:
    """A database with `people` in it; migrated once, then copied."""
    file = folder / "m.db"
    url = f"sqlite+aiosqlite:///{file}"
    if not _migrated:
        first = Database.open(url)
        await first.migrate()
        ids = await people(first)
        await first.close()
        _migrated.append((file.read_bytes(), *ids))
    folder.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_migrated[0][0])
    return Database.open(url), *_migrated[0][1:]


@asynccontextmanager
async def house(folder: Path, dns: Any = None, **smtp: Any) -> AsyncIterator[House]:
    """Open the three ports; `smtp` overrides settings of [smtp], `dns` the scripted one."""
    settings = Smtp(**({"min_free_disk": 0, "trusted_networks": ["127.0.0.1/32"]} | smtp))
    database, firm, other = await fresh_database(folder)
    spool = Spool(folder / "spool")
    limits = Limits(settings, folder, time.monotonic)
    made = House(folder, database, spool, limits, Listener(), firm, other)
    trusted = tuple(ip_network(item) for item in settings.trusted_networks)
    prover = Prover(dns or made.dns)
    gate = Gate(
        DOMAIN,
        RING,
        database,
        spool,
        limits,
        Passwords(time.monotonic),
        trusted,
        5.0,
        lambda: made.woken.append(now_ms()),
        prover,
        KEYS,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert("localhost").configure_cert(context)
    free = ["127.0.0.1:0"]
    await made.listener.start(gate, {"mx": free, "submission": free, "submissions": free}, context)
    try:
        yield made
    finally:
        await made.listener.stop()
        prover.close()
        await database.close()


class Client:
    """A raw SMTP client: every byte is the test's own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, port: int, tls: bool = False) -> Client:
        """Connect (and shake hands) without reading the banner."""
        return cls(
            *await asyncio.open_connection(
                "127.0.0.1", port, ssl=trust() if tls else None, server_hostname="localhost" if tls else None
            )
        )

    async def reply(self) -> str:
        """One whole reply."""
        lines = []
        while True:
            async with asyncio.timeout(60):
                line = (await self.reader.readline()).decode()
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    async def say(self, text: str | bytes) -> str:
        """Send a line (or bytes as they are) and read the reply."""
        self.writer.write(text if isinstance(text, bytes) else text.encode() + b"\r\n")
        return await self.reply()

    async def starttls(self) -> None:
        assert (await self.say("STARTTLS")).startswith("220")
        await self.writer.start_tls(trust(), server_hostname="localhost")

    async def hello(self, login: str = "", starttls: bool = False) -> str:
        """Banner, EHLO, and where asked STARTTLS and AUTH PLAIN; the EHLO reply."""
        assert (await self.reply()).startswith("220")
        said = await self.say("EHLO test")
        if starttls:
            await self.starttls()
            said = await self.say("EHLO test")
        if login:
            assert (await self.say(f"AUTH PLAIN {plain(login)}")).startswith("235")
        return said

    async def mail(self, raw: bytes, *to: str, sender: str = "anne@firm.example") -> str:
        """A whole transaction; the reply to the dot, or the first refusal."""
        for line in (f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{one}>" for one in to), "DATA"):
            if (said := await self.say(line))[0] not in "23":
                await self.say("RSET")
                return said
        return await self.say(raw + b".\r\n")

    def close(self) -> None:
        self.writer.close()


def plain(login: str, password: str = PASSWORD) -> str:
    return base64.b64encode(f"\0{login}\0{password}".encode()).decode()


def trust() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # without the system's authorities, which take long to read
    CA.configure_trust(context)
    return context
