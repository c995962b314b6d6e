"""A campaign waits for its author's word: one token, one release, and never a fault."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from store_helpers import NOW

from store import campaigns, jobs, sources, talks
from store.engine import Database
from store.tables import recipients
from store.tables_talks import WAITS
from store.talks import VALIDATION, Verdict
from store.values import Campaign, CampaignState


async def held(db: Database, make: Any, people: int = 3, **more: Any) -> Campaign:
    campaign: Campaign = await make(people, **({"held": (VALIDATION,)} | more))
    async with db.write() as conn:
        await talks.begin(conn, campaign.id, "anne@acme.test", ("boss@acme.test",))
    return campaign


async def state(db: Database, campaign: Campaign) -> CampaignState:
    async with db.read() as conn:
        found = await campaigns.get(conn, campaign.id)
    assert found is not None
    return found.state


async def test_one_token_releases_once(db: Database, make: Any) -> None:
    campaign = await held(db, make)
    async with db.write() as conn:
        assert await talks.release(conn, campaign.id, 2, "send", NOW + 9) is Verdict.SPENT
    assert await state(db, campaign) is CampaignState.HELD
    async with db.write() as conn:
        assert await talks.release(conn, campaign.id, 1, "send", NOW + 9) is Verdict.DONE
        assert await talks.release(conn, campaign.id, 1, "send", NOW + 10) is Verdict.SPENT
        talk = await talks.get(conn, campaign.id)
    assert talk is not None
    assert (talk.serial, talk.decided, talk.decided_at, talk.notify) == (2, "send", NOW + 9, ("boss@acme.test",))
    assert await state(db, campaign) is CampaignState.SENDING
    async with db.read() as conn:
        assert await jobs.due(conn, NOW + 10) == [campaign.id]


async def test_a_fault_is_never_released(db: Database, make: Any) -> None:
    for reasons in (({"code": "config"},), ({"code": "config"}, VALIDATION)):
        campaign = await held(db, make, held=reasons)
        async with db.write() as conn:
            assert await talks.release(conn, campaign.id, 1, "send", NOW + 9) is Verdict.FAULTS
        assert await state(db, campaign) is CampaignState.HELD


async def test_a_later_date_may_change_until_it_has_come(db: Database, make: Any) -> None:
    campaign = await held(db, make)
    async with db.write() as conn:
        assert await talks.release(conn, campaign.id, 1, "later", NOW, at=NOW + 500) is Verdict.DONE
        assert await jobs.due(conn, NOW + 499) == []
        assert await talks.release(conn, campaign.id, 2, "later", NOW, at=NOW + 900) is Verdict.DONE
        assert await jobs.due(conn, NOW + 899) == [] and await jobs.due(conn, NOW + 900) == [campaign.id]
        assert await talks.cancel(conn, campaign.id, NOW + 1) is Verdict.DONE
        assert await talks.cancel(conn, campaign.id, NOW + 2) is Verdict.OVER
    assert await state(db, campaign) is CampaignState.STOPPED


async def test_only_the_first_few_are_due(db: Database, make: Any) -> None:
    campaign = await held(db, make, 5)
    late = select(func.count()).where(recipients.c.next_attempt_at == WAITS)
    async with db.write() as conn:
        assert await talks.keep_waiting(conn, campaign.id, 2) == 3
        assert await talks.keep_waiting(conn, campaign.id, 2) == 0
        assert await talks.release(conn, campaign.id, 1, "first", NOW, waiting=3) is Verdict.DONE
        assert await sources.hasten(conn, NOW) == 0  # more room on another address wakes nobody who waits for a word
        assert await conn.scalar(late) == 3
        assert await talks.rest(conn, campaign.id, 1, "first", NOW, 2) is Verdict.SPENT
        assert await talks.rest(conn, campaign.id, 2, "first", NOW, 2) is Verdict.DONE
        assert await talks.wake(conn, campaign.id, 1) == 1 and await conn.scalar(late) == 2
        assert await talks.rest(conn, campaign.id, 3, "send", NOW, 0) is Verdict.DONE
        assert await talks.wake(conn, campaign.id) == 2 and await conn.scalar(late) == 0
        assert await talks.rest(conn, campaign.id, 4, "send", NOW, 0) is Verdict.SPENT


async def test_reports_are_due_once(db: Database, make: Any) -> None:
    campaign = await held(db, make)
    async with db.write() as conn:
        await talks.cancel(conn, campaign.id, NOW)
        assert await talks.to_report(conn, NOW - 1) == []
        assert [talk.author for talk in await talks.to_report(conn, NOW)] == ["anne@acme.test"]
        await talks.reported(conn, campaign.id, NOW)
        assert await talks.to_report(conn, NOW) == []


async def test_a_habit_of_an_account(db: Database, make: Any) -> None:
    campaign = await make(1)
    async with db.write() as conn:
        assert not await talks.validates(conn, campaign.account_id)
        for wanted in (True, False, True):
            await talks.set_validation(conn, campaign.account_id, wanted)
            assert await talks.validates(conn, campaign.account_id) is wanted
