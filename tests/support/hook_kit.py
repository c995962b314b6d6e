"""An endpoint on loopback that takes webhooks as told, and checks their signatures as Standard Webhooks says."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass
class Told:
    """One request that came."""

    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return orjson.loads(self.body)

    def signed_by(self, secret: str) -> bool:
        """Whether one of its signatures is right: written from the specification, not from our code."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        content = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        right = "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return right in self.headers["webhook-signature"].split(" ")


@dataclass
class Endpoint:
    """Answers with what `status` says of each request."""

    url: str = ""
    status: Callable[[Told], int] = lambda _: 200
    location: str = ""
    told: list[Told] = field(default_factory=list)
    open_now: int = 0
    most_open: int = 0

    @property
    def events(self) -> list[tuple[str, str]]:
        """What was taken, as (type, address)."""
        found = []
        for one in self.told:
            if not 200 <= self.status(one) < 300:
                continue
            whole = one.document
            for event in whole["data"] if whole["type"] == "batch" else [whole]:
                found.append((event["type"], event["data"].get("recipient", {}).get("address", "")))
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            one = Told(headers, await reader.readexactly(int(headers["content-length"])))
            self.told.append(one)
            await asyncio.sleep(0.01)
            away = f"Location: {self.location}\r\n" if self.location else ""
            writer.write(f"HTTP/1.1 {self.status(one)} Said\r\n{away}Content-Length: 0\r\n\r\n".encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open_now -= 1
            writer.close()


@asynccontextmanager
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    yield made
    server.close()
