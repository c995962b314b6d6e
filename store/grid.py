"""What the report's table shows: a page of any filter in any order, and how many there are, in bounded time.

In: a campaign's id, a `View`, and where to go on. Out: a `Page` with rows and places, at most `limit` rows. A filter is tried
on stretches of the list (store.roads), longer and longer, until the page is full or BUDGET is spent: then the page is
`partial`, and `next` goes on where it stopped, so that no question keeps the database busy for longer, however long the list.
Without a filter a page is a handful of index seeks. Raises within.TooLong when one stretch alone takes longer than that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.filters import NONE, Filter
from store import filtering, haystacks, orderings, reports, roads, tallies
from store.engine import Database
from store.filtering import ALL, Where
from store.reports import Person
from store.roads import Place, Road
from store.states import Status
from store.within import STATEMENT, within

BUDGET = 0.055  # seconds of looking, after which a page is handed over as it is
SHARE, PATIENCE = 0.5, 60_000  # seconds of a read for files, and ms that a busy machine may take for it
COUNTED = 10_000  # above it is "more than"
_FIRST, _LONGEST = 1_000, 64_000  # recipients of a stretch
_MANY = 200  # rows of a page from which on they are read as they lie
_PART = 15  # of so many at least one must have the statuses, for all to be looked at


@dataclass(frozen=True, slots=True)
class View:
    """Which recipients are shown, and in which order; dates of the filter are of `zone`."""

    statuses: frozenset[Status] = ALL
    search: str = ""
    order: str = "line"
    descending: bool = False
    filter: Filter = NONE
    zone: str = "UTC"

    @property
    def wanted(self) -> frozenset[Status]:
        """The statuses that can fit."""
        return self.statuses & filtering.statuses(self.filter)

    @property
    def plain(self) -> bool:
        """Whether the statuses alone decide."""
        return not self.search and not self.filter


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the asked order; `previous` and `next` are places to go on from, None at the ends. `partial`: the time was over
    before the page was full; `looked`: recipients looked through so far."""

    rows: tuple[Person, ...]
    previous: Place | None
    next: Place | None
    partial: bool = False
    looked: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    """How many were found so far; `next`: where to go on counting, None when all is counted or there are too many."""

    n: int
    next: Place | None = None

    @property
    def many(self) -> bool:
        return self.n > COUNTED


class Unsorted(Exception):
    """The order has to be built first (store.orderings.build)."""


async def page(
    conn: AsyncConnection, campaign_id: int, view: View, limit: int, after: Place | None = None,
    before: Place | None = None, budget: float | None = BUDGET, bound: int = STATEMENT,
) -> Page:  # fmt: skip
    """Up to `limit` recipients that come after (or just before) a place; `budget` None: however long it takes. What takes
    more than `bound` ms is stopped all the same."""
    backwards = before is not None and after is None
    start = before if backwards else after
    async with within(conn, bound):
        found, stopped, looked = await _walk(conn, campaign_id, view, backwards, start, limit + 1, budget)
        more, found = len(found) > limit or stopped is not None, found[:limit]
        rows = await reports.whole(conn, [place[2] for place in found])
    if backwards:
        found, rows = found[::-1], rows[::-1]
        ahead = stopped if stopped is not None else found[0] if more and found else None
        back = found[-1] if found else None if start is None else roads.beside(start, view.order, not view.descending)
        return Page(tuple(rows), ahead, back, stopped is not None, looked)
    ahead = stopped if stopped is not None else found[-1] if more and found else None
    back = None if start is None else found[0] if found else roads.beside(start, view.order, view.descending)
    return Page(tuple(rows), back, ahead, stopped is not None, looked)


async def count(
    conn: AsyncConnection, campaign_id: int, view: View, after: Place | None = None, so_far: int = 0,
    budget: float | None = BUDGET,
) -> Count:  # fmt: skip
    """Count on from a place, in the order of the list, until the time is over or there are more than COUNTED."""
    plain = replace(view, order="line", descending=False)
    async with within(conn):
        found, stopped, _ = await _walk(conn, campaign_id, plain, False, after, COUNTED + 1 - so_far, budget)
    return Count(so_far + len(found), stopped if so_far + len(found) <= COUNTED else None)


