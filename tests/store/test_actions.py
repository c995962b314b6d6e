"""Actions on campaigns: asked once, confirmed once, ended once, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from store_helpers import NOW

from store import actions, campaigns, control, jobs, replays, talks
from store.actions import New, Power, Stage
from store.engine import Database
from store.replays import Change, Target
from store.states import Status
from store.tables import recipients
from store.tables_actions import action_lists
from store.values import CampaignState, Ledger, Tracked


def wanted(campaign: Any, once: str = "w", power: Power = Power.REPLAY, **wish: Any) -> New:
    return New(campaign.account_id, campaign.id, power, "author", "", once, wish)


async def test_the_same_word_is_one_action(db: Database, make: Any) -> None:
    campaign = await make()
    async with db.write() as conn:
        first, made = await actions.add(conn, wanted(campaign, to="all"), Stage.READY, NOW)
        again, second = await actions.add(conn, wanted(campaign, to="list"), Stage.READY, NOW + 5)
        assert (made, second, again) == (True, False, first) and first.wish == {"to": "all"}
        assert [one.id for one in await actions.ready(conn, [Power.REPLAY])] == [first.id]
        assert await actions.ready(conn, [Power.SHARE]) == []
        assert await actions.finish(conn, first.id, Stage.DONE, {"campaign": 9}, NOW + 9)
        assert not await actions.finish(conn, first.id, Stage.REFUSED, {}, NOW + 10), "once"
        (told,) = await actions.of(conn, campaign.id)
    assert (told.stage, told.outcome, told.done_at) == (Stage.DONE, {"campaign": 9}, NOW + 9)


async def test_a_confirmation_counts_once_and_not_too_late(db: Database, make: Any) -> None:
    campaign = await make()
    async with db.write() as conn:
        one, _ = await actions.add(conn, wanted(campaign, "a"), Stage.ASKED, NOW, expires_at=NOW + 100)
        two, _ = await actions.add(conn, wanted(campaign, "b"), Stage.ASKED, NOW, expires_at=NOW + 100)
        await actions.attach(conn, two.id, "liste.csv", b"x")
        assert [each.id for each in await actions.unasked(conn, NOW)] == [one.id, two.id]
        assert await actions.told(conn, one.id, NOW) and not await actions.told(conn, one.id, NOW)
        assert await actions.asked(conn, campaign.id, NOW) == 2
        assert await actions.confirm(conn, one.id, NOW + 99) and not await actions.confirm(conn, one.id, NOW + 99)
        assert not await actions.late(conn, NOW + 99) and await actions.late(conn, NOW + 100)
        assert not await actions.confirm(conn, two.id, NOW + 100)
        assert await actions.expire(conn, NOW + 100) == 1 and await actions.expire(conn, NOW + 100) == 0
        assert (await conn.execute(select(action_lists))).all() == []
        ended = await actions.get(conn, two.id)
    assert ended is not None and (ended.stage, ended.outcome) == (Stage.REFUSED, {"why": "expired"})


async def test_erasing_a_campaign_leaves_nobody_in_its_history(db: Database, make: Any) -> None:
    campaign = await make()
    async with db.write() as conn:
        new = New(campaign.account_id, campaign.id, Power.SHARE, "send", "anne", "s", {"address": "x@y.test"})
        await actions.add(conn, new, Stage.READY, NOW)
        await talks.forget(conn, campaign.id)
        (left,) = await actions.of(conn, campaign.id)
    assert (left.who, left.wish, left.stage, left.at) == ("", {}, Stage.REFUSED, NOW)


async def test_a_scheduled_campaign_changes_whole_or_not_at_all(db: Database, make: Any) -> None:
    campaign = await make(3, send_at=NOW + 1_000)
    async with db.write() as conn:
        assert await replays.change(conn, campaign.id, Change(send_at=NOW + 500, subject="Neuf"), NOW)
        got = await campaigns.get(conn, campaign.id)
        assert got is not None and (got.send_at, got.subject, got.name) == (NOW + 500, "Neuf", "Neuf")
        assert not await replays.change(conn, campaign.id, Change(subject="Trop tard"), NOW + 500)
        assert not await replays.give_place(conn, campaign.id, NOW + 500)
        assert await replays.give_place(conn, campaign.id, NOW) and not await replays.give_place(conn, campaign.id, NOW)
        assert await jobs.due(conn, NOW + 5_000) == [], "the one that took its place is sent, not this one"


async def test_who_gets_it_again(db: Database, make: Any) -> None:
    campaign = await make(8)
    people = {
        2: (Status.DELIVERED, Tracked.FULL), 3: (Status.DELIVERED, Tracked.ANONYMOUS),
        4: (Status.OPENED, Tracked.FULL), 5: (Status.CLICKED, Tracked.FULL), 6: (Status.CANCELLED, Tracked.FULL),
        7: (Status.UNSUBSCRIBED, Tracked.FULL), 8: (Status.DELIVERED, Tracked.HYGIENE), 9: (Status.STOPPED, Tracked.NONE),
    }  # fmt: skip
    async with db.write() as conn:
        for line, (status, tracked) in people.items():
            values: dict[str, Any] = {"status": int(status), "tracked": int(tracked), "next_attempt_at": None}
            values |= {"opened_at": NOW} if status >= Status.OPENED else {}
            values |= {"clicked_at": NOW} if status is Status.CLICKED else {}
            await conn.execute(recipients.update().where(recipients.c.line == line).values(**values))
        lines = {
            target: [one.line for one in await replays.people(conn, campaign.id, target, 0, 50)]
            for target in (Target.ALL, Target.UNDELIVERED, Target.UNOPENED, Target.UNCLICKED)
        }
        counts = {target: await replays.count(conn, campaign.id, target) for target in lines}
        assert await replays.followed(conn, campaign.id) == (6, 4)
    assert counts == {target: len(found) for target, found in lines.items()}
    assert lines[Target.ALL] == list(range(2, 10)) and lines[Target.UNDELIVERED] == [6, 9]
    # only those who agreed to be followed one by one are chosen by what they did (SPEC 6)
    assert lines[Target.UNOPENED] == [2] and lines[Target.UNCLICKED] == [2, 4]


def balanced(found: Ledger) -> bool:
    bad = found.invalid + found.duplicate + found.suppressed
    return found.lines == bad + found.recipients and found.recipients == sum(found.statuses.values())


async def test_every_state_of_a_replaced_campaign_adds_up(db: Database, make: Any) -> None:
    campaign = await make(4, send_at=NOW + 1_000, faults=2)
    async with db.write() as conn:
        assert await replays.give_place(conn, campaign.id, NOW)
    async with db.write() as conn:
        assert await control.settle_stopped(conn, NOW) == 4
        ledger = await campaigns.ledger(conn, campaign.id)
        got = await campaigns.get(conn, campaign.id)
    assert ledger is not None and balanced(ledger) and ledger.statuses[Status.STOPPED] == 4
    assert got is not None and got.state is CampaignState.REPLACED
