"""Campaigns that pause themselves, and orders to all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from store_helpers import KEYS, NOW

from gateway.actions import told
from store import actions, braked, brakes, campaigns, control, events, jobs
from store.actions import Power
from store.brakes import Brake
from store.engine import Database
from store.rules import Rules
from store.states import Event
from store.suppressions import SuppressionKeys
from store.values import Campaign, CampaignState, Change

HARD = {"class": "unknown_user", "reply": "550 5.1.1 nobody here"}


async def answer(
    db: Database, campaign: Campaign, good: int, bad: int, now: int = NOW, keys: SuppressionKeys = KEYS
) -> None:
    """Recipients are leased and answered: so many refused as unknown, then so many delivered."""
    async with db.write() as conn:
        worker = await jobs.join(conn, "host", 1, now)
        leased = await jobs.lease(conn, worker, now, {campaign.id: good + bad})
        taken = sorted(leased, key=lambda job: job.id)
        assert len(taken) == good + bad
        refused = [
            Change(job.id, Event.REFUSED, now, worker, detail=HARD, suppress="hard_bounce") for job in taken[:bad]
        ]
        await events.apply(conn, refused, keys)
        await events.apply(conn, [Change(job.id, Event.ACCEPTED, now, worker) for job in taken[bad:]], keys)


async def complain(db: Database, campaign: Campaign, lines: range, now: int = NOW) -> None:
    async with db.write() as conn:
        ids = (
            await conn.execute(text(f"SELECT id FROM recipients WHERE campaign_id = {campaign.id} ORDER BY id"))
        ).all()
        await events.apply(conn, [Change(ids[n][0], Event.COMPLAIN, now) for n in lines], KEYS)


async def state(db: Database, campaign: Campaign) -> Campaign:
    async with db.read() as conn:
        found = await campaigns.get(conn, campaign.id)
    assert found is not None
    return found


async def untold(db: Database) -> list[Brake]:
    async with db.read() as conn:
        return await brakes.untold(conn)


async def test_two_hundred_answers_come_before_any_pause(db: Database, make: Any) -> None:
    campaign = await make(300)
    await answer(db, campaign, 0, 199)
    assert (await state(db, campaign)).state is CampaignState.SENDING
    await answer(db, campaign, 0, 1)
    paused = await state(db, campaign)
    assert paused.state is CampaignState.PAUSED
    assert paused.held == ({"code": "paused_hard_bounce", "count": 200, "answers": 200},)
    assert await untold(db) == [Brake(campaign.id, "hard_bounce", NOW, 200, 200, paused=True)]


@pytest.mark.parametrize(("bad", "wanted"), [(9, CampaignState.SENDING), (10, CampaignState.PAUSED)])
async def test_five_in_a_hundred_are_too_many(db: Database, make: Any, bad: int, wanted: CampaignState) -> None:
    campaign = await make(300)
    await answer(db, campaign, 200 - bad, 0)
    await answer(db, campaign, 0, bad)
    assert (await state(db, campaign)).state is wanted


@pytest.mark.parametrize("why", ["reputation", "policy", "mailbox_full", "content", "refused"])
async def test_other_refusals_pause_nothing(db: Database, make: Any, why: str) -> None:
    campaign = await make(210)
    async with db.write() as conn:
        worker = await jobs.join(conn, "host", 1, NOW)
        taken = await jobs.lease(conn, worker, NOW, {campaign.id: 205})
        await events.apply(conn, [Change(j.id, Event.REFUSED, NOW, worker, detail={"class": why}) for j in taken], KEYS)
    assert (await state(db, campaign)).state is CampaignState.SENDING


async def test_bad_news_before_the_two_hundredth_answer_is_found_by_whoever_looks_after_all(
    db: Database, make: Any
) -> None:
    campaign = await make(300)
    await answer(db, campaign, 220, 20)  # 20 of 20, and nothing bad since
    assert (await state(db, campaign)).state is CampaignState.SENDING
    async with db.write() as conn:
        assert await brakes.suspects(conn) == [campaign.id]
        assert await brakes.passed(conn, campaign.id, KEYS.rules)
        assert [one.count for one in await brakes.check(conn, [campaign.id], KEYS.rules, NOW)] == [20]
        assert await brakes.suspects(conn) == []


async def test_a_resumed_campaign_pauses_again_only_when_it_gets_worse(db: Database, make: Any) -> None:
    campaign = await make(2_000)
    await answer(db, campaign, 190, 0)
    await answer(db, campaign, 0, 20)  # 10 of 200: 5 %
    async with db.write() as conn:
        assert (await conn.execute(text("SELECT count, answers FROM brakes"))).all() == [(20, 210)]
        (first,) = await brakes.untold(conn)
        assert await brakes.told(conn, first) and not await brakes.told(conn, first)
        assert await control.resume(conn, campaign.id, NOW)
    assert (await state(db, campaign)).held == ()
    await answer(db, campaign, 90, 0)
    await answer(db, campaign, 0, 15)
    assert (await state(db, campaign)).state is CampaignState.SENDING, "11.1 %: 9.5 % and half of 5 % are 12 %"
    await answer(db, campaign, 0, 10)
    assert (await state(db, campaign)).state is CampaignState.PAUSED, "13.8 %"
    assert [(one.count, one.answers) for one in await untold(db)] == [(45, 325)]


async def test_complaints_count_also_when_they_come_after_the_end(db: Database, make: Any) -> None:
    campaign, other = await make(400), await make(400)
    await answer(db, campaign, 300, 0)
    await complain(db, campaign, range(1))
    assert (await state(db, campaign)).state is CampaignState.PAUSED
    await answer(db, other, 400, 0)
    async with db.write() as conn:
        assert await control.finish_done(conn, NOW) == [other.id]
    await complain(db, other, range(2), NOW + 9)
    assert (await state(db, other)).state is CampaignState.FINISHED
    assert await untold(db) == [
        Brake(campaign.id, "complaint", NOW, 1, 300, paused=True),
        Brake(other.id, "complaint", NOW + 9, 2, 400, paused=False),
    ]


async def test_thresholds_are_settings(db: Database, make: Any) -> None:
    campaign = await make(50)
    never = replace(KEYS, rules=Rules(pause_after=10, hard=0.0, complaints=0.0))
    await answer(db, campaign, 0, 20, keys=never)
    assert (await state(db, campaign)).state is CampaignState.SENDING
    await answer(db, campaign, 0, 1, keys=replace(KEYS, rules=Rules(pause_after=10, hard=0.9)))
    assert (await state(db, campaign)).state is CampaignState.PAUSED
    async with db.read() as conn:
        (action,) = await actions.of(conn, campaign.id)
    assert (action.power, action.via) == (Power.PAUSE, "gateway")
    assert action.outcome == {"cause": "hard_bounce", "count": 21, "answers": 21}
    said = told.what("fr", "UTC", action), told.by("fr", action), told.result("fr", action)
    assert said[:2] == ("Mise en pause", "la passerelle, par sécurité") and "21 adresses inexistantes" in said[2]


async def test_the_lines_to_blame_are_those_whose_address_does_not_exist(db: Database, make: Any) -> None:
    campaign = await make(6)
    await answer(db, campaign, 1, 3)
    async with db.write() as conn:
        worker = await jobs.join(conn, "host", 1, NOW)
        (job,) = await jobs.lease(conn, worker, NOW, {campaign.id: 1})
        await events.apply(conn, [Change(job.id, Event.REFUSED, NOW, worker, detail={"class": "policy"})], KEYS)
        hard = await braked.lines(conn, campaign.id, "hard_bounce", 2)
    await complain(db, campaign, range(3, 4))
    async with db.read() as conn:
        spam = await braked.lines(conn, campaign.id, "complaint", 9)
    assert [(one.label, one.address, one.reply) for one in hard] == [
        ("2", "p0@dest.test", HARD["reply"]),
        ("3", "p1@dest.test", HARD["reply"]),
    ]
    assert [(one.label, one.address) for one in spam] == [("5", "p3@dest.test")]


async def test_all_campaigns_are_stopped_in_one_step(db: Database, make: Any) -> None:
    made = [await make(4), await make(2, send_at=NOW + 5), await make(3, held=({"code": "config"},))]
    async with db.write() as conn:
        halted = await control.stop_all(conn, NOW)
        assert (halted.campaigns, halted.recipients) == (3, 9)
        assert await control.settle_stopped(conn, NOW) == 9
        assert (await control.stop_all(conn, NOW)).campaigns == 0
    assert {(await state(db, one)).state for one in made} == {CampaignState.STOPPED}


async def test_who_paused_a_campaign_alone_keeps_it_paused(db: Database, make: Any) -> None:
    sending, later, paused = await make(4), await make(2, send_at=NOW + 5), await make(3)
    async with db.write() as conn:
        await control.pause(conn, paused.id, NOW)
        assert await control.pause_all(conn) == control.Halted(2, 6)
        assert await jobs.due(conn, NOW + 9) == []
        assert await control.resume_all(conn, NOW, "olga") == control.Halted(2, 6)
        done = await actions.of(conn, sending.id)
        assert await actions.of(conn, paused.id) == [], "this one was left alone"
    assert [(one.power, one.via, one.who, one.outcome) for one in done] == [
        (Power.RESUME, "operator", "olga", {"cause": "all"}),
        (Power.PAUSE, "operator", "", {"cause": "all"}),
    ]
    found = [(await state(db, one)).state for one in (sending, later, paused)]
    assert found == [CampaignState.SENDING, CampaignState.SCHEDULED, CampaignState.PAUSED]
