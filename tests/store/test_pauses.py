"""Pauses: made longer, never shorter; told once; over by themselves or by an operator's word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from store_helpers import NOW

from store import alerts, backlog, jobs, pauses
from store.backlog import Backlog
from store.engine import Database
from store.pauses import Kind, Pause

HOUR = 3_600_000
ONE = Pause("orange", 3, NOW + HOUR, "throttled", "orange", "421 OFR_104", rule="rate")
ALERT = frozenset({"listed"})


async def put(db: Database, *some: Pause, now: int = NOW) -> list[Pause]:
    async with db.write() as conn:
        await pauses.set(conn, some, now, alert=ALERT)
        return await pauses.active(conn, now)


async def test_a_pause_is_only_made_longer(db: Database) -> None:
    assert [one.until for one in await put(db, ONE)] == [NOW + HOUR]
    (again,) = await put(db, replace(ONE, until=NOW + 60_000), now=NOW + 1)
    assert (again.until, again.since) == (NOW + HOUR, NOW)
    (longer,) = await put(db, replace(ONE, until=NOW + 2 * HOUR), now=NOW + 2)
    assert longer.until == NOW + 2 * HOUR
    assert await put(db, now=NOW + 2 * HOUR) == []


async def test_less_does_not_take_the_place_of_a_pause_but_more_does(db: Database) -> None:
    slow = replace(ONE, kind=Kind.SLOW, rate=60, until=NOW + 5 * HOUR)
    assert [one.kind for one in await put(db, slow)] == [Kind.SLOW]
    (paused,) = await put(db, ONE)
    assert (paused.kind, paused.until, paused.rate) == (Kind.PAUSE, NOW + HOUR, None)
    assert [one.kind for one in await put(db, slow)] == [Kind.PAUSE]
    (slower,) = await put(db, slow, now=NOW + HOUR)
    assert (slower.kind, slower.rate) == (Kind.SLOW, 60)


async def test_the_operator_is_told_once_and_again_after_a_quiet_day(db: Database) -> None:
    listed = replace(ONE, rule="listed", reason="reputation")
    for now, untold in ((NOW, 1), (NOW + 1, 0), (NOW + 2 * HOUR, 0), (NOW + 27 * HOUR, 1)):
        await put(db, replace(listed, until=now + HOUR), now=now)
        async with db.write() as conn:
            found = await alerts.untold(conn, now, 10)
            assert len(found) == untold
            await alerts.told(conn, found)
    await put(db, replace(ONE, site="sfr"))
    async with db.read() as conn:
        assert await alerts.untold(conn, NOW, 10) == [], "an ordinary pause is no news"


async def test_an_operator_ends_a_pause(db: Database) -> None:
    await put(db, ONE, replace(ONE, source_id=4))
    async with db.write() as conn:
        assert await pauses.clear(conn, "orange", 3) == 1
        assert [one.source_id for one in await pauses.active(conn, NOW)] == [4]
        assert await pauses.clear(conn, "orange") == 1


async def test_what_was_put_off_leaves_when_its_pause_is_ended(db: Database, make: Any) -> None:
    await make(3)
    await put(db, ONE)
    async with db.write() as conn:
        worker = await jobs.join(conn, "h", 1, NOW)
        first, second, third = await jobs.lease(conn, worker, NOW, {1: 3})
        rows = [(first.id, NOW + HOUR), (second.id, NOW + HOUR + 300_000), (third.id, NOW + 3 * HOUR)]
        await jobs.give_back(conn, worker, rows)
        assert await backlog.waiting(conn, NOW) == [Backlog(1, "sending", 0, 3, NOW + HOUR)]
        assert await pauses.clear(conn, "orange", now=NOW + 5) == 1
        assert await backlog.waiting(conn, NOW + 5) == [Backlog(1, "sending", 2, 1, NOW + 5)]
