"""System mails (acknowledgements, answers) on their way: whole signed bytes in a queue of their own.

In: an address and the raw mail. Out: rows that senders lease ahead of every campaign (store.jobs). Nothing is raised.
"""

from __future__ import annotations

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import notices


async def add(conn: AsyncConnection, campaign_id: int | None, address: str, raw: bytes, now: int) -> int:
    """Queue a system mail, due at once; returns its id."""
    row = {
        "campaign_id": campaign_id,
        "address": address,
        "raw": raw,
        "created_at": now,
        "attempts": 0,
        "next_attempt_at": now,
    }
    return int((await conn.execute(insert(notices).returning(notices.c.id), row)).scalar_one())
