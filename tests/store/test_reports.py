"""What the report reads beside its table: single recipients, the curve, the story."""

from __future__ import annotations

from typing import Any

from store_helpers import KEYS, NOW

from store import events, reports
from store.engine import Database
from store.states import Event
from store.values import Change, Tracked


async def test_who_is_unknown_is_missing(db: Database, make: Any) -> None:
    campaign = await make(2)
    async with db.read() as conn:
        assert await reports.person(conn, 99) is None
        assert await reports.span(conn, campaign.id) is None
        assert await reports.tracked(conn, [1, 99]) == {1: Tracked.FULL}


async def test_the_curve_counts_people_once_a_step(db: Database, make: Any) -> None:
    campaign = await make(3)
    minute = 60_000
    start = NOW - NOW % minute
    async with db.write() as conn:
        await events.apply(conn, [Change(i, Event.ACCEPTED, start + i * minute) for i in (1, 2, 3)], KEYS)
        again = [Change(1, Event.OPEN, start + 5 * minute), Change(1, Event.OPEN, start + 6 * minute)]
        await events.apply(conn, again, KEYS)
    async with db.read() as conn:
        assert await reports.span(conn, campaign.id) == (start + minute, start + 5 * minute)
        curve = await reports.curve(conn, campaign.id, start, 2 * minute)
        assert curve == {"delivered": {0: 1, 1: 2}, "opened": {2: 1}}
        told = await reports.history(conn, 1, 10)
    assert [one.event for one in told] == [Event.ACCEPTED, Event.OPEN, Event.OPEN]
