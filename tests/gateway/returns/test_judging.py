"""Hits are durable at once and judged together later: who waits, what is counted, and what a refusal drops."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select
from store_helpers import KEYS, NOW

from gateway.returns import judging
from parsers.bursts import PIXEL
from store import campaigns, consents, events, hits, jobs
from store.engine import Database
from store.hits import LONGEST, UNTOLD, Hit
from store.reports import history
from store.states import Event
from store.tables_tracking import hits as table
from store.values import Change

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
SETTLE = 8_000


async def come(db: Database, *some: tuple[int, int, int, str]) -> None:
    """Store hits of (recipient, ms after NOW, link, agent)."""
    async with db.write() as conn:
        await hits.add(conn, [Hit(who, NOW + at, link, agent, "", True) for who, at, link, agent in some])


async def left(db: Database) -> int:
    async with db.read() as conn:
        return int((await conn.execute(select(func.count()).select_from(table))).scalar_one())


async def turn(db: Database, at: int) -> int:
    return await judging.turn(db, KEYS, SETTLE, NOW + at)


async def measures(db: Database, campaign: int = 1) -> dict[str, int]:
    async with db.read() as conn:
        ledger = await campaigns.ledger(conn, campaign)
    assert ledger is not None
    return {name: n for name, n in ledger.measures.items() if n}


async def accept(db: Database, *ids: int, at: int = 0) -> None:
    async with db.write() as conn:
        await events.apply(conn, [Change(one, Event.ACCEPTED, NOW + at) for one in ids], KEYS)


async def test_nothing_is_judged_before_its_reader_is_quiet(db: Database, make: Any) -> None:
    await make(2)
    await accept(db, 1, 2)
    await come(db, (1, 0, PIXEL, FIREFOX), (2, 5_000, PIXEL, FIREFOX))
    assert await turn(db, SETTLE - 1) == 0 and await left(db) == 2
    assert await turn(db, SETTLE) == 1 and await left(db) == 1
    assert await turn(db, 60_000) == 1 and await turn(db, 60_000) == 0
    assert (await measures(db))["opened"] == 2


async def test_a_scanner_s_slow_walk_is_one_burst_also_across_turns(db: Database, make: Any) -> None:
    await make(1)
    await accept(db, 1)
    for n in range(4):
        await come(db, (1, n * 2_000, n, FIREFOX))
        assert await turn(db, n * 2_000) == 0
    assert await turn(db, 6_000 + SETTLE) == 4
    assert await measures(db) == {"sent": 1, "machine_click": 4}
    async with db.read() as conn:
        assert await hits.by_link(conn, 1) == {n: {"machine": 1} for n in range(4)}
        assert await hits.by_agent(conn, 1) == []


async def test_who_never_rests_is_judged_all_the_same(db: Database, make: Any) -> None:
    await make(1)
    await accept(db, 1)
    for second in range(0, (LONGEST + SETTLE) // 1000 + 1, 4):
        await come(db, (1, second * 1000, PIXEL, FIREFOX))
    assert await turn(db, LONGEST + SETTLE) > 10


async def test_hits_wait_for_the_reply_that_is_being_written_down(db: Database, make: Any) -> None:
    campaign = await make(1)
    async with db.write() as conn:
        worker = await jobs.join(conn, "host", 1, NOW)
        (job,) = await jobs.lease(conn, worker, NOW, {campaign.id: 1})
    await come(db, (1, 0, PIXEL, FIREFOX))
    assert await turn(db, 2 * SETTLE) == 0
    async with db.write() as conn:
        accepted = Change(job.id, Event.ACCEPTED, NOW + 3_000, owner=worker)
        assert await events.apply(conn, [accepted], KEYS) == 1
    assert await turn(db, 2 * SETTLE) == 1
    assert await measures(db) == {"sent": 1, "machine_open": 1}, "it came before the reply: a filter"


async def test_a_reply_that_never_comes_is_waited_for_no_longer_than_agreed(db: Database, make: Any) -> None:
    campaign = await make(1)
    async with db.write() as conn:
        await jobs.lease(conn, await jobs.join(conn, "host", 1, NOW), NOW, {campaign.id: 1})
    await come(db, (1, 0, PIXEL, FIREFOX))
    assert await turn(db, UNTOLD) == 0
    assert await turn(db, UNTOLD + SETTLE) == 1 and (await measures(db))["opened"] == 1


async def test_a_mail_whose_reply_was_lost_may_be_read_before_the_next_attempt(db: Database, make: Any) -> None:
    await make(1)
    async with db.write() as conn:
        tries = [Change(1, Event.UNANSWERED, NOW, next_attempt_at=NOW + 9_000), Change(1, Event.ACCEPTED, NOW + 9_000)]
        await events.apply(conn, tries, KEYS)
    await come(db, (1, 5_000, PIXEL, FIREFOX))
    await turn(db, 60_000)
    assert (await measures(db))["opened"] == 1


async def test_links_and_software_are_counted_as_people_use_them(db: Database, make: Any) -> None:
    await make(3)
    await accept(db, 1, 2, 3)
    await come(db, (1, 0, PIXEL, FIREFOX), (1, 100, 0, FIREFOX), (1, 200, 0, FIREFOX), (2, 0, 0, IPHONE), (3, 0, 1, ""))
    async with db.write() as conn:
        await hits.add(conn, [Hit(3, NOW, PIXEL, "GoogleImageProxy", "proxy", False)])
    await turn(db, 60_000)
    await come(db, (1, 90_000, 0, FIREFOX))
    await turn(db, 190_000)
    async with db.read() as conn:
        assert await hits.by_link(conn, 1) == {0: {"clicks": 4, "people": 2}, 1: {"clicks": 1, "people": 1}}
        found = {(kind, system, form): n for kind, system, form, _, n in await hits.by_agent(conn, 1)}
        told = await history(conn, 3, 10)
    assert found[Event.CLICK, "Linux", "computer"] == 3 and found[Event.CLICK, "iOS", "phone"] == 1
    assert found[Event.OPEN, "Linux", "computer"] == 1
    assert {name: n for name, n in (await measures(db)).items() if "unsure" in name} == {"unsure_open": 1}
    assert [one.detail.get("unsure") for one in told if one.event is Event.OPEN] == [True]


@pytest.mark.parametrize("who", [9, 0])
async def test_hits_of_nobody_are_dropped(db: Database, make: Any, who: int) -> None:
    await make(1)
    await come(db, (who, 0, PIXEL, FIREFOX))
    assert await turn(db, 60_000) == 1 and await left(db) == 0 and await measures(db) == {}


async def test_who_left_meanwhile_had_opened_and_who_refused_had_not(db: Database, make: Any) -> None:
    await make(2)
    await accept(db, 1, 2)
    await come(db, (1, 1_000, PIXEL, FIREFOX), (2, 1_000, PIXEL, FIREFOX))
    async with db.write() as conn:
        await events.apply(conn, [Change(1, Event.UNSUBSCRIBE, NOW + 2_000)], KEYS)
        said = consents.New("p1@dest.test", False, NOW + 2_000, "page", personal=True)
        await consents.record(conn, 1, [said], KEYS, NOW + 2_000)
    await turn(db, 60_000)
    found = await measures(db)
    assert (found["opened"], found["unsubscribed"]) == (1, 1)


async def test_two_judges_count_each_hit_once(db: Database, make: Any) -> None:
    await make(40)
    await accept(db, *range(1, 41))
    await come(db, *((n, 0, PIXEL, FIREFOX) for n in range(1, 41)))
    other = Database.open(db.url)
    done = await asyncio.gather(turn(db, 60_000), judging.turn(other, KEYS, SETTLE, NOW + 60_000))
    await other.close()
    assert sum(done) == 40 and (await measures(db))["opened"] == 40
