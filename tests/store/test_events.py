"""Events of recipients: status, history, counters and suppressions in one transaction."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from store_helpers import KEYS, NOW

from parsers.address import key
from store import campaigns, events, jobs, suppressions
from store.engine import Database
from store.states import Event, Status
from store.tables import events as events_table
from store.tables import recipients
from store.values import Change


async def rows_of(db: Database, campaign_id: int) -> list[Any]:
    async with db.read() as conn:
        query = select(recipients).where(recipients.c.campaign_id == campaign_id).order_by(recipients.c.id)
        return list((await conn.execute(query)).all())


async def leased(db: Database, campaign_id: int) -> tuple[int, list[int]]:
    async with db.write() as conn:
        worker = await jobs.join(conn, "host", 1, NOW)
        taken = await jobs.lease(conn, worker, NOW, {campaign_id: 100})
    return worker, [job.id for job in taken]


async def apply(db: Database, *changes: Change) -> int:
    async with db.write() as conn:
        return await events.apply(conn, changes, KEYS)


async def test_an_accepted_mail_is_delivered_and_counted(db: Database, make: Any) -> None:
    campaign = await make(2)
    worker, ids = await leased(db, campaign.id)
    done = Change(ids[0], Event.ACCEPTED, NOW + 5, worker, detail={"reply": "250 2.0.0 ok", "code": 250})
    assert await apply(db, done) == 1
    row = (await rows_of(db, campaign.id))[0]
    assert (row.status, row.owner, row.next_attempt_at, row.attempts) == (Status.DELIVERED, None, None, 1)
    assert (row.first_attempt_at, row.delivered_at, row.reply) == (NOW + 5, NOW + 5, "250 2.0.0 ok")
    async with db.read() as conn:
        ledger = await campaigns.ledger(conn, campaign.id)
    assert ledger is not None
    assert (ledger.statuses[Status.DELIVERED], ledger.statuses[Status.QUEUED], ledger.measures["sent"]) == (1, 1, 1)


@pytest.mark.parametrize("event", sorted(events._OF_SENDERS))
async def test_what_a_sender_changes_is_written_whole(db: Database, make: Any, event: Event) -> None:
    campaign = await make(1)
    worker, ids = await leased(db, campaign.id)
    # as if it had been tried, returned and opened before: nothing of that may be lost, and every column may change
    past = dict.fromkeys(events._WRITTEN[3:-3], NOW - 5) | {
        "clicks": 3,
        "reply": "old",
        "attempts": 2,
        "delivered_at": None,
    }
    async with db.write() as conn:
        await conn.execute(update(recipients).values(**past, source_id=4))
    before = dict((await rows_of(db, campaign.id))[0]._mapping)
    change = Change(ids[0], event, NOW, worker, NOW + 9, {"reply": "new", "class": "temporary"}, source_id=6)
    foreseen = events.Applied({ids[0]: before.copy()})
    assert foreseen.apply(change)
    assert foreseen.rows[ids[0]] != before
    assert await apply(db, change) == 1
    assert dict((await rows_of(db, campaign.id))[0]._mapping) == foreseen.rows[ids[0]]


async def test_a_fence_keeps_a_worker_out_that_no_longer_owns(db: Database, make: Any) -> None:
    campaign = await make(1)
    worker, ids = await leased(db, campaign.id)
    async with db.write() as conn:
        await jobs.retire(conn, worker, NOW)
    assert await apply(db, Change(ids[0], Event.ACCEPTED, NOW, worker)) == 0
    row = (await rows_of(db, campaign.id))[0]
    assert (row.status, row.attempts) == (Status.QUEUED, 0)
    async with db.read() as conn:
        assert await conn.scalar(select(func.count()).select_from(events_table)) == 0


async def test_a_pixel_may_come_before_the_batched_acceptance(db: Database, make: Any) -> None:
    campaign = await make(1)
    worker, ids = await leased(db, campaign.id)
    assert await apply(db, Change(ids[0], Event.OPEN, NOW)) == 1
    assert await apply(db, Change(ids[0], Event.ACCEPTED, NOW + 1, worker)) == 1
    row = (await rows_of(db, campaign.id))[0]
    assert (row.status, row.next_attempt_at, row.owner, row.delivered_at) == (Status.OPENED, None, None, NOW + 1)


async def test_a_click_implies_an_open_and_each_is_counted_once_a_person(db: Database, make: Any) -> None:
    campaign = await make(1)
    _, ids = await leased(db, campaign.id)
    await apply(db, *(Change(ids[0], Event.CLICK, NOW + i, detail={"link": 0}) for i in range(3)))
    async with db.read() as conn:
        ledger = await campaigns.ledger(conn, campaign.id)
    assert ledger is not None
    assert {name: ledger.measures[name] for name in ("opened", "clicked", "clicks")} == {
        "opened": 1,
        "clicked": 1,
        "clicks": 3,
    }


async def test_machine_hits_change_no_status(db: Database, make: Any) -> None:
    campaign = await make(1)
    _, ids = await leased(db, campaign.id)
    await apply(db, Change(ids[0], Event.OPEN, NOW, machine=True, detail={"why": "head"}))
    row = (await rows_of(db, campaign.id))[0]
    assert (row.status, row.opened_at) == (Status.QUEUED, None)
    async with db.read() as conn:
        ledger = await campaigns.ledger(conn, campaign.id)
    assert ledger is not None and ledger.measures["machine_open"] == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda i: Change(i, Event.UNSUBSCRIBE, NOW), "unsubscribe"),
        (lambda i: Change(i, Event.COMPLAIN, NOW), "complaint"),
        (lambda i: Change(i, Event.REPORT_HARD, NOW, suppress="hard_bounce"), "hard_bounce"),
    ],
)
async def test_who_wants_no_mail_enters_the_suppression_list(db: Database, make: Any, change: Any, reason: str) -> None:
    campaign = await make(1)
    _, ids = await leased(db, campaign.id)
    await apply(db, change(ids[0]))
    async with db.read() as conn:
        found = await suppressions.find(conn, campaign.account_id, ["p0@dest.test", "p1@dest.test"], KEYS, NOW)
    assert {key: value.reason for key, value in found.items()} == {"p0@dest.test": reason}


async def test_counters_equal_a_count_after_any_story(db: Database, make: Any) -> None:
    campaign = await make(40)
    dice = random.Random(4)
    for round_ in range(30):
        now = NOW + round_ * 1_000
        async with db.write() as conn:
            worker = await jobs.join(conn, "host", round_, now)
            taken = await jobs.lease(conn, worker, now, {campaign.id: 10})
        story: list[Change] = []
        for job in taken:
            event = dice.choice(list(Event)[:6])
            story.append(Change(job.id, event, now, worker, next_attempt_at=now + dice.choice([0, 1_000, 5_000])))
        everyone = [row.id for row in await rows_of(db, campaign.id)]
        for event in list(Event)[7:]:
            story.append(Change(dice.choice(everyone), event, now, machine=dice.random() < 0.2 and event is Event.OPEN))
        dice.shuffle(story)
        await apply(db, *story)
    rows = await rows_of(db, campaign.id)
    async with db.read() as conn:
        ledger = await campaigns.ledger(conn, campaign.id)
    assert ledger is not None
    assert ledger.statuses == {status: sum(row.status == status for row in rows) for status in Status}
    assert sum(ledger.statuses.values()) == ledger.recipients == 40
    for name in ("opened", "clicked", "unsubscribed", "complained"):
        assert ledger.measures[name] == sum(getattr(row, f"{name}_at") is not None for row in rows)
    assert ledger.measures["sent"] == sum(row.attempts > 0 for row in rows)
    finals = [row for row in rows if row.status not in (0, 1, 2, 3)]
    assert all(row.next_attempt_at is None for row in finals), "a final status is never in the queue"


async def test_the_order_of_a_batch_is_the_order_of_the_story(db: Database, make: Any) -> None:
    campaign = await make(1)
    worker, ids = await leased(db, campaign.id)
    changes = [Change(ids[0], Event.ACCEPTED, NOW, worker), Change(ids[0], Event.REPORT_HARD, NOW + 1)]
    await apply(db, *changes)
    assert (await rows_of(db, campaign.id))[0].status == Status.CANCELLED
    async with db.read() as conn:
        kinds = (await conn.execute(select(events_table.c.kind).order_by(events_table.c.id))).scalars().all()
    assert list(kinds) == [Event.ACCEPTED, Event.REPORT_HARD]
    assert list(itertools.pairwise(kinds)) == [(0, 8)]


async def test_a_suppressed_address_is_found_by_the_key_that_lists_use(db: Database, make: Any) -> None:
    campaign = await make(1)
    address = "ΰ.Papadopoulos@dest.test"  # folding its case takes its first letter apart
    (row,) = await rows_of(db, campaign.id)
    async with db.write() as conn:
        await conn.execute(update(recipients).values(address=address))
        await events.apply(conn, [Change(row.id, Event.COMPLAIN, NOW)], KEYS)
        assert list(await suppressions.find(conn, campaign.account_id, [key(address)], KEYS, NOW)) == [key(address)]


@pytest.mark.parametrize("erased", [False, True])
async def test_a_sender_s_batch_comes_to_the_same_however_it_is_written(db: Database, make: Any, erased: bool) -> None:
    kinds = [*sorted(events._OF_SENDERS), Event.ACCEPTED, Event.TEMPFAILED]
    found = []
    for write in (apply, lambda db, *batch: events.write(db, batch, KEYS)):
        campaign = await make(len(kinds) + 1)
        worker, ids = await leased(db, campaign.id)
        async with db.write() as conn:
            await conn.execute(delete(suppressions.suppressions))
            if erased:
                await conn.execute(update(recipients).where(recipients.c.id == ids[-1]).values(address="", name=""))
            # and one belongs to somebody else by now
            await conn.execute(update(recipients).where(recipients.c.id == ids[-2]).values(owner=worker + 1))
        batch = [
            Change(
                one, event, NOW + at, worker, NOW + 900 if event in (Event.TEMPFAILED, Event.UNANSWERED) else None,
                {"reply": f"{event.code} said", "code": 250, "class": "unknown_user" if event is Event.REFUSED else "ok"},
                suppress="hard_bounce" if event is Event.REFUSED else "", source_id=None,
            )
            for at, (one, event) in enumerate(zip(ids, [*kinds, Event.ACCEPTED], strict=True))
        ]  # fmt: skip
        for part in (batch, [change for change in batch if events.quiet(change)][:1]):  # and what was written already
            applied = await write(db, *part)
            async with db.read() as conn:
                ledger = await campaigns.ledger(conn, campaign.id)
                history = select(
                    events_table.c.recipient_id, events_table.c.kind, events_table.c.at, events_table.c.detail
                )
                told = (await conn.execute(history.where(events_table.c.campaign_id == campaign.id))).all()
                barred = await conn.scalar(select(func.count()).select_from(suppressions.suppressions))
            assert ledger is not None
            rows = [
                (row.status, row.attempts, row.next_attempt_at, row.last_at, row.reply, row.owner is None)
                for row in await rows_of(db, campaign.id)
            ]
            stories = sorted((row.recipient_id - ids[0], row.kind, row.at, str(row.detail)) for row in told)
            found.append((applied, rows, stories, ledger.statuses, ledger.measures, barred))
    count = len(found) // 2
    assert found[:count] == found[count:]
    assert found[0][0] == len(kinds) - erased and found[0][-1] == 1 and found[1][0] == 0
