"""Pauses and slow-downs of delivery, and notes, that the operator has not been told of.

In: an open connection. Out: the pauses in force, oldest first, and `told`, which marks them once. Raises only what the
database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables_delivery import pauses, sources


@dataclass(frozen=True, slots=True)
class Pause:
    """A site ("": all of them) that takes nothing, or less, from a source (0: from any) for now; a note changes nothing.
    `address` is the source's, `rule` the one of the providers file that the reply fitted."""

    site: str
    source_id: int
    address: str
    provider: str
    since: int
    until: int
    reason: str  # a class of parsers.classify
    reply: str
    kind: str = "pause"  # pause | slow | note
    rule: str = ""


async def untold(conn: AsyncConnection, now: int, limit: int) -> list[Pause]:
    """Pauses in force of which the operator does not know."""
    query = (
        select(pauses, sources.c.address)
        .outerjoin(sources, sources.c.id == pauses.c.source_id)
        .where(pauses.c.told.is_(False), pauses.c.until > now)
        .order_by(pauses.c.since)
        .limit(limit)
    )
    return [
        Pause(r.site, r.source_id, r.address or "", r.provider, r.since, r.until, r.reason, r.reply, r.kind, r.rule)
        for r in await conn.execute(query)
    ]


async def told(conn: AsyncConnection, known: Sequence[Pause]) -> list[Pause]:
    """Mark pauses as told; returns those that nobody had told before."""
    done = []
    for one in known:
        mine = pauses.c.site == one.site, pauses.c.source_id == one.source_id, pauses.c.since == one.since
        if (await conn.execute(update(pauses).where(*mine, pauses.c.told.is_(False)).values(told=True))).rowcount:
            done.append(one)
    return done
