"""Campaigns that came by the API: what became of each once it was read.

In: the id that the program was given, and what intake made of the mail. Out: the campaign's number, or why there is none.
A row whose mail never reached the spool (a crash before the answer) is swept. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables_api import api_requests, submissions

KEPT_MS = 24 * 3_600_000  # how long what a request was answered is kept
FORGOTTEN_MS = 30 * 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Submission:
    """What came; neither a campaign nor a refusal while it waits to be read."""

    id: str
    account_id: int
    created_at: int
    campaign_id: int | None
    refused: Mapping[str, Any] | None


async def begin(conn: AsyncConnection, submission_id: str, account_id: int, now: int) -> None:
    """Note that a message comes; once more changes nothing."""
    module = sqlite if conn.dialect.name == "sqlite" else postgresql
    row = {"id": submission_id, "account_id": account_id, "created_at": now}
    await conn.execute(module.insert(submissions).on_conflict_do_nothing(), row)


async def settle(
    conn: AsyncConnection, submission_id: str, campaign_id: int | None, refused: Mapping[str, Any] | None
) -> None:
    """Note what became of it."""
    said = None if refused is None else orjson.dumps(dict(refused)).decode()
    mine = update(submissions).where(submissions.c.id == submission_id)
    await conn.execute(mine.values(campaign_id=campaign_id, refused=said))


async def get(conn: AsyncConnection, account_id: int, submission_id: str) -> Submission | None:
    """What an account sent under that id."""
    mine = submissions.c.id == submission_id, submissions.c.account_id == account_id
    row = (await conn.execute(select(submissions).where(*mine))).first()
    if row is None:
        return None
    refused = orjson.loads(row.refused) if row.refused else None
    return Submission(row.id, row.account_id, row.created_at, row.campaign_id, refused)


async def sweep(conn: AsyncConnection, now: int, limit: int = 5_000) -> int:
    """Forget answers of a day ago and ids of a month ago; returns how many rows went."""
    old = select(api_requests.c.key).where(api_requests.c.created_at <= now - KEPT_MS).limit(limit)
    gone = (
        await conn.execute(
            delete(api_requests).where(api_requests.c.key.in_(old), api_requests.c.created_at <= now - KEPT_MS)
        )
    ).rowcount
    ended = or_(submissions.c.created_at <= now - FORGOTTEN_MS)
    some = select(submissions.c.id).where(ended).limit(limit)
    return gone + (await conn.execute(delete(submissions).where(submissions.c.id.in_(some)))).rowcount
