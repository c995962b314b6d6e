"""Answers made smaller on the wire (gzip, RFC 9110 8.4.1) where that tells nobody anything.

In: ASGI requests. Out: whole HTML and JSON answers of LEAST bytes and more are compressed for whoever takes gzip; streams
(server-sent events, exports) and what is compressed already pass as they are. The length of a compressed page tells whoever
watches the line whether a guess that was sent along stands in it (the attack BREACH). Under a secret link nobody can send
a guess who does not know the page. Pages of the extranet come for a cookie that a foreign page could make a browser send:
they are compressed only where the browser says that its own user or a page of ours asked (Sec-Fetch-Site, which no page can
forge). Nothing is raised or logged.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEAST = 1_024  # bytes below which a header more would eat what is saved
LONG = 20_000  # bytes that are compressed in a thread: a millisecond
LEVEL = 6
KINDS = ("text/html", "application/json", "application/problem+json")
BY_COOKIE = "/x"  # pages that open for a cookie, which goes along whoever asks


class Compress:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _may(scope["path"], Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        start: Message | None = None

        async def smaller(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message if _suits(message["headers"]) else None
                if start is None:
                    await send(message)
                return
            held, start = start, None
            if held is not None:
                body = message.get("body", b"")
                if not message.get("more_body") and len(body) >= LEAST:
                    message = {**message, "body": await _compressed(body)}
                    _tell(held, len(message["body"]))
                await send(held)
            await send(message)

        await self.app(scope, receive, smaller)


def takes_gzip(headers: Headers) -> bool:
    """Whether whoever asks can read it."""
    told = [one.partition(";") for one in headers.get("accept-encoding", "").lower().split(",")]
    return any(name.strip() == "gzip" and "q=0" not in rest.replace(" ", "").split(";") for name, _, rest in told)


def _may(path: str, headers: Headers) -> bool:
    if not takes_gzip(headers):
        return False
    by_cookie = path == BY_COOKIE or path.startswith(f"{BY_COOKIE}/")
    return not by_cookie or headers.get("sec-fetch-site") in ("same-origin", "none")


def _suits(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    told = Headers(raw=list(headers))
    return told.get("content-type", "").partition(";")[0] in KINDS and "content-encoding" not in told


async def _compressed(body: bytes) -> bytes:
    if len(body) < LONG:
        return gzip.compress(body, LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, body, LEVEL, mtime=0)


def _tell(start: Message, length: int) -> None:
    headers = MutableHeaders(scope=start)
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(length)
    headers.add_vary_header("Accept-Encoding")
