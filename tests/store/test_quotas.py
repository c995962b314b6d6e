"""Quotas of accounts: the rule, and the counters that senders share."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text
from store_helpers import KEYS, NOW

from store import campaigns, events, jobs, quotas
from store.engine import Database
from store.quotas import DAY, Day, level
from store.states import Event
from store.values import Change

TOMORROW = (NOW // DAY + 1) * DAY

SQLITE = pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # whose plans name each step


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        ([], 500),
        ([Day(500)], 1_000),
        ([Day(249)], 500),
        ([Day(250)], 1_000),
        ([Day(500), Day(500)], 2_000),
        ([Day(500, hard=9)], 1_000),
        ([Day(500, hard=10)], 500),
        ([Day(500), Day(1_000), Day(2_000, complaints=2)], 1_000),
        ([Day(500), Day(1_000, complaints=1)], 500),
        ([Day(500), Day(0, hard=30)], 500),  # came back the day after
        ([Day(0, hard=3), Day(500)], 1_000),
        ([Day(500 << n) for n in range(29)], 500 << 29),
        ([Day(500 << n) for n in range(30)], None),
    ],
)
def test_the_quota_rises_with_clean_days(days: list[Day], wanted: int | None) -> None:
    assert level(500, days) == wanted


@given(st.integers(1, 10_000), st.lists(st.builds(Day, *[st.integers(0, 100_000)] * 3), max_size=60))
def test_no_quota_falls_below_the_beginning(base: int, days: list[Day]) -> None:
    found = level(base, days)
    assert found is None or found >= base


async def limit(db: Database, account_id: int, per_day: int | None) -> None:
    async with db.write() as conn:
        await quotas.change(conn, account_id, per_day)


async def lease(db: Database, worker: int, now: int = NOW, n: int = 100, base: int = 0) -> list[int]:
    async with db.read() as conn:
        due = await jobs.due(conn, now)
    async with db.write() as conn:
        return [job.id for job in await jobs.lease(conn, worker, now, dict.fromkeys(due, n), base)]


async def join(db: Database, pid: int = 1) -> int:
    async with db.write() as conn:
        return await jobs.join(conn, "host", pid, NOW)


async def claimed(db: Database) -> list[tuple[int, int]]:
    async with db.read() as conn:
        rows = await conn.execute(text("SELECT day, claimed FROM account_days ORDER BY day"))
        return [tuple(row) for row in rows]


async def test_what_exceeds_waits_for_the_next_day_and_is_not_due(db: Database, make: Any) -> None:
    campaign, worker = await make(25), await join(db)
    await limit(db, campaign.account_id, 10)
    assert len(await lease(db, worker, n=7)) == 7
    assert len(await lease(db, worker, n=7)) == 3
    async with db.read() as conn:
        assert await jobs.due(conn, NOW) == await jobs.due(conn, TOMORROW - 1) == []
        assert await jobs.due(conn, TOMORROW) == [campaign.id]
    assert len(await lease(db, worker, TOMORROW)) == 10
    assert len(await lease(db, worker, TOMORROW + DAY)) == 5
    day = NOW // DAY
    assert await claimed(db) == [(day, 10), (day + 1, 10), (day + 2, 5)]


async def test_retries_need_no_quota_and_are_not_held_up(db: Database, make: Any) -> None:
    campaign, worker = await make(5), await join(db)
    await limit(db, campaign.account_id, 2)
    first = await lease(db, worker)
    async with db.write() as conn:
        again = [Change(one, Event.TEMPFAILED, NOW, worker, next_attempt_at=NOW + 60_000) for one in first]
        await events.apply(conn, again, KEYS)
    assert await lease(db, worker, NOW + 1) == []
    assert sorted(await lease(db, worker, NOW + 60_000)) == sorted(first)
    assert await claimed(db) == [(NOW // DAY, 2)]


@pytest.mark.parametrize("due", [0, NOW])
async def test_a_recipient_counts_once_a_day_whoever_leases_it(db: Database, make: Any, due: int) -> None:
    campaign, worker = await make(6), await join(db)
    await limit(db, campaign.account_id, 4)
    async with db.write() as conn:
        await conn.execute(text(f"UPDATE recipients SET next_attempt_at = {due}"))
    first = await lease(db, worker)
    async with db.write() as conn:
        await jobs.release(conn, worker, first[:2], not_before=NOW + 5)  # its site is silent
        await jobs.retire(conn, worker, NOW)
    heir = await join(db, 2)
    assert sorted([*await lease(db, heir, NOW + 1), *await lease(db, heir, NOW + 6)]) == sorted(first)
    assert await claimed(db) == [(NOW // DAY, 4)]


async def test_untried_ones_of_yesterday_need_a_new_place(db: Database, make: Any) -> None:
    campaign, worker = await make(3), await join(db)
    await limit(db, campaign.account_id, 2)
    first = await lease(db, worker)
    async with db.write() as conn:
        await jobs.release(conn, worker, first, not_before=NOW + 5)
    assert len(await lease(db, worker, TOMORROW, n=2)) == 2
    assert await lease(db, worker, TOMORROW) == []
    async with db.read() as conn:
        assert await jobs.due(conn, TOMORROW) == []


async def test_two_senders_at_once_never_pass_the_quota(db: Database, make: Any) -> None:
    campaign = await make(300)
    await limit(db, campaign.account_id, 100)
    other = Database.open(db.url)
    one, two = await join(db), await join(db, 2)
    try:
        turns = [lease(handle, worker, n=9) for _ in range(12) for handle, worker in ((db, one), (other, two))]
        taken = [recipient for part in await asyncio.gather(*turns) for recipient in part]
    finally:
        await other.close()
    assert len(taken) == len(set(taken)) == 100


async def test_an_account_s_quota_holds_up_nobody_else(db: Database, make: Any) -> None:
    slow, fast = await make(5), await make(5)
    worker = await join(db)
    async with db.write() as conn:
        await conn.execute(text("INSERT INTO accounts (name, created_at) VALUES ('fast', 1)"))
        await conn.execute(text(f"UPDATE campaigns SET account_id = 2 WHERE id = {fast.id}"))
    await limit(db, slow.account_id, 1)
    assert len(await lease(db, worker)) == 6


async def test_a_new_account_has_what_the_settings_give_and_an_operator_s_word_stands(db: Database, make: Any) -> None:
    campaign, worker = await make(40), await join(db)
    async with db.read() as conn:
        assert await quotas.allowance(conn, campaign.account_id, 0, NOW) is None
        found = await quotas.allowance(conn, campaign.account_id, 8, NOW)
    assert found is not None and (found.per_day, found.left, found.again_at) == (8, 8, TOMORROW)
    assert len(await lease(db, worker, base=8)) == 8
    assert len(await lease(db, worker, TOMORROW, base=8)) == 16, "the day before was clean"
    await limit(db, campaign.account_id, 20)
    assert len(await lease(db, worker, TOMORROW, base=8)) == 4
    await limit(db, campaign.account_id, quotas.NO_LIMIT)
    assert len(await lease(db, worker, TOMORROW, base=8)) == 12, "freed, it goes on at once"


async def test_hard_bounces_of_a_day_are_counted(db: Database, make: Any) -> None:
    campaign, worker = await make(3), await join(db)
    taken = await lease(db, worker, base=3)
    changes = [
        Change(taken[0], Event.REFUSED, NOW, worker, suppress="hard_bounce"),
        Change(taken[1], Event.COMPLAIN, NOW),
    ]
    async with db.write() as conn:
        await events.apply(conn, changes, KEYS)
        row = (await conn.execute(text("SELECT claimed, hard, complaints FROM account_days"))).one()
        assert await quotas.quota(conn, campaign.account_id, 3, TOMORROW) == 3
    assert tuple(row) == (3, 1, 1)


async def test_what_waits_elsewhere_is_known(db: Database, make: Any) -> None:
    first, second = await make(7), await make(3, send_at=NOW + 10)
    async with db.read() as conn:
        assert await quotas.waiting(conn, first.account_id, second.id, NOW + 1) == 7
        assert await quotas.waiting(conn, first.account_id, first.id, NOW + 10) == 0
        assert await quotas.waiting(conn, first.account_id, first.id, NOW + 11) == 3
        assert await campaigns.get(conn, first.id) is not None


@SQLITE
async def test_a_million_that_wait_are_not_looked_at(db: Database, make: Any) -> None:
    seen: list[tuple[str, Any]] = []
    async with db.read() as conn:
        event.listen(conn.sync_connection, "before_cursor_execute", lambda *a: seen.append((a[2], a[3])))
        await jobs.due(conn, NOW)
        rows = await conn.exec_driver_sql("EXPLAIN QUERY PLAN " + seen[0][0], seen[0][1])
        plan = [row[3] for row in rows]
    (step,) = [row for row in plan if "recipients" in row]
    assert "ix_recipients_due (campaign_id=? AND next_attempt_at>? AND next_attempt_at<?)" in step, plan
