"""The ways through a campaign's recipients: every order as stretches that an index walks, from any place on, both ways.

In: an order, a direction, the statuses wanted, what else is asked, and a place. Out: the next stretch of ids with their
places. A place is (segment, value, id), all numbers: an order by date is two segments, those who have the date (by its index)
and those who have none (by id); an order by status one for each; an order that was sorted beforehand (store.orderings) one of
positions. Each stretch costs what its length costs, wherever in the list it lies. Raises what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, select, text, true, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from store import haystacks, orderings
from store.filtering import ALL
from store.states import Status
from store.tables import recipients

Place = tuple[int, int, int]
_ID = recipients.c.id
_HIGHEST = (1 << 63) - 1
_JUDGED = 200  # recipients whose rows are looked at in one go
#: Orders by a column of which many rows have nothing: the column, what has something and what has nothing.
_PARTLY: dict[str, tuple[ColumnElement[Any], ColumnElement[bool], ColumnElement[bool]]] = {
    "date": (recipients.c.last_at, recipients.c.last_at.is_not(None), recipients.c.last_at.is_(None)),
    "opened": (recipients.c.opened_at, recipients.c.opened_at.is_not(None), recipients.c.opened_at.is_(None)),
    "clicked": (recipients.c.clicked_at, recipients.c.clicked_at.is_not(None), recipients.c.clicked_at.is_(None)),
    "clicks": (recipients.c.clicks, recipients.c.clicks > 0, recipients.c.clicks == 0),
}
INDEXED = ("line", "status", *_PARTLY)  # orders that need no preparing


@dataclass(frozen=True, slots=True)
class Stretch:
    """Places that fit, in the order of the road; `last` is as far as was looked (None: nobody was there), `ended` tells that
    the segment has no more behind it, `looked` how many were looked at."""

    places: Sequence[Place]
    last: Place | None
    ended: bool
    looked: int


_NOBODY = Stretch((), None, True, 0)


@dataclass(frozen=True, slots=True)
class Road:
    """One order through one campaign, of those who fit `asked`. `descending` is the direction that is walked; `backwards`:
    against the order that is shown. `sorted` is an order that no index can give. With `span` (lowest and highest id) rows
    are walked as they lie, which is quicker where a good part of all is looked at anyway; with `needles` only those who hold
    them are looked at (store.haystacks)."""

    campaign_id: int
    order: str
    descending: bool
    backwards: bool
    statuses: frozenset[Status]
    asked: ColumnElement[bool] | None = None
    sorted: orderings.Ordering | None = None
    span: tuple[int, int] | None = None
    needles: tuple[bytes, ...] = ()

    @property
    def segments(self) -> list[int]:
        """The numbers of its segments, in the order in which they are walked."""
        if self.order == "status":
            return sorted((int(one) for one in self.statuses), reverse=self.descending)
        if self.order == "clicks":
            return sorted((0, 1), reverse=self.descending)
        if self.order in _PARTLY:  # whoever has no date comes last, whatever the direction
            return [0, 1] if self.backwards else [1, 0]
        return [0]

    def behind(self, segment: int, other: int) -> bool:
        """Whether a segment comes after another in this direction."""
        if self.order == "status":  # the other one may hold nobody any more
            return segment < other if self.descending else segment > other
        walked = self.segments
        return other not in walked or walked.index(segment) > walked.index(other)

    async def stretch(self, conn: AsyncConnection, segment: int, after: Place | None, size: int, limit: int) -> Stretch:
        """Look at the next `size` places of a segment behind a place; at least `limit` of those who fit, if there are so
        many in them."""
        if self.sorted is not None:
            return await self._positions(conn, after, size)
        if self.order == "status":
            return await self._ids(conn, segment, after, size, frozenset({Status(segment)}), None)
        if segment == 1 and self.order in _PARTLY:
            return await self._column(conn, *_PARTLY[self.order][:2], after, size)
        if self.needles:
            return await self._in_haystack(conn, after, size, limit)
        rest = _PARTLY[self.order][2] if self.order in _PARTLY else None
        if self.span is not None:
            return await self._as_they_lie(conn, self.span, after, size, limit, rest)
        return await self._ids(conn, 0, after, size, self.statuses, rest)

    async def _ids(
        self, conn: AsyncConnection, segment: int, after: Place | None, size: int, statuses: frozenset[Status],
        rest: ColumnElement[bool] | None,
    ) -> Stretch:  # fmt: skip
        order = _ID.desc() if self.descending else _ID.asc()
        # the index is (campaign, status, id): each status gives its next ids in order, the smallest of all are the stretch
        parts = []
        for status in sorted(statuses):
            query = select(_ID).where(recipients.c.campaign_id == self.campaign_id, recipients.c.status == int(status))
            if after is not None:
                query = query.where(after[2] > _ID if self.descending else after[2] < _ID)
            parts.append(select(query.order_by(order).limit(size).subquery().c.id))
        if not parts:
            return _NOBODY
        ids = sorted((await conn.execute(union_all(*parts))).scalars(), reverse=self.descending)[:size]
        return await self._fitting(conn, [(segment, 0, one) for one in ids], len(ids) < size, rest)

    async def _as_they_lie(
        self, conn: AsyncConnection, span: tuple[int, int], after: Place | None, size: int, limit: int,
        rest: ColumnElement[bool] | None,
    ) -> Stretch:  # fmt: skip
        low, high = span
        if after is not None:
            low, high = (low, min(high, after[2] - 1)) if self.descending else (max(low, after[2] + 1), high)
        if high < low:
            return _NOBODY
        ended = high - low < size
        low, high = (max(low, high - size + 1), high) if self.descending else (low, min(high, low + size - 1))
        # + 0: by the numbers of the rows, for an index of campaigns would bring them in another order
        query = select(_ID).where((recipients.c.campaign_id + 0) == self.campaign_id, _ID.between(low, high))
        query = query.where(and_(*(one for one in (self._status(), rest, self.asked) if one is not None), true()))
        ids = (await conn.execute(query.order_by(_ID.desc() if self.descending else _ID.asc()).limit(limit))).scalars()
        return Stretch([(0, 0, one) for one in ids], (0, 0, low if self.descending else high), ended, high - low + 1)

    async def _in_haystack(self, conn: AsyncConnection, after: Place | None, size: int, limit: int) -> Stretch:
        start = (_HIGHEST if self.descending else 0) if after is None else after[2] + (-1 if self.descending else 1)
        parts = max(1, size // haystacks.PART)
        seen = await haystacks.look(conn, self.campaign_id, self.needles, start, self.descending, parts)
        if seen.last is None:
            return _NOBODY
        kept: list[Place] = []
        few = max(_JUDGED, limit)  # a word that is everywhere fills the page soon
        for at in range(0, len(seen.ids), few):
            some = [(0, 0, one) for one in seen.ids[at : at + few]]
            kept += (await self._fitting(conn, some, False, self._status())).places
            if len(kept) >= limit:
                return Stretch(kept, some[-1], False, seen.looked)
        return Stretch(kept, (0, 0, seen.last), seen.ended, seen.looked)

    async def _column(
        self,
        conn: AsyncConnection,
        column: ColumnElement[Any],
        has: ColumnElement[bool],
        after: Place | None,
        size: int,
    ) -> Stretch:
        query = select(column, _ID).where(recipients.c.campaign_id == self.campaign_id, has)
        if after is not None:
            here, there = tuple_(column, _ID), tuple_(after[1], after[2])
            query = query.where(here < there if self.descending else here > there)
        ordered = (column.desc(), _ID.desc()) if self.descending else (column.asc(), _ID.asc())
        rows = (await conn.execute(query.order_by(*ordered).limit(size))).all()
        return await self._fitting(conn, [(1, row[0], row[1]) for row in rows], len(rows) < size, self._status())

    def _status(self) -> ColumnElement[bool] | None:
        return None if self.statuses == ALL else recipients.c.status.in_(sorted(int(one) for one in self.statuses))

    async def _fitting(
        self, conn: AsyncConnection, places: Sequence[Place], ended: bool, rest: ColumnElement[bool] | None
    ) -> Stretch:
        """Those of these places that fit, in their order."""
        last = places[-1] if places else None
        wanted = [one for one in (rest, self.asked) if one is not None]
        if not wanted or not places:
            return Stretch(places, last, ended, len(places))
        numbers = [place[2] for place in places]
        if conn.dialect.name == "sqlite":
            listed = text("recipients.id IN (SELECT value FROM json_each(:numbers))").bindparams(
                numbers=orjson.dumps(numbers).decode()
            )
        else:
            listed = text("recipients.id = ANY(:numbers)").bindparams(numbers=numbers)
        kept = set((await conn.execute(select(_ID).where(listed, *wanted))).scalars())
        return Stretch([place for place in places if place[2] in kept], last, ended, len(places))

    async def _positions(self, conn: AsyncConnection, after: Place | None, size: int) -> Stretch:
        assert self.sorted is not None
        if self.descending:
            last = self.sorted.length if after is None else min(after[1], self.sorted.length)
            first = max(0, last - size)
        else:
            first = 0 if after is None else after[1] + 1
            last = min(first + size, self.sorted.length)
        ids = await self.sorted.ids(conn, first, last)
        places = [(0, first + i, one) for i, one in enumerate(ids)]
        if self.descending:
            places.reverse()
        ended = first <= 0 if self.descending else last >= self.sorted.length
        return await self._fitting(conn, places, ended, self._status())


def beside(place: Place, order: str, descending: bool) -> Place:
    """The place just behind another, where nobody need be: who walks back from it meets the other first."""
    step = -1 if descending else 1
    if order in INDEXED:
        return place[0], place[1], place[2] + step
    return place[0], place[1] + step, place[2]
