"""What the report reads beside its table (store.grid): recipients by id, one recipient's story, the curve.

In: ids. Out: frozen rows, at most `limit` at once; nothing here counts recipients: totals are the tallies'. Raises only what
the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.states import Event, Status
from store.tables import curves, events, recipients
from store.values import Tracked


@dataclass(frozen=True, slots=True)
class Person:
    """One recipient as the report shows it; instants are UTC ms."""

    id: int
    campaign_id: int
    line: int
    part: int
    address: str
    name: str
    fields: tuple[str, ...]
    tracked: Tracked
    status: Status
    attempts: int
    next_attempt_at: int | None
    last_at: int | None
    delivered_at: int | None
    opened_at: int | None
    clicked_at: int | None
    unsubscribed_at: int | None
    clicks: int
    reply: str

    @property
    def label(self) -> str:
        """The line as people know it: 12, or 12.1 where a cell held several addresses."""
        return f"{self.line}.{self.part}" if self.part else str(self.line)


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a recipient's story."""

    at: int
    event: Event
    machine: bool
    detail: dict[str, Any]


_SELECT = select(*(recipients.c[name] for name in Person.__slots__))


def _person(row: Any) -> Person:
    (i, campaign, line, part, address, name, fields, followed, status, *rest) = row  # in the order of the slots
    return Person(
        i, campaign, line, part, address, name, tuple(orjson.loads(fields)), Tracked(followed), Status(status), *rest
    )


async def whole(conn: AsyncConnection, ids: Sequence[int]) -> list[Person]:
    """The recipients of these ids, in their order; those that are no more are missing."""
    rows = {row[0]: row for row in await conn.execute(_SELECT.where(recipients.c.id.in_(ids)))}
    return [_person(rows[i]) for i in ids if i in rows]


async def person(conn: AsyncConnection, recipient_id: int) -> Person | None:
    """The recipient of that id, of whatever campaign."""
    row = (await conn.execute(_SELECT.where(recipients.c.id == recipient_id))).first()
    return None if row is None else _person(row)


async def tracked(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, Tracked]:
    """How these recipients are followed; who is unknown is missing."""
    query = select(recipients.c.id, recipients.c.tracked).where(recipients.c.id.in_(list(ids)))
    return {row.id: Tracked(row.tracked) for row in await conn.execute(query)}


async def history(conn: AsyncConnection, recipient_id: int, limit: int) -> list[Told]:
    """What happened to a recipient, oldest first, at most `limit` events."""
    query = select(events).where(events.c.recipient_id == recipient_id).order_by(events.c.at, events.c.id).limit(limit)
    rows = await conn.execute(query)
    return [Told(row.at, Event(row.kind), row.machine, orjson.loads(row.detail)) for row in rows]


async def span(conn: AsyncConnection, campaign_id: int) -> tuple[int, int] | None:
    """First and last minute (ms) in which somebody was delivered to, opened or clicked."""
    mine = curves.c.campaign_id == campaign_id  # one by one each end is a seek; both in one query read all between
    ends = [select(end(curves.c.slot)).where(mine).scalar_subquery() for end in (func.min, func.max)]
    first, last = (await conn.execute(select(*ends))).one()
    return None if first is None else (first, last)


async def curve(conn: AsyncConnection, campaign_id: int, start: int, step: int) -> dict[str, dict[int, int]]:
    """People newly delivered, opened, clicked in each step of `step` ms counted from `start`: {name: {index: n}}."""
    index = (curves.c.slot - start) // step
    query = select(curves.c.name, index.label("i"), func.sum(curves.c.n).label("n"))
    query = query.where(curves.c.campaign_id == campaign_id).group_by(curves.c.name, index)
    found: dict[str, dict[int, int]] = {}
    for row in await conn.execute(query):
        found.setdefault(row.name, {})[int(row.i)] = int(row.n)
    return found
