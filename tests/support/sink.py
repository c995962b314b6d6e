"""A receiving SMTP server on loopback for tests: counts what arrives and behaves as it is told.

`Sink(answer)` runs in a thread of its own; `answer(mail)` is an async function that returns the reply to the final dot
(bytes), or None to drop the connection without one. A mail is recorded when its dot has arrived, before the answer: that
is what a recipient would find in the mailbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(<[^>]+>)")


@dataclass(frozen=True, slots=True)
class Taken:
    """One mail that arrived."""

    sender: str
    recipient: str
    raw: bytes
    at: float
    peer: str = ""  # the address that it came from

    @property
    def message_id(self) -> str:
        found = _MESSAGE_ID.search(self.raw)
        return found.group(1).decode() if found else ""


Answer = Callable[[Taken], Awaitable[bytes | None]]


async def accept(_mail: Taken) -> bytes | None:
    """Take every mail."""
    return b"250 2.0.0 taken\r\n"


class Sink:
    """Use as a context manager; `port` is free for its whole life, `mails` grows."""

    def __init__(
        self, answer: Answer = accept, *, pipelining: bool = True, port: int = 0, host: str = "127.0.0.1"
    ) -> None:
        self.mails: list[Taken] = []
        self.port, self.host = port, host
        self.most: Counter[str] = Counter()  # connections at once, by the address that they came from
        self._open: Counter[str] = Counter()
        self._answer, self._pipelining = answer, pipelining
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Sink:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no more connections and drop those that are open; may be said twice."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, self.host, self.port, limit=1 << 22))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[0]
        self._open[peer] += 1
        self.most[peer] = max(self.most[peer], self._open[peer])
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._dialogue(reader, writer)
        finally:
            self._open[peer] -= 1
            writer.close()

    async def _dialogue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink.test ESMTP\r\n")
        sender = recipient = ""
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                extra = b"250-PIPELINING\r\n" if self._pipelining else b""
                writer.write(b"250-sink.test\r\n" + extra + b"250-8BITMIME\r\n250 SIZE 60000000\r\n")
            elif verb in (b"MAIL", b"RCPT"):
                address = line.decode().partition("<")[2].partition(">")[0]
                sender, recipient = (address, recipient) if verb == b"MAIL" else (sender, address)
                writer.write(b"250 2.1.0 ok\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go\r\n")
                body = bytearray()
                while (part := await reader.readline()) != b".\r\n":
                    if not part:
                        return
                    body += part[1:] if part.startswith(b"..") else part
                mail = Taken(sender, recipient, bytes(body), time.time(), writer.get_extra_info("peername")[0])
                self.mails.append(mail)
                reply = await self._answer(mail)
                if reply is None:
                    return
                writer.write(reply)
            elif verb == b"QUIT":
                writer.write(b"221 2.0.0 bye\r\n")
                await writer.drain()
                return
            else:
                writer.write(b"250 2.0.0 ok\r\n")
            await writer.drain()
