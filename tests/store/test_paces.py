"""A campaign's own rate: no hour sees more messages than it asks for, whoever leases and however late they leave."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from store_helpers import NOW

from store import jobs, paces
from store.allowances import conform_by
from store.engine import Database
from store.paces import CAMPAIGN, LINGER, MESSAGES, spread

pytestmark = pytest.mark.slow  # the quick ring has no time for them

HOUR = 3_600_000


async def asked(db: Database, campaign: int, rate: int) -> None:
    async with db.write() as conn:
        values = {"rate": f'{{"bulk":true,"rate":{rate}}}', "id": campaign}
        await conn.execute(text("UPDATE campaigns SET options = :rate WHERE id = :id"), values)


async def workers(db: Database, count: int) -> list[int]:
    async with db.write() as conn:
        return [await jobs.join(conn, "host", number, NOW) for number in range(count)]


def most_in_an_hour(sent: list[int]) -> int:
    """Counted by brute force: from each message on."""
    return max(sum(first <= other < first + HOUR for other in sent) for first in sent)


@pytest.mark.parametrize("rate", [1, 2, 7, 60])
async def test_no_hour_sees_more_than_was_asked(db: Database, make: Any, rate: int) -> None:
    """Three senders ask at any moments of four hours; each message leaves up to LINGER after its lease."""
    campaign = await make(rate * 5)
    await asked(db, campaign.id, rate)
    team, dice = await workers(db, 3), random.Random(rate)
    sent, now = [], NOW + 1
    while now < NOW + 4 * HOUR:
        async with db.write() as conn:
            leased = await paces.lease(conn, dice.choice(team), now, {campaign.id: 50})
        assert leased.paced == {campaign.id}
        sent += [now + dice.randrange(LINGER * 1_000) for _ in leased.jobs]
        now = max(now + dice.randrange(1, 60_000), leased.again.get(campaign.id, 0) if dice.random() < 0.5 else 0)
    assert len(sent) >= 4 * rate * 0.85
    assert most_in_an_hour(sent) <= rate
    assert most_in_an_hour(sent) >= rate * 0.85  # and not much fewer than were asked for


@given(st.integers(1, 1_000_000), st.integers(0, 10_000), st.sampled_from([CAMPAIGN, MESSAGES]))
def test_a_stretch_of_an_hour_and_the_longest_wait_holds_no_more(rate: int, begin: int, at_once: int) -> None:
    step, burst = spread(rate, at_once)
    stretch = (3_600 + LINGER) * 1_000_000
    granted, due_at = conform_by(0, step, burst, 10**9, begin)
    more, _ = conform_by(due_at, step, burst, 10**9, begin + stretch - 1)
    assert granted == burst
    assert more <= burst
    assert burst + (stretch - 1) // step <= rate  # the first burst, then one a step


async def test_a_campaign_without_a_rate_is_leased_whole_beside_it(db: Database, make: Any) -> None:
    slow, quick = await make(9), await make(9)
    await asked(db, slow.id, 1)
    (worker,) = await workers(db, 1)
    async with db.write() as conn:
        leased = await paces.lease(conn, worker, NOW + 1, {slow.id: 5, quick.id: 9})
        assert sorted(job.campaign_id for job in leased.jobs) == [slow.id] + [quick.id] * 9
        assert set(leased.again) == {slow.id} and NOW + HOUR < leased.again[slow.id] <= NOW + HOUR + 61_000
        assert (await paces.lease(conn, worker, NOW + 2, {slow.id: 5})).jobs == []


async def test_what_is_not_there_to_be_leased_costs_nothing(db: Database, make: Any) -> None:
    campaign = await make(2)
    await asked(db, campaign.id, 36_000)
    (worker,) = await workers(db, 1)
    async with db.write() as conn:
        leased = await paces.lease(conn, worker, NOW + 1, {campaign.id: 100})
    assert (len(leased.jobs), leased.again) == (2, {})
    async with db.read() as conn:
        due_at = await conn.scalar(text("SELECT due_at FROM throttles"))
    step, _ = spread(36_000, CAMPAIGN)
    assert due_at == (NOW + 1) * 1_000 + 2 * step


async def test_senders_that_ask_at_once_share_it(db: Database, make: Any) -> None:
    campaign = await make(40)
    await asked(db, campaign.id, 3_600)
    _, burst = spread(3_600, CAMPAIGN)

    async def one(worker: int) -> int:
        async with db.write() as conn:
            return len((await paces.lease(conn, worker, NOW + 1, {campaign.id: 40})).jobs)

    taken = await asyncio.gather(*(one(worker) for worker in await workers(db, 4)))
    assert sum(taken) == burst == 20


async def transactional(db: Database, per_hour: int | None, *ids: int, rate: str = "null") -> None:
    async with db.write() as conn:
        await conn.execute(text("UPDATE accounts SET transactional_per_hour = :n"), {"n": per_hour})
        for one in ids:
            values = {"said": f'{{"rate":{rate},"type":"transactional"}}', "id": one}
            await conn.execute(text("UPDATE campaigns SET options = :said WHERE id = :id"), values)


async def test_what_an_account_was_granted_holds_for_all_its_transactional_campaigns_together(
    db: Database, make: Any
) -> None:
    first, second, other = await make(60), await make(60), await make(60)
    await transactional(db, 30, first.id, second.id)
    team, dice = await workers(db, 2), random.Random(3)
    sent, whose, now = [], Counter[int](), NOW + 1
    while now < NOW + 3 * HOUR:
        async with db.write() as conn:
            leased = await paces.lease(conn, dice.choice(team), now, {first.id: 40, second.id: 40, other.id: 40})
        assert leased.paced == {first.id, second.id}
        sent += [now for job in leased.jobs if job.campaign_id != other.id]
        whose.update(job.campaign_id for job in leased.jobs)
        now += dice.randrange(1, 30_000)
    assert whose[other.id] == 60, "other mail is not bounded by it"
    assert min(whose[first.id], whose[second.id]) > 25, "neither waits for the other"
    assert most_in_an_hour(sent) <= 30 and len(sent) >= 3 * 30 * 0.8


async def test_a_quarter_of_an_account_s_messages_goes_without_a_wait(db: Database, make: Any) -> None:
    campaign = await make(60)
    await transactional(db, 60, campaign.id)
    (worker,) = await workers(db, 1)
    async with db.write() as conn:
        assert len((await paces.lease(conn, worker, NOW + 1, {campaign.id: 40})).jobs) == 15


async def test_the_narrower_of_two_bounds_holds(db: Database, make: Any) -> None:
    first, second = await make(60), await make(60)
    await transactional(db, 12, first.id)
    await transactional(db, 12, second.id, rate="60")
    (worker,) = await workers(db, 1)
    async with db.write() as conn:
        leased = await paces.lease(conn, worker, NOW + 1, {first.id: 2, second.id: 40})
        assert [job.campaign_id for job in leased.jobs].count(second.id) == 1
        assert set(leased.again) == {second.id} and leased.again[second.id] > NOW + 50_000
        leased = await paces.lease(conn, worker, NOW + 2, {first.id: 40, second.id: 40})
        assert {job.campaign_id for job in leased.jobs} <= {first.id} and set(leased.again) == {first.id, second.id}
