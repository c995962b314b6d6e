"""The rim of every page: security headers, a bound on bodies, and proof that a form is ours.

In: ASGI requests. Out: answers that nobody caches, frames, indexes or sniffs, that load nothing from elsewhere, and that
send no referrer (the address is the secret). A body above BODY, or above what an address takes, gives 413. `form` reads a
small form within SLOW seconds; `ours` tells whether a POST came from our own page. Raises HTTPException only; logs nothing
(addresses hold tokens).
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import FormData, MutableHeaders, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY = 16_384  # bytes of the largest form
SLOW = 10.0  # seconds a client may take to send it
LIST = 30_000_000  # bytes of a list that somebody brings who is logged in
SLOW_FILE = 300.0  # and the seconds it may take
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


class Guard:
    """Middleware around the whole application; `bodies` names the largest ones below some addresses."""

    def __init__(self, app: ASGIApp, bodies: Mapping[str, int] | None = None) -> None:
        self.app, self._bodies = app, dict(bodies or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        path = scope["path"]
        most = next((size for start, size in self._bodies.items() if path.startswith(start)), BODY)
        await self.app(scope, _bounded(receive, most), guarded)


def _bounded(receive: Receive, most: int) -> Receive:
    seen = 0

    async def counted() -> MutableMapping[str, Any]:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413)
        return message

    return counted


async def form(request: Request, fields: int = 20) -> FormData:
    """Read a small form (urlencoded or multipart, no files); 408 when it takes too long, 413 when it is large."""
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > BODY:
        raise HTTPException(413)
    try:
        async with asyncio.timeout(SLOW):
            return await request.form(max_files=0, max_fields=fields, max_part_size=4096)
    except TimeoutError as error:
        raise HTTPException(408) from error


async def upload(request: Request, name: str, most: int) -> tuple[FormData, tuple[str, bytes] | None]:
    """Read a form that brings one file: its fields, and the file (name, content) where one was chosen; 413 above `most`,
    503 while as many come as may come at once."""
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > most + BODY:
        raise HTTPException(413)
    turn: asyncio.Semaphore = request.app.state.uploads
    if turn.locked():
        raise HTTPException(503)
    async with turn:
        try:
            async with asyncio.timeout(SLOW_FILE):
                sent = await request.form(max_files=1, max_fields=20, max_part_size=4096)
                brought = sent.get(name)
                if not isinstance(brought, UploadFile) or not brought.filename:
                    return sent, None
                return sent, (brought.filename[:200], await brought.read(most))
        except TimeoutError as error:
            raise HTTPException(408) from error


def proof(token: str, action: str) -> str:
    """The hidden word of a form: it can be made only by who knows the report's token."""
    return hmac.digest(token.encode(), action.encode(), "sha256").hex()[:32]


def ours(request: Request, sent: FormData, token: str, action: str, public_url: str) -> bool:
    """Tell whether a POST came from our own page: no foreign site named, and the form's word is right.

    Under no-referrer a browser writes `Origin: null` on its own forms, so null proves nothing and refuses nothing.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin", "null")
    hosts = {request.headers.get("host", ""), urlsplit(public_url).netloc}
    if origin != "null" and urlsplit(origin).netloc not in hosts:
        return False
    return hmac.compare_digest(str(sent.get("proof", "")), proof(token, action))
