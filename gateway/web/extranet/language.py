"""The language that somebody chose in the extranet is kept in a cookie of its own, so that every page speaks it.

In: ASGI requests. Out: the same answers; those to `/x…?lang=fr|en` set the cookie. Nothing is raised or logged.
"""

from __future__ import annotations

import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.web.extranet.gate import HOME, LANGUAGE

_ASKED = re.compile(rb"(?:^|&)lang=(fr|en)(?:&|$)")


class Remembering:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _ASKED.search(scope.get("query_string", b"")) if scope["type"] == "http" else None
        if asked is None or not (scope["path"] == HOME or scope["path"].startswith(f"{HOME}/")):
            await self.app(scope, receive, send)
            return
        cookie = f"{LANGUAGE}={asked[1].decode()}; Path={HOME}; Max-Age=31536000; HttpOnly; SameSite=Lax"

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        await self.app(scope, receive, told)
