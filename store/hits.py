"""Hits of people who are followed: durable first, judged together later, then events and counters.

In: hits as they come, an open connection. Out: the hits of recipients who have been quiet for a while, taken out to be
judged by whoever asks first; counters of links and of software, moved in the transaction that stores the events. A hit
waits as long as the mail's own reply may still be written down. Raises only what the database raises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import bindparam, delete, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store import bulk
from store.states import Event
from store.tables import events, recipients
from store.tables_tracking import agent_counts, hits, link_counts

LONGEST = 60_000  # ms after which a recipient's hits are judged although more keep coming
UNTOLD = 900_000  # ms after which nobody waits for the reply of an attempt any more
_AGENTS = ("campaign_id", "kind", "system", "form", "client", "n")
_COLUMNS = ("recipient_id", "at", "link", "agent", "reason", "sure")


@dataclass(frozen=True, slots=True)
class Hit:
    """One request for a pixel (link PIXEL) or a link, as judged by itself: `reason` is empty for a person."""

    recipient_id: int
    at: int
    link: int
    agent: str
    reason: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """What is known of whose hits are judged: the campaign, and when a server took the mail; None also where the reply to an
    earlier attempt was lost, which may have brought the mail all the same."""

    campaign_id: int
    accepted_at: int | None


async def add(conn: AsyncConnection, new: Sequence[Hit], *, last: bool = False) -> None:
    """Store hits that are to be judged; `last`: nothing follows in this transaction."""
    rows = [(hit.recipient_id, hit.at, hit.link, hit.agent, hit.reason, hit.sure) for hit in new]
    await bulk.run(conn, bulk.add(hits, _COLUMNS, rows), commit=last)


async def any_pending(conn: AsyncConnection) -> bool:
    """Whether any hit waits; a read."""
    return (await conn.execute(select(hits.c.id).limit(1))).first() is not None


_ON_ITS_WAY = exists().where(
    recipients.c.id == hits.c.recipient_id, recipients.c.owner.is_not(None), recipients.c.delivered_at.is_(None)
)
_RIPE = (
    select(hits.c.recipient_id)
    .group_by(hits.c.recipient_id)
    .having(
        or_(
            func.min(hits.c.at) <= bindparam("untold"),
            (or_(func.max(hits.c.at) <= bindparam("quiet"), func.min(hits.c.at) <= bindparam("long"))) & ~_ON_ITS_WAY,
        )
    )
    .limit(bindparam("most"))
)


async def take(conn: AsyncConnection, now: int, settle: int, most: int) -> list[Hit]:
    """Take out the hits of `most` recipients who have done nothing for `settle` ms."""
    values = {"quiet": now - settle, "long": now - LONGEST - settle, "untold": now - UNTOLD - settle, "most": most}
    ids = list((await conn.execute(_RIPE, values)).scalars())
    if not ids:
        return []
    gone = delete(hits).where(hits.c.recipient_id.in_(ids)).returning(*(hits.c[name] for name in _COLUMNS))
    return sorted((Hit(*row) for row in await conn.execute(gone)), key=lambda hit: (hit.recipient_id, hit.at))


async def forget(conn: AsyncConnection, recipient_ids: Collection[int]) -> None:
    """Drop what waits of these recipients: they refuse, or are erased."""
    await conn.execute(delete(hits).where(hits.c.recipient_id.in_(list(recipient_ids))))


async def readers(conn: AsyncConnection, ids: Collection[int]) -> dict[int, Reader]:
    """What is known of these recipients; those that are no more are missing."""
    lost = exists().where(events.c.recipient_id == recipients.c.id, events.c.kind == int(Event.UNANSWERED))
    query = select(recipients.c.id, recipients.c.campaign_id, recipients.c.delivered_at, lost.label("lost"))
    rows = await conn.execute(query.where(recipients.c.id.in_(list(ids))))
    return {row.id: Reader(row.campaign_id, None if row.lost else row.delivered_at) for row in rows}


async def clicked(conn: AsyncConnection, ids: Collection[int]) -> set[tuple[int, int]]:
    """The links that these recipients have followed, as (recipient, link)."""
    query = select(events.c.recipient_id, events.c.detail).where(
        events.c.recipient_id.in_(list(ids)), events.c.kind == int(Event.CLICK), events.c.machine.is_(False)
    )
    return {(row.recipient_id, int(orjson.loads(row.detail).get("link", -1))) for row in await conn.execute(query)}


Links = Counter[tuple[int, int, str]]  # campaign, link, name
Agents = Counter[tuple[int, int, str, str, str]]  # campaign, kind, system, form, client


async def count(conn: AsyncConnection, links: Links, agents: Agents) -> None:
    """Add to the counters, in one order for all writers."""
    await bulk.run(
        conn,
        bulk.count(link_counts, ("campaign_id", "link", "name", "n"), [(*one, n) for one, n in sorted(links.items())]),
        bulk.count(agent_counts, _AGENTS, [(*one, n) for one, n in sorted(agents.items())]),
    )


async def by_link(conn: AsyncConnection, campaign_id: int) -> dict[int, Mapping[str, int]]:
    """The clicks of a campaign by link: `clicks` and `people`, `machine` and `unsure` hits."""
    found: dict[int, dict[str, int]] = {}
    for row in await conn.execute(select(link_counts).where(link_counts.c.campaign_id == campaign_id)):
        found.setdefault(row.link, {})[row.name] = row.n
    return dict(found)


async def by_agent(conn: AsyncConnection, campaign_id: int) -> list[tuple[Event, str, str, str, int]]:
    """The hits of people by (kind, system, form, client, n), most first."""
    query = select(agent_counts).where(agent_counts.c.campaign_id == campaign_id).order_by(agent_counts.c.n.desc())
    return [(Event(row.kind), row.system, row.form, row.client, row.n) for row in await conn.execute(query)]
