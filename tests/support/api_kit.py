"""The API over a fresh database with a desk of its own: two accounts, keys, and a client that speaks JSON."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from reading_here import ReadingHere
from store_helpers import KEYS
from web_fixture import RING
from web_helpers import Answer, Reader

from config.settings import Settings
from gateway.intake.desk import Desk
from gateway.intake.steps import Intake
from gateway.web.app import build
from gateway.web.context import Context
from gateway.web.recorder import Recorder
from mail.resolver import Resolver
from store import accounts, api_keys
from store.engine import Database, now_ms
from store.spool import Spool

Part = tuple[str, str | None, bytes]  # field, file name, content


@dataclass
class Api:
    """What a test of the API may look at."""

    db: Database
    desk: Desk
    reader: Reader
    account: int
    other: int
    key: str
    folder: Path

    async def ask(
        self, method: str, path: str, body: Any = None, key: str | None = None, **headers: str
    ) -> tuple[int, Any, Answer]:
        """Ask with a key (the first account's); a body that is no bytes goes as JSON."""
        sent = dict(headers)
        if key != "":
            sent["authorization"] = f"Bearer {key or self.key}"
        raw = b""
        if body is not None:
            raw = body if isinstance(body, bytes) else orjson.dumps(body)
            sent.setdefault("content_type", "application/json")
        answer = await self.reader.ask(method, path, raw, sent)
        kind = answer.headers.get("content-type", "")
        return answer.status, orjson.loads(answer.body) if "json" in kind else None, answer

    async def form(self, path: str, parts: list[Part], **headers: str) -> tuple[int, Any, Answer]:
        """Post a multipart form."""
        mark = secrets.token_hex(8)
        body = b""
        for name, file, content in parts:
            named = f'; filename="{file}"' if file is not None else ""
            body += (
                f'--{mark}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"
            )
        body += f"--{mark}--\r\n".encode()
        return await self.ask("POST", path, body, content_type=f"multipart/form-data; boundary={mark}", **headers)

    async def new_key(self, *scopes: str, account: int | None = None, expires_at: int | None = None) -> str:
        """Another key."""
        async with self.db.write() as conn:
            _, text = await api_keys.add(
                conn, account or self.account, "", scopes or api_keys.SCOPES, expires_at, now_ms()
            )
        return text

    async def intake(self) -> None:
        """Read what lies in the spool, as the receiving process does."""
        for ref in self.desk.spool.pending():
            await Intake(self.desk).take(ref)


@asynccontextmanager
async def api_over(db: Database, folder: Path, **sections: Any) -> AsyncIterator[Api]:
    """The application over a database."""
    now = now_ms()
    async with db.write() as conn:
        account = await accounts.create_account(conn, "acme", "ACME SAS", "1 rue A", "fr", "Europe/Paris", now)
        other = await accounts.create_account(conn, "other", "", "", "en", "Europe/Paris", now)
        await accounts.declare_sender(conn, account, "anne@acme.test", "Anne", now, now)
        await accounts.declare_sender(conn, other, "bob@other.test", "Bob", now, now)
        _, key = await api_keys.add(conn, account, "", api_keys.SCOPES, None, now)
    settings = Settings(
        gateway={"domain": "gateway.test", "public_url": "http://gateway.test", "data_dir": folder},
        smtp={"min_free_disk": 0},
        dns={"nameservers": ["127.0.0.1:9"], "timeout": "50ms"},
        **sections,
    )
    readers = ReadingHere()
    resolver = Resolver(settings.dns.nameservers, timeout=0.05)
    desk = Desk(settings, db, Spool(folder / "spool"), readers, resolver, RING, KEYS, ())
    recorder = Recorder(db, KEYS)
    ctx = Context(db, RING, recorder, "http://gateway.test", "gateway.test", "fr", 30, folder=folder, desk=desk)
    writing = asyncio.create_task(recorder.run())
    try:
        yield Api(db, desk, Reader(build(ctx)), account, other, key, folder)
    finally:
        recorder.close()
        await writing
        await readers.close()
        await resolver.close()
