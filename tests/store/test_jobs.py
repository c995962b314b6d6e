"""Leases: who holds what, and what becomes of it when a worker dies."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import event, update
from sqlalchemy.ext.asyncio import AsyncConnection
from store_helpers import KEYS, NOW

from store import accounts, campaigns, control, driver, events, jobs, notices, paces, tables
from store.engine import Database
from store.states import Event, Status
from store.values import CampaignState, Change

SQLITE = pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # whose plans name each step


async def join(db: Database, pid: int = 1, now: int = NOW) -> int:
    async with db.write() as conn:
        return await jobs.join(conn, "host", pid, now)


async def lease(db: Database, worker: int, now: int = NOW, n: int = 10) -> list[int]:
    async with db.read() as conn:
        due = await jobs.due(conn, now)
    async with db.write() as conn:
        return [job.id for job in await jobs.lease(conn, worker, now, dict.fromkeys(due, n))]


async def listen(conn: AsyncConnection, asked: list[str]) -> None:
    """Remember the statements of a connection; on SQLite those of its thread, with their values in them."""
    if conn.dialect.name == "sqlite":
        await driver.of(conn).inside(lambda raw: raw.set_trace_callback(asked.append))
    else:
        event.listen(conn.sync_connection, "before_cursor_execute", lambda *told: asked.append(told[2]))


async def test_two_workers_never_hold_the_same_recipient(db: Database, make: Any) -> None:
    await make(50)
    one, two = await join(db), await join(db, 2)
    taken = [await lease(db, worker, n=7) for worker in (one, two) * 4]
    flat = [i for part in taken for i in part]
    assert len(flat) == len(set(flat)) == 50


async def test_leasing_at_once_from_two_connections_gives_each_row_once(db: Database, make: Any, tmp_path: Any) -> None:
    await make(200)
    other = Database.open(db.url)
    one, two = await join(db), await join(db, 2)
    parts = await asyncio.gather(*(lease(handle, w, n=20) for _ in range(6) for handle, w in ((db, one), (other, two))))
    flat = [i for part in parts for i in part]
    assert len(flat) == len(set(flat)) == 200
    await other.close()


async def test_a_silent_workers_rows_are_free_after_twenty_seconds(db: Database, make: Any) -> None:
    await make(3)
    dead, heir = await join(db), await join(db, 2, NOW + 15_000)
    held = await lease(db, dead)
    watch = jobs.Watch()
    async with db.write() as conn:
        for clock in range(0, jobs.STALE + 1, 5_000):
            assert await jobs.sweep(conn, watch, NOW, clock) == 0
        assert await jobs.beat(conn, heir, NOW + jobs.STALE)
    assert await lease(db, heir, NOW + jobs.STALE) == []
    async with db.write() as conn:
        assert await jobs.sweep(conn, watch, NOW + jobs.STALE + 1, jobs.STALE + 1) == 1
        assert await jobs.beat(conn, dead, NOW + jobs.STALE + 2) is False
    assert sorted(await lease(db, heir, NOW + jobs.STALE + 2)) == sorted(held)
    assert await lease(db, dead, NOW + jobs.STALE + 2) == [], "a retired worker gets nothing"


async def test_a_worker_that_beats_keeps_its_rows_for_ever(db: Database, make: Any) -> None:
    await make(1)
    worker = await join(db)
    held = await lease(db, worker)
    watch = jobs.Watch()
    for minute in range(1, 11):
        async with db.write() as conn:
            assert await jobs.beat(conn, worker, NOW + minute * 60_000)
            assert await jobs.sweep(conn, watch, NOW + minute * 60_000, minute * 60_000) == 0
    async with db.write() as conn:
        assert await events.apply(conn, [Change(held[0], Event.ACCEPTED, NOW + 600_000, worker)], KEYS) == 1


@pytest.mark.parametrize("jump", [7_200_000, -7_200_000])
def test_a_clock_that_jumps_makes_nobody_dead(jump: int) -> None:
    watch = jobs.Watch()
    assert watch.silent({1: NOW, 2: NOW}, 0) == []
    assert watch.silent({1: NOW + jump, 2: NOW}, 5_000) == []
    for clock in range(10_000, 20_001, 5_000):
        assert watch.silent({1: NOW + jump, 2: NOW}, clock) == []
    assert watch.silent({1: NOW + jump, 2: NOW}, 20_001) == [2]
    assert watch.silent({1: NOW + jump}, 25_000) == []
    assert watch.silent({1: NOW + jump}, 25_001) == [1]


def test_nobody_is_blamed_while_the_observer_could_not_look() -> None:
    watch = jobs.Watch()
    assert watch.silent({1: NOW}, 0) == []
    assert watch.silent({1: NOW}, 3_600_000) == [], "the database was locked for an hour: nobody could beat"
    assert watch.silent({1: NOW}, 3_605_000) == []
    assert watch.silent({1: NOW}, 3_610_000) == []
    assert watch.silent({1: NOW}, 3_615_000) == [1]


async def test_a_process_seen_to_end_is_retired_at_once(db: Database, make: Any) -> None:
    await make(2)
    dead, alive = await join(db, 11), await join(db, 12)
    await lease(db, dead, n=1)
    await lease(db, alive, n=1)
    async with db.write() as conn:
        assert await jobs.retire_process(conn, "elsewhere", 11, NOW) == 0
        assert await jobs.retire_process(conn, "host", 11, NOW) == 1
        assert await jobs.beat(conn, alive, NOW)
    assert len(await lease(db, alive)) == 1


async def test_nothing_of_a_later_held_paused_or_suspended_campaign_is_due(db: Database, make: Any) -> None:
    worker = await join(db)
    later = await make(1, send_at=NOW + 60_000)
    await make(1, held=({"reason": "config"},))
    paused = await make(1)
    async with db.write() as conn:
        assert await control.pause(conn, paused.id, NOW)
    assert later.state is CampaignState.SCHEDULED
    assert await lease(db, worker) == []
    async with db.write() as conn:
        assert await control.resume(conn, paused.id, NOW)
    assert len(await lease(db, worker)) == 1
    async with db.write() as conn:
        await accounts.suspend(conn, later.account_id, True)
    assert await lease(db, worker, NOW + 60_000) == []
    async with db.write() as conn:
        await accounts.suspend(conn, later.account_id, False)
    assert len(await lease(db, worker, NOW + 60_000)) == 1
    async with db.read() as conn:
        assert (await campaigns.states(conn, [later.id]))[later.id] is CampaignState.SENDING


async def test_small_campaigns_get_their_share_beside_large_ones(db: Database, make: Any) -> None:
    large, small = await make(100), await make(3)
    worker = await join(db)
    async with db.write() as conn:
        taken = await jobs.lease(conn, worker, NOW, {large.id: 5, small.id: 5})
    assert {c: sum(job.campaign_id == c for job in taken) for c in (large.id, small.id)} == {large.id: 5, small.id: 3}


async def test_many_campaigns_are_one_question_each_within_its_own_bounds(db: Database, make: Any) -> None:
    made = [await make(6) for _ in range(8)]
    wanted = {one.id: at % 3 for at, one in enumerate(made)}
    retries = made[5].id
    async with db.write() as conn:
        paced = update(tables.campaigns).where(tables.campaigns.c.id == retries)
        await conn.execute(paced.values(paced_until=NOW + 1))  # past its quota: what is due for the first time waits
    worker, asked = await join(db), list[str]()
    async with db.write() as conn:
        await listen(conn, asked)
        taken = await jobs.lease(conn, worker, NOW, wanted)
    counts = {one.id: sum(job.campaign_id == one.id for job in taken) for one in made}
    assert counts == wanted | {retries: 0}
    assert 0 < sum("recipients" in statement for statement in asked) <= len(set(wanted.values())) + 1


async def test_stop_settles_everybody_the_leased_ones_when_they_come_back(db: Database, make: Any) -> None:
    campaign = await make(5)
    worker = await join(db)
    held = await lease(db, worker, n=2)
    async with db.write() as conn:
        assert await control.stop(conn, campaign.id, NOW + 1)
    async with db.read() as conn:
        ledger = await campaigns.ledger(conn, campaign.id)
    assert ledger is not None
    assert (ledger.statuses[Status.STOPPED], ledger.statuses[Status.QUEUED]) == (3, 2)
    async with db.write() as conn:
        await events.apply(conn, [Change(held[0], Event.ACCEPTED, NOW + 2, worker)], KEYS)  # was on the wire already
        await jobs.release(conn, worker, [held[1]])
        await control.settle_stopped(conn, NOW + 3)
        ledger = await campaigns.ledger(conn, campaign.id)
    assert ledger is not None
    assert (ledger.statuses[Status.STOPPED], ledger.statuses[Status.DELIVERED]) == (4, 1)
    assert await lease(db, worker) == []


async def test_a_campaign_is_finished_when_nobody_waits(db: Database, make: Any) -> None:
    campaign = await make(2)
    worker = await join(db)
    held = await lease(db, worker)
    async with db.write() as conn:
        assert await control.finish_done(conn, NOW) == []
        await events.apply(conn, [Change(held[0], Event.ACCEPTED, NOW, worker)], KEYS)
        again = Change(held[1], Event.TEMPFAILED, NOW, worker, next_attempt_at=NOW + 9)
        await events.apply(conn, [again], KEYS)
        assert await control.finish_done(conn, NOW) == []
    held = await lease(db, worker, NOW + 9)
    async with db.write() as conn:
        await events.apply(conn, [Change(held[0], Event.REFUSED, NOW + 10, worker)], KEYS)
        assert await control.finish_done(conn, NOW + 10) == [campaign.id]


async def test_system_mails_are_leased_once_and_retried(db: Database) -> None:
    worker = await join(db)
    async with db.write() as conn:
        notice = await notices.add(conn, None, "user@acme.test", b"raw", NOW)
    async with db.read() as conn:
        assert await jobs.notices_due(conn, NOW)
    async with db.write() as conn:
        (job,) = await jobs.lease_notices(conn, worker, NOW, 5)
        assert (job.id, job.raw) == (notice, b"raw")
        assert await jobs.lease_notices(conn, worker, NOW, 5) == []
        later = {"delivered": False, "next_attempt_at": NOW + 5, "reply": "451 later"}
        assert await jobs.finish_notice(conn, worker, notice, NOW, **later)  # type: ignore[arg-type]
        assert await jobs.lease_notices(conn, worker, NOW + 4, 5) == []
        (job,) = await jobs.lease_notices(conn, worker, NOW + 5, 5)
        assert job.attempts == 1
        done = {"delivered": True, "next_attempt_at": None, "reply": "250 ok"}
        assert await jobs.finish_notice(conn, worker, notice, NOW, **done)  # type: ignore[arg-type]
        assert not await jobs.finish_notice(conn, worker, notice, NOW, **done)  # type: ignore[arg-type]


async def test_whoever_unsubscribed_while_leased_is_not_due_again_when_put_off(db: Database, make: Any) -> None:
    await make(2)
    worker = await join(db)
    gone, other = await lease(db, worker)
    async with db.write() as conn:
        await events.apply(conn, [Change(gone, Event.UNSUBSCRIBE, NOW + 1)], KEYS)
        await jobs.release(conn, worker, [gone, other], not_before=NOW + 60_000)
    assert await lease(db, worker, NOW + 60_000) == [other]


async def test_a_stopped_campaign_is_not_held_after_that(db: Database, make: Any) -> None:
    campaign = await make(1)
    async with db.write() as conn:
        assert await control.stop(conn, campaign.id, NOW)
        await campaigns.set_held(conn, campaign.id, [{"code": "render"}])
        assert (await campaigns.states(conn, [campaign.id]))[campaign.id] is CampaignState.STOPPED


async def test_senders_see_the_campaigns_of_a_suspended_account_as_paused(db: Database, make: Any) -> None:
    campaign = await make(1)
    async with db.write() as conn:
        await accounts.suspend(conn, campaign.account_id, True)
        assert (await campaigns.states(conn, [campaign.id]))[campaign.id] is CampaignState.PAUSED


@SQLITE
async def test_looking_for_finished_campaigns_reads_no_whole_campaign(db: Database, make: Any) -> None:
    await make(3)
    seen: list[str] = []

    def remember(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    async with db.write() as conn:
        event.listen(conn.sync_connection, "before_cursor_execute", remember)
        await control.finish_done(conn, NOW)
        plan = await conn.exec_driver_sql("EXPLAIN QUERY PLAN " + seen[0], ("sending", "paused"))
        steps = [row[3] for row in plan]
    assert not [step for step in steps if "ix_recipients_campaign_id_status" in step or step == "SCAN recipients"]


async def test_a_paused_campaign_whose_last_mail_came_through_is_finished(db: Database, make: Any) -> None:
    campaign, waiting = await make(1), await make(1)
    worker = await join(db)
    async with db.write() as conn:
        (job,) = await jobs.lease(conn, worker, NOW, {campaign.id: 1})
        await control.pause(conn, campaign.id, NOW)
        await control.pause(conn, waiting.id, NOW)
        assert await control.finish_done(conn, NOW) == []
        await events.apply(conn, [Change(job.id, Event.ACCEPTED, NOW, worker)], KEYS)
        assert await control.finish_done(conn, NOW + 1) == [campaign.id]


async def test_what_was_not_tried_is_due_when_its_site_takes_it_again(db: Database, make: Any) -> None:
    await make(3)
    worker = await join(db)
    first, second, third = await lease(db, worker)
    async with db.write() as conn:
        await jobs.give_back(conn, worker, [(first, NOW + 500), (second, None)])
        await jobs.give_back(conn, worker + 1, [(third, None)])
        assert await jobs.owned(conn, worker) == [third]
    assert await lease(db, worker) == [second]
    assert await lease(db, worker, NOW + 500) == [first]


async def test_the_source_of_an_attempt_is_kept_for_the_next(db: Database, make: Any) -> None:
    await make(1)
    worker = await join(db)
    (one,) = await lease(db, worker)
    again = Change(one, Event.TEMPFAILED, NOW, worker, next_attempt_at=NOW + 5, source_id=4)
    async with db.write() as conn:
        await events.apply(conn, [again], KEYS)
        (job,) = await jobs.lease(conn, worker, NOW + 5, {1: 1})
    assert (job.source_id, job.attempts) == (4, 1)


async def test_transactional_campaigns_are_known(db: Database, make: Any) -> None:
    first, second = await make(1), await make(1)
    async with db.write() as conn:
        options = '{"subject":"\\"type\\":\\"transactional\\"","type":"marketing"}'
        for one, said in ((first, options), (second, '{"type":"transactional"}')):
            await conn.execute(update(tables.campaigns).where(tables.campaigns.c.id == one.id).values(options=said))
        assert await jobs.urgent(conn, [first.id, second.id]) == {second.id}


@SQLITE
async def test_recipients_that_wait_cost_no_scan(db: Database, make: Any) -> None:
    await make(3)
    seen: list[str] = []
    async with db.write() as conn:
        await listen(conn, seen)
        await jobs.due(conn, NOW)
        await jobs.lease(conn, await jobs.join(conn, "h", 1, NOW), NOW, {1: 5})
        asked = [statement for statement in seen if "recipients" in statement]
        assert len(asked) >= 3
        for statement in asked:
            plan = await conn.exec_driver_sql("EXPLAIN QUERY PLAN " + statement)
            steps = [row[3] for row in plan if "recipients" in row[3]]
            by_key = [s for s in steps if s.startswith("SEARCH") and ("ix_recipients_due" in s or "PRIMARY KEY" in s)]
            assert steps and steps == by_key, statement


async def test_a_short_lease_takes_the_same_and_nothing_of_what_was_paused_meanwhile(db: Database, make: Any) -> None:
    first, second, third = [await make(6) for _ in range(3)]
    worker = await join(db)
    assert len(await lease(db, worker, n=1)) == 3, "all have begun"
    shares = {first.id: 2, second.id: 3, third.id: 2}
    taken = (await paces.take(db, worker, NOW, shares)).jobs
    counts = {one.id: sum(job.campaign_id == one.id for job in taken) for one in (first, second, third)}
    assert counts == shares
    async with db.read() as conn:
        held = set(await jobs.owned(conn, worker))
        wanted = await jobs.plainly(conn, shares, NOW)
    assert held >= {job.id for job in taken} and len(held) == 10
    if db.sqlite:
        assert wanted is not None
        async with db.write() as conn:
            await control.pause(conn, second.id, NOW)
        again = await jobs.lease_plainly(db, worker, NOW, wanted)
        assert {job.campaign_id for job in again} == {first.id, third.id}
        async with db.write() as conn:
            await jobs.retire(conn, worker, NOW)
        assert not await jobs.lease_plainly(db, worker, NOW, wanted)
