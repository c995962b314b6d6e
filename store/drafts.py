"""Campaigns that somebody writes on the pages: what was typed so far, and where it went.

In: an open connection, the writer, fields as JSON (files lie on the disk, under the draft's number). Out: frozen
values. `word` is drawn once a draft and names its mail, so that sending twice is sending once. Raises only what the
database raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables_users import drafts

KEPT_MS = 30 * 86_400_000
MOST = 20  # drafts of one writer


@dataclass(frozen=True, slots=True)
class Draft:
    """One campaign that is being written; `sent_at` is when its mail went to intake."""

    id: int
    account_id: int
    login_id: int
    word: str
    fields: Mapping[str, Any]
    changed_at: int
    sent_at: int | None


async def begin(conn: AsyncConnection, account_id: int, login_id: int, word: str, now: int) -> int:
    """Begin a draft and return its number."""
    row = {"account_id": account_id, "login_id": login_id, "word": word, "fields": "{}", "changed_at": now}
    return int((await conn.execute(insert(drafts).returning(drafts.c.id), row)).scalar_one())


async def get(conn: AsyncConnection, login_id: int, number: int) -> Draft | None:
    """A writer's own draft."""
    mine = select(drafts).where(drafts.c.id == number, drafts.c.login_id == login_id)
    row = (await conn.execute(mine)).first()
    return None if row is None else _draft(row)


async def of(conn: AsyncConnection, login_id: int) -> list[Draft]:
    """A writer's drafts that were not sent, the newest first."""
    mine = select(drafts).where(drafts.c.login_id == login_id, drafts.c.sent_at.is_(None))
    return [_draft(row) for row in await conn.execute(mine.order_by(drafts.c.changed_at.desc()).limit(MOST))]


def _draft(row: Any) -> Draft:
    return Draft(row.id, row.account_id, row.login_id, row.word, orjson.loads(row.fields), row.changed_at, row.sent_at)


async def save(conn: AsyncConnection, draft: Draft, fields: Mapping[str, Any], now: int) -> None:
    """Keep what was typed."""
    text = orjson.dumps(dict(fields)).decode()
    await conn.execute(update(drafts).where(drafts.c.id == draft.id).values(fields=text, changed_at=now))


async def sent(conn: AsyncConnection, draft: Draft, at: int | None, word: str) -> None:
    """Note that the mail of a draft is on its way, or (None) that it came back; the next one has another word."""
    await conn.execute(update(drafts).where(drafts.c.id == draft.id).values(sent_at=at, word=word))


async def drop(conn: AsyncConnection, number: int) -> None:
    """Forget a draft."""
    await conn.execute(delete(drafts).where(drafts.c.id == number))


async def old(conn: AsyncConnection, now: int, limit: int = 100) -> list[int]:
    """Drafts that nobody touched for long."""
    rows = await conn.execute(select(drafts.c.id).where(drafts.c.changed_at < now - KEPT_MS).limit(limit))
    return [row.id for row in rows]
