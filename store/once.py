"""Requests that must count once: what an Idempotency-Key was answered, for a day.

In: an account, its key word, a fingerprint of the request. Out: what is known of it. A claim without an answer belongs to a
request under way, or to one whose process ended; the caller tells the one from the other. Raises only what the database
raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store.submissions import KEPT_MS
from store.tables_api import api_requests


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a request; `status` None: not answered yet."""

    fingerprint: bytes
    status: int | None
    headers: Mapping[str, str]
    body: bytes


async def claim(conn: AsyncConnection, account_id: int, key: str, fingerprint: bytes, now: int) -> Known | None:
    """Claim a key for a request; what is known when it was claimed before, within a day."""
    mine = api_requests.c.account_id == account_id, api_requests.c.key == key
    await conn.execute(delete(api_requests).where(*mine, api_requests.c.created_at <= now - KEPT_MS))
    module = sqlite if conn.dialect.name == "sqlite" else postgresql
    row = {"account_id": account_id, "key": key, "fingerprint": fingerprint, "created_at": now}
    if (await conn.execute(module.insert(api_requests).on_conflict_do_nothing(), row)).rowcount == 1:
        return None
    found = (await conn.execute(select(api_requests).where(*mine))).one()
    return Known(bytes(found.fingerprint), found.status, orjson.loads(found.headers), bytes(found.body or b""))


async def answered(
    conn: AsyncConnection, account_id: int, key: str, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """Keep what a request was answered."""
    mine = api_requests.c.account_id == account_id, api_requests.c.key == key
    said = {"status": status, "headers": orjson.dumps(dict(headers)).decode(), "body": body}
    await conn.execute(update(api_requests).where(*mine).values(**said))


async def release(conn: AsyncConnection, account_id: int, key: str) -> None:
    """Let a key go whose request came to nothing: it may be tried again."""
    mine = api_requests.c.account_id == account_id, api_requests.c.key == key
    await conn.execute(delete(api_requests).where(*mine, api_requests.c.status.is_(None)))
