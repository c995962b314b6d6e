"""What the report reads: pages of recipients, one recipient's story, the curve.

In: a campaign's id and a `View` (statuses, search, order). Out: frozen rows, at most `limit` at once, and the keys of the
pages beside. Pages are cut by key, never by OFFSET, and nothing here counts recipients: totals are the tallies'.
Without a search and in the list's order, a page is a handful of index seeks however long the list is; other orders and
searches read the campaign once. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, func, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from store.states import Event, Status
from store.tables import curves, events, recipients
from store.values import Tracked

ALL = frozenset(Status)
Key = tuple[int | str, int]  # the value sorted by, and the recipient's id

_ORDERS: dict[str, ColumnElement[Any]] = {
    "line": recipients.c.id,
    "date": func.coalesce(recipients.c.last_at, 0),
    "email": recipients.c.address,
    "status": recipients.c.status,
    "clicks": recipients.c.clicks,
}
ORDERS = tuple(_ORDERS)
_SEARCHED = (recipients.c.fields, recipients.c.address, recipients.c.reply)  # names stand in the fields, too


@dataclass(frozen=True, slots=True)
class View:
    """Which recipients are shown, and in which order."""

    statuses: frozenset[Status] = ALL
    search: str = ""
    order: str = "line"
    descending: bool = False


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
class Page:
    """Rows in the asked order; `previous` and `next` are keys to go on from, None at the ends."""

    rows: tuple[Person, ...]
    previous: Key | None
    next: Key | None


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


async def page(
    conn: AsyncConnection,
    campaign_id: int,
    view: View,
    limit: int,
    after: Key | None = None,
    before: Key | None = None,
) -> Page:
    """Return up to `limit` recipients that come after (or just before) a key, in the view's order."""
    backwards = before is not None and after is None
    descending = view.descending != backwards
    key = before if backwards else after
    if view.order == "line" and not view.search:
        rows = await _by_line(conn, campaign_id, view.statuses, descending, key, limit + 1)
    else:
        rows = await _by_scan(conn, campaign_id, view, descending, key, limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    if backwards:
        rows.reverse()
    if not rows:
        return Page((), None, None)
    first, last = _key(view.order, rows[0]), _key(view.order, rows[-1])
    if backwards:
        return Page(tuple(rows), first if more else None, last)
    return Page(tuple(rows), first if key is not None else None, last if more else None)


def _key(order: str, person: Person) -> Key:
    values: dict[str, int | str] = {
        "line": person.id,
        "date": person.last_at or 0,
        "email": person.address,
        "status": int(person.status),
        "clicks": person.clicks,
    }
    return values[order], person.id


async def _by_line(
    conn: AsyncConnection, campaign_id: int, statuses: frozenset[Status], descending: bool, key: Key | None, limit: int
) -> list[Person]:
    # The index is (campaign, status, id): each status gives its next ids in order, the smallest of all are the page.
    column = recipients.c.id
    order = column.desc() if descending else column.asc()
    parts = []
    for status in sorted(statuses):
        query = select(column).where(recipients.c.campaign_id == campaign_id, recipients.c.status == int(status))
        if key is not None:
            query = query.where(column < key[1] if descending else column > key[1])
        parts.append(select(query.order_by(order).limit(limit).subquery().c.id))
    if not parts:
        return []
    ids = sorted((await conn.execute(union_all(*parts))).scalars(), reverse=descending)[:limit]
    return await _whole(conn, ids)


async def _by_scan(
    conn: AsyncConnection, campaign_id: int, view: View, descending: bool, key: Key | None, limit: int
) -> list[Person]:
    column, row_id = _ORDERS[view.order], recipients.c.id
    query = select(row_id).where(recipients.c.campaign_id == campaign_id)
    if view.statuses != ALL:
        query = query.where(recipients.c.status.in_(sorted(int(status) for status in view.statuses)))
    for word in view.search.split()[:5]:  # every word must be found, wherever it stands
        query = query.where(or_(*(_holds(conn, place, word) for place in _SEARCHED)))
    if key is not None and descending:
        query = query.where(or_(column < key[0], and_(column == key[0], row_id < key[1])))
    elif key is not None:
        query = query.where(or_(column > key[0], and_(column == key[0], row_id > key[1])))
    ordered = (column.desc(), row_id.desc()) if descending else (column.asc(), row_id.asc())
    # only ids are sorted: whole rows would make the sorter four times as slow
    return await _whole(conn, (await conn.execute(query.order_by(*ordered).limit(limit))).scalars().all())


def _holds(conn: AsyncConnection, place: ColumnElement[str], word: str) -> ColumnElement[bool]:
    if conn.dialect.name == "sqlite":  # its LIKE folds the case of ASCII by itself, at half the price of lower()
        return place.contains(word, autoescape=True)
    return place.icontains(word, autoescape=True)


async def _whole(conn: AsyncConnection, ids: Sequence[int]) -> list[Person]:
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
    query = select(func.min(curves.c.slot), func.max(curves.c.slot)).where(curves.c.campaign_id == campaign_id)
    first, last = (await conn.execute(query)).one()
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
