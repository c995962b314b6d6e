"""`/metrics` at an address of its own, answered by the supervisor: for a machine of senders alone, which has no pages.

In: the open sockets of `[metrics] listen`, and the token that holds at each request. Out: the counters of all processes of
this machine, for Prometheus; 404 for everything and everybody else. Requests are bounded in size, time and number. Raises
OSError where a socket cannot be listened on; a reader that goes away ends nothing. Logs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable

from config import metrics

_HEAD = 8_192  # bytes of a request
_SECONDS = 10.0
_AT_ONCE = 8


class Measured:
    """The listener; `open` again when the settings have changed."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token
        self._servers: list[asyncio.Server] = []
        self._open = 0

    async def open(self, sockets: Iterable[socket.socket]) -> None:
        """Answer on these sockets, which stay open when we close, and on no others."""
        self.close()
        for one in sockets:
            self._servers.append(await asyncio.start_server(self._serve, sock=one.dup(), limit=_HEAD))

    def close(self) -> None:
        """Answer nobody any more."""
        for server in self._servers:
            server.close()
        self._servers = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= _AT_ONCE:
                async with asyncio.timeout(_SECONDS):
                    writer.write(await self._answer(reader, str(writer.get_extra_info("peername")[0])))
                    await writer.drain()
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # no request, a slow one, or nobody there any more
        finally:
            self._open -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, peer: str) -> bytes:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        asked = head[0].split(" ")[:2] == ["GET", "/metrics"]
        if not asked or not metrics.may_read(headers, peer, self._token()):
            return _said("404 Not Found", "text/plain; charset=utf-8", b"")
        return _said("200 OK", metrics.MEDIA, await asyncio.to_thread(metrics.exposition))


def _said(status: str, kind: str, body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode() + body
