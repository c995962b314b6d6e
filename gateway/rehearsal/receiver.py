"""A receiving mail server that behaves as its house is told.

In: SMTP connections (RFC 5321), with STARTTLS and PIPELINING where the house offers them. Out: replies, mails for the
mailroom, counts. What a real server does is here as well: greylisting, unknown users, full mailboxes, 421, silence
after the final dot, a connection lost at the worst moment. A client that is silent or talks nonsense is let go.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass, field

from gateway.rehearsal.mailroom import Mailroom
from gateway.rehearsal.world import Behaviour, House

_IDLE = 60.0  # seconds a client may be silent, and that we are silent ourselves
_MAX_MAIL = 30_000_000
_LINE = 1_000_000  # bytes of one line that the reader holds
_RECIPIENTS = 100
_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>]*)>", re.IGNORECASE)


@dataclass(slots=True)
class _Dialogue:
    """Where one connection stands."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    tls: bool = False
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)

    def reset(self) -> None:
        self.sender, self.recipients = None, []


class Receiver:
    """The server of one house; `serve` talks to one client until it leaves."""

    def __init__(self, house: House, mailroom: Mailroom, tls: ssl.SSLContext | None) -> None:
        self._house, self._room = house, mailroom
        self._tls = tls if house.starttls else None
        self._seen: set[tuple[str, str]] = set()  # what was greylisted, met silence or was hung up on, once each

    async def listen(self, port: int) -> asyncio.Server:
        """Open the house's address on `port` (0: any); OSError when it is taken."""
        return await asyncio.start_server(self.serve, self._house.ip, port, limit=_LINE)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold one dialogue."""
        self._count("connections")
        talk = _Dialogue(reader, writer)
        try:
            if self._house.behaviour is Behaviour.BUSY:
                self._count("busy")
                await self._say(talk, f"421 4.3.2 {self._house.host} service not available, try again later")
                return
            await self._say(talk, f"220 {self._house.host} {self._house.banner}")
            while await self._command(talk):
                pass
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, ValueError, ssl.SSLError):
            pass  # the client is gone, silent or sends lines without end
        finally:
            writer.close()

    async def _command(self, talk: _Dialogue) -> bool:
        """Answer one command; False when the dialogue is over."""
        line = await self._line(talk)
        if not line:
            return False
        words = line.decode("utf-8", "replace").strip()
        verb = words[:8].upper().split(" ")[0].split(":")[0]
        match verb:
            case "EHLO":
                await self._say(talk, *self._greeting(talk))
            case "HELO":
                await self._say(talk, f"250 {self._house.host}")
            case "STARTTLS" if self._tls is not None and not talk.tls:
                return await self._start_tls(talk)
            case "MAIL":
                await self._say(talk, self._mail(talk, words))
            case "RCPT":
                await self._say(talk, self._rcpt(talk, words))
            case "DATA":
                return await self._data(talk)
            case "RSET" | "NOOP":
                if verb == "RSET":
                    talk.reset()
                await self._say(talk, "250 2.0.0 Ok")
            case "QUIT":
                await self._say(talk, "221 2.0.0 Bye")
                return False
            case _:
                await self._say(talk, "502 5.5.2 Error: command not recognized")
        return True

    def _greeting(self, talk: _Dialogue) -> list[str]:
        offers = [self._house.host, f"SIZE {_MAX_MAIL}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if self._house.pipelining:
            offers.append("PIPELINING")
        if self._tls is not None and not talk.tls:
            offers.append("STARTTLS")
        return [*(f"250-{offer}" for offer in offers[:-1]), f"250 {offers[-1]}"]

    async def _start_tls(self, talk: _Dialogue) -> bool:
        assert self._tls is not None
        await self._say(talk, "220 2.0.0 Ready to start TLS")
        async with asyncio.timeout(_IDLE):
            await talk.writer.start_tls(self._tls)
        talk.tls = True
        talk.reset()
        self._count("tls")
        return True

    def _mail(self, talk: _Dialogue, words: str) -> str:
        found = _PATH.search(words)
        if found is None:
            return "501 5.5.4 Syntax: MAIL FROM:<address>"
        if talk.sender is not None:
            return "503 5.5.1 Error: nested MAIL command"
        talk.sender = found[1]
        return "250 2.1.0 Ok"

    def _rcpt(self, talk: _Dialogue, words: str) -> str:
        found = _PATH.search(words)
        if talk.sender is None:
            return "503 5.5.1 Error: need MAIL command"
        if found is None or not found[1]:
            return "501 5.5.4 Syntax: RCPT TO:<address>"
        address = found[1]
        if len(talk.recipients) >= _RECIPIENTS:
            return "452 4.5.3 Error: too many recipients"
        if address.rpartition("@")[2].lower() != self._house.domain:
            self._count("refused")
            return f"554 5.7.1 <{address}>: Relay access denied"
        match self._house.behaviour:
            case Behaviour.UNKNOWN:
                self._count("refused")
                return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown in virtual mailbox table"
            case Behaviour.FULL:
                self._count("refused")
                return f"552 5.2.2 <{address}>: Mailbox full, the user is over quota"
            case Behaviour.GREYLIST if self._first("greylist", address.lower()):
                self._count("greylisted")
                return f"450 4.2.0 <{address}>: Recipient address rejected: Greylisted, come back later"
        talk.recipients.append(address)
        return "250 2.1.5 Ok"

    async def _data(self, talk: _Dialogue) -> bool:
        if not talk.recipients:  # a pipelining client learns here that nobody was left
            await self._say(talk, "503 5.5.1 Error: no valid recipients")
            return True
        await self._say(talk, "354 End data with <CR><LF>.<CR><LF>")
        raw = await self._body(talk)
        if raw is None:
            await self._say(talk, "552 5.3.4 Message size exceeds fixed limit")
            talk.reset()
            return True
        address = talk.recipients[0].lower()
        if self._house.behaviour is Behaviour.SILENT and self._first("silent", address):
            self._count("silent")
            async with asyncio.timeout(_IDLE):
                while await talk.reader.read(_LINE):  # until the client hangs up, whatever it says
                    pass
            return False
        for recipient in talk.recipients:
            self._room.keep(self._house, talk.sender or "", recipient, raw)
        if self._house.behaviour is Behaviour.DROP and self._first("drop", address):
            self._count("dropped")
            talk.writer.transport.abort()
            return False
        talk.reset()
        await self._say(talk, f"250 2.0.0 Ok: queued as {self._room.counts['received']:08X}")
        return True

    async def _body(self, talk: _Dialogue) -> bytes | None:
        """Read up to the final dot (RFC 5321 section 4.5.2); None when it is too long."""
        lines: list[bytes] = []
        size = 0
        while (line := await self._line(talk)) != b".\r\n":
            if not line:
                raise asyncio.IncompleteReadError(b"", None)
            size += len(line)
            if size <= _MAX_MAIL:
                lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines) if size <= _MAX_MAIL else None

    async def _line(self, talk: _Dialogue) -> bytes:
        async with asyncio.timeout(_IDLE):
            return await talk.reader.readline()

    async def _say(self, talk: _Dialogue, *lines: str) -> None:
        talk.writer.write("".join(f"{line}\r\n" for line in lines).encode())
        async with asyncio.timeout(_IDLE):
            await talk.writer.drain()

    def _first(self, what: str, address: str) -> bool:
        first = (what, address) not in self._seen
        self._seen.add((what, address))
        return first

    def _count(self, what: str) -> None:
        self._room.count(self._house, what)