async def listed(database: Database, campaign_id: int, view: View, limit: int, after: Place | None = None) -> Page:
    """A full page for programs and files, however long it takes, in reads of a SHARE each; an order that was never prepared
    is built first. Whoever replays a filter, or sends its LISTE, goes on from `next` until it is None."""
    rows: list[Person] = []
    while True:
        try:
            async with database.read() as conn:
                part = await page(conn, campaign_id, view, limit - len(rows), after, budget=SHARE, bound=PATIENCE)
        except Unsorted:
            await orderings.build(database, campaign_id, view.order)
            continue
        rows, after = [*rows, *part.rows], part.next
        if after is None or len(rows) >= limit:
            return Page(tuple(rows), None, after)


async def _road(conn: AsyncConnection, campaign_id: int, view: View, backwards: bool, limit: int) -> Road:
    """The way through the list in the view's order; Unsorted when a long list was never sorted so."""
    known: orderings.Ordering | None = None
    if view.order not in roads.INDEXED:
        known = await orderings.find(conn, campaign_id, view.order)
        if known is None:
            low, high = await orderings.edges(conn, campaign_id)
            if high - low >= orderings.SHORT:
                raise Unsorted(view.order)
            known = await orderings.sort(conn, campaign_id, view.order)
    where = Where(conn.dialect.name == "sqlite", view.zone)
    asked = None if view.plain else filtering.expression(where, view.filter, view.search)
    span, words = None, () if view.order != "line" else haystacks.needles(view.search, view.filter)
    if words and not await haystacks.is_ready(conn, campaign_id):
        words = ()
    many = (asked is not None or limit > _MANY) and known is None and not words
    if many and await _is_much(conn, campaign_id, view.wanted):
        span = await orderings.edges(conn, campaign_id)
    return Road(
        campaign_id, view.order, view.descending != backwards, backwards, view.wanted, asked, known, span, words
    )


async def _is_much(conn: AsyncConnection, campaign_id: int, statuses: frozenset[Status]) -> bool:
    """Whether so many recipients have one of these statuses that looking at all is quicker than at them alone."""
    if statuses == ALL:
        return True
    counts, _ = await tallies.read(conn, campaign_id)
    return sum(counts[one] for one in statuses) * _PART > sum(counts.values())


async def _walk(
    conn: AsyncConnection, campaign_id: int, view: View, backwards: bool, start: Place | None, limit: int,
    budget: float | None,
) -> tuple[list[Place], Place | None, int]:  # fmt: skip
    """Places that fit, at most `limit`; where the time ended, if it did; and how many were looked at."""
    begun = time.monotonic()
    way = await _road(conn, campaign_id, view, backwards, limit)
    found: list[Place] = []
    least = haystacks.STRETCH if way.needles else _FIRST
    size, looked = limit if view.plain else least, 0
    for segment in way.segments:
        if start is not None and segment != start[0] and not way.behind(segment, start[0]):
            continue
        after, ended = start if start is not None and segment == start[0] else None, False
        while not ended:
            stretch = await way.stretch(conn, segment, after, size, limit - len(found))
            if stretch.last is None:
                break
            after, ended, looked = stretch.last, stretch.ended, looked + stretch.looked
            found += stretch.places[: limit - len(found)]
            if len(found) >= limit:
                return found, None, looked
            spent = time.monotonic() - begun
            if budget is not None and spent > budget:
                return found, None if ended and segment == way.segments[-1] else after, looked
            size = max(least, _longer(size, looked, spent, budget))
    return found, None, looked


def _longer(size: int, looked: int, spent: float, budget: float | None) -> int:
    """How far to look next: further, and no further than the time that is left allows at the pace so far."""
    if budget is None:
        return min(4 * size, _LONGEST)
    reach = int(looked / max(spent, 0.001) * (budget - spent))
    return min(4 * size, _LONGEST, reach)
