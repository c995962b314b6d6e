"""Pages by key are the whole list, in order, forwards and backwards, whatever the order, tab and search."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import update
from store_helpers import KEYS, NOW

from store import events, reports
from store.engine import Database
from store.reports import ORDERS, Person, View
from store.states import CANCELLED_TAB, DELIVERED_TAB, Event, Status
from store.tables import recipients
from store.values import Change, Tracked


async def scattered(db: Database, make: Any) -> int:
    """A campaign of 60 with statuses, dates and clicks at random, and another one beside it."""
    campaign = await make(60)
    await make(7)
    dice = random.Random(3)
    async with db.write() as conn:
        for i in range(1, 61):
            values = {
                "status": int(dice.choice(list(Status))),
                "last_at": dice.choice((None, NOW + dice.randrange(5))),
                "clicks": dice.randrange(3),
                "reply": dice.choice(("250 Ok", "550 5.1.1 100% refused_")),
            }
            await conn.execute(update(recipients).where(recipients.c.id == i).values(**values))
    return int(campaign.id)


def sorted_by_hand(people: list[Person], view: View) -> list[int]:
    """The oracle: all rows in memory."""
    keys = {
        "line": lambda p: p.id,
        "date": lambda p: p.last_at or 0,
        "email": lambda p: p.address,
        "status": lambda p: int(p.status),
        "clicks": lambda p: p.clicks,
    }
    words = view.search.lower().split()
    wanted = [
        p
        for p in people
        if p.status in view.statuses and all(w in f"{p.fields}{p.address}{p.reply}".lower() for w in words)
    ]
    key: Any = keys[view.order]
    return [p.id for p in sorted(wanted, key=lambda p: (key(p), p.id), reverse=view.descending)]


@pytest.mark.parametrize("descending", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("order", ORDERS)
async def test_pages_add_up_to_the_list_both_ways(db: Database, make: Any, order: str, descending: bool) -> None:
    campaign = await scattered(db, make)
    async with db.read() as conn:
        everybody = list((await reports.page(conn, campaign, View(), 1000)).rows)
        assert len(everybody) == 60
        for statuses in (reports.ALL, DELIVERED_TAB, CANCELLED_TAB):
            for search in ("", "550 REFUSED_", "100%", "nobody"):
                view = View(statuses, search, order, descending)
                forwards, after, last = [], None, None
                while last is None or after is not None:
                    last = await reports.page(conn, campaign, view, 7, after)
                    forwards += [person.id for person in last.rows]
                    after = last.next
                assert forwards == sorted_by_hand(everybody, view)
                backwards = [person.id for person in last.rows]
                while last.previous is not None:
                    last = await reports.page(conn, campaign, view, 7, before=last.previous)
                    backwards = [person.id for person in last.rows] + backwards
                assert backwards == forwards


async def test_an_empty_choice_is_an_empty_page(db: Database, make: Any) -> None:
    campaign = await make(2)
    async with db.read() as conn:
        found = await reports.page(conn, campaign.id, View(frozenset()), 5)
        assert found == reports.Page((), None, None)
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
