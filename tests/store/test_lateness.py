"""A campaign that is late through our own fault is held by the first sign of life after the silence, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from store_helpers import NOW

from store import accounts, campaigns, jobs, talks
from store.engine import Database
from store.lateness import HOUR, LATE
from store.talks import Verdict
from store.values import Campaign

DAY = 24 * HOUR


async def sender(db: Database, now: int) -> int:
    async with db.write() as conn:
        return await jobs.join(conn, "host", 1, now)


async def seen(db: Database, campaign: Campaign) -> tuple[str, list[Any]]:
    async with db.read() as conn:
        found = await campaigns.get(conn, campaign.id)
    assert found is not None
    return found.state.value, [dict(one) for one in found.held]


async def test_a_long_silence_holds_what_should_have_gone(db: Database, make: Any) -> None:
    """The house stops for 20 hours: one campaign was being sent, one was to begin 15 hours ago, one 3, one tomorrow."""
    await sender(db, NOW)
    now = NOW + 20 * HOUR
    sending = await make(3)
    early, fresh, later = [await make(2, send_at=now + at) for at in (-15 * HOUR, -3 * HOUR, DAY)]
    assert (await seen(db, sending))[0] == "sending"
    worker = await sender(db, now)
    assert await seen(db, sending) == ("held", [{"code": "late", "count": 20}])
    assert await seen(db, early) == ("held", [{"code": "late", "count": 15}])
    assert [(await seen(db, one))[0] for one in (fresh, later)] == ["scheduled", "scheduled"]
    async with db.read() as conn:
        assert await jobs.due(conn, now) == [fresh.id]
    async with db.write() as conn:  # the house goes on as ever: no second look finds anything
        assert await jobs.beat(conn, worker, now + 5_000)
    async with db.write() as conn:
        assert await talks.release(conn, sending.id, 1, "send", now) is Verdict.OVER  # it has no author to ask


async def test_a_beat_after_the_database_was_away(db: Database, make: Any) -> None:
    worker = await sender(db, NOW)
    campaign = await make(3)
    async with db.write() as conn:
        await jobs.beat(conn, worker, NOW + LATE)
    assert (await seen(db, campaign))[0] == "sending"  # twelve hours are not more than twelve hours
    async with db.write() as conn:
        await jobs.beat(conn, worker, NOW + 2 * LATE + 1)
    assert (await seen(db, campaign))[0] == "held"


@pytest.mark.parametrize("why", ["paused", "suspended", "quota", "word", "retries", "first start"])
async def test_what_waits_for_other_reasons_is_not_late(db: Database, make: Any, why: str) -> None:
    if why != "first start":
        await sender(db, NOW)
    campaign = await make(3)
    async with db.write() as conn:
        change = {
            "paused": "UPDATE campaigns SET state = 'paused'",
            "quota": f"UPDATE campaigns SET paced_until = {NOW + DAY - LATE}",
            "word": "UPDATE recipients SET next_attempt_at = 253370764800000",
            "retries": "UPDATE recipients SET status = 2",
        }.get(why)
        if change:
            await conn.execute(text(change))
        if why == "suspended":
            await accounts.suspend(conn, campaign.account_id, True)
    await sender(db, NOW + DAY)
    assert (await seen(db, campaign))[0] == ("paused" if why == "paused" else "sending")


async def test_its_author_is_asked_once_a_silence_and_may_release_it(db: Database, make: Any) -> None:
    campaign = await make(3)
    async with db.write() as conn:
        await talks.begin(conn, campaign.id, "anne@acme.test", ())
    for number, now in enumerate((NOW + DAY, NOW + 3 * DAY)):
        await sender(db, now - DAY)
        await sender(db, now)
        async with db.write() as conn:
            (talk,) = await talks.unasked(conn)
            assert talk.author == "anne@acme.test"
            assert await talks.asked(conn, campaign.id, now) and not await talks.asked(conn, campaign.id, now)
            assert await talks.unasked(conn) == []
            assert await talks.release(conn, campaign.id, talk.serial, "send", now) is Verdict.DONE
        assert (await seen(db, campaign)) == ("sending", []), number
