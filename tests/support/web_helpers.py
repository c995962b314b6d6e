"""A reader of the pages: one request at a time, straight into the application."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

from starlette.applications import Starlette

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True, slots=True)
class Reader:
    """Asks an ASGI application as a browser would, without a socket."""

    app: Starlette
    host: str = "gateway.test"

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, b"", headers)

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        headers.setdefault("content_type", "application/x-www-form-urlencoded")
        return await self.ask("POST", path, urlencode(fields).encode(), headers)

    async def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        target, _, query = path.partition("?")
        sent = {"host": self.host, "user-agent": AGENT, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body:
            sent.setdefault("content-length", str(len(body)))
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": unquote(target), "raw_path": target.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
            "client": ("192.0.2.9", 4000), "server": ("gateway.test", 80),
        }  # fmt: skip
        incoming: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
        got: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            if incoming:
                return incoming.pop(0)
            await asyncio.Event().wait()  # a reader who stays
            raise AssertionError

        async def send(message: MutableMapping[str, Any]) -> None:
            got.append(message)

        async with asyncio.timeout(20):
            await self.app(scope, receive, send)
        answered = {name.decode(): value.decode("latin-1") for name, value in got[0]["headers"]}
        cookies = tuple(value.decode() for name, value in got[0]["headers"] if name == b"set-cookie")
        return Answer(got[0]["status"], answered, b"".join(message.get("body", b"") for message in got[1:]), cookies)
