"""Erasing: people go, totals stay, old links go on working, and no number is ever given to somebody else."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update
from store_helpers import KEYS, NOW

from store import advice, campaigns, consents, erasing, events, hits, persons, remnants, suppressions
from store.consents import New
from store.engine import Database
from store.states import Event, Status
from store.tables import campaigns as campaigns_table
from store.tables import events as events_table
from store.tables import faults, recipients
from store.tables import suppressions as suppressions_table
from store.tables_consent import remnants as remnants_table
from store.values import Campaign, CampaignState, Change, NewRecipient, Tracked

DAY = 86_400_000
Make = Callable[..., Awaitable[Campaign]]
SECRETS = ("dest.test", "p0@", "N0", "mailbox of p1")


async def finished(db: Database, campaign: Campaign) -> None:
    async with db.write() as conn:
        over = update(campaigns_table).where(campaigns_table.c.id == campaign.id)
        await conn.execute(over.values(state=CampaignState.FINISHED, finished_at=NOW))
        await conn.execute(
            update(recipients).where(recipients.c.campaign_id == campaign.id).values(next_attempt_at=None)
        )


async def erase(db: Database, campaign: Campaign) -> int:
    turns, more = 0, True
    while more:
        async with db.write() as conn:
            more = await erasing.step(conn, campaign.id, KEYS, NOW + 30 * DAY)
        turns += 1
    return turns


async def ledger(db: Database, campaign: Campaign) -> Any:
    async with db.read() as conn:
        found = await campaigns.ledger(conn, campaign.id)
    assert found is not None
    assert found.lines == found.invalid + found.duplicate + found.suppressed + found.recipients
    assert found.recipients == sum(found.statuses.values())
    return found


async def happened(db: Database) -> None:
    reply = {"reply": "550 no mailbox of p1@dest.test", "class": "unknown_user"}
    async with db.write() as conn:
        await events.apply(
            conn,
            [
                Change(1, Event.ACCEPTED, NOW), Change(1, Event.OPEN, NOW + 1, detail={"agent": "Firefox of N0"}),
                Change(2, Event.REFUSED, NOW, detail=reply, suppress="hard_bounce"), Change(3, Event.ACCEPTED, NOW),
            ],
            KEYS,
        )  # fmt: skip


async def test_people_go_and_the_ledger_stays(db: Database, make: Make) -> None:
    campaign = await make(3, faults=2)
    await happened(db)
    before = await ledger(db, campaign)
    await finished(db, campaign)
    async with db.write() as conn:
        await hits.add(conn, [hits.Hit(2, NOW, 0, "Firefox of N1", "", False)])
    async with db.read() as conn:
        assert await erasing.due(conn, NOW + 30 * DAY - 1, 30 * DAY) == []
        assert await erasing.due(conn, NOW + 30 * DAY, 30 * DAY) == [campaign.id]
    await erase(db, campaign)
    assert await ledger(db, campaign) == before
    async with db.read() as conn:
        assert not await hits.any_pending(conn)
        assert (await conn.execute(select(events_table))).all() == [] == (await conn.execute(select(faults))).all()
        assert (await conn.execute(select(recipients.c.address, recipients.c.fields, recipients.c.last_at))).all() == [
            ("", "[]", None)
        ], "the highest number stays, blank"
        assert await campaigns.source(conn, campaign.blob_id) == b""
        assert await erasing.due(conn, NOW + 60 * DAY, 30 * DAY) == []
        (left,) = (await conn.execute(select(suppressions_table))).all()
        assert (left.address, left.reason) == (None, "hard_bounce")
        assert "p1@dest.test" in await suppressions.find(conn, campaign.account_id, ["p1@dest.test"], KEYS, NOW)


async def test_nothing_of_them_is_left_in_the_file(db: Database, make: Make, tmp_path: Path) -> None:
    if not db.sqlite:
        return  # PostgreSQL's own vacuum does it, later
    campaign = await make(3, faults=2)
    await happened(db)
    await finished(db, campaign)
    await erase(db, campaign)
    with sqlite3.connect(tmp_path / "m2c.db") as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = (tmp_path / "m2c.db").read_bytes()
    assert not [word for word in SECRETS if word.encode() in data]


async def test_the_end_of_a_campaign_does_not_read_the_whole_suppression_list(db: Database, make: Make) -> None:
    if not db.sqlite:
        return  # few rows are read from end to end there, whatever indexes there are
    campaign = await make(1)
    await finished(db, campaign)
    seen: list[Any] = []
    event.listen(db._writer.sync_engine, "before_cursor_execute", lambda *told: seen.append(told[2:4]))
    await erase(db, campaign)
    (asked,) = [one for one in seen if one[0].startswith("UPDATE suppressions")]
    async with db.read() as conn:
        plan = await conn.exec_driver_sql("EXPLAIN QUERY PLAN " + asked[0], asked[1])
        assert "ix_suppressions_campaign_id" in str(plan.all())


async def test_advice_goes_with_the_mail_that_it_quotes(db: Database, make: Make) -> None:
    campaign, other = await make(2), await make(2)
    async with db.write() as conn:
        for one in (campaign, other):
            await advice.save(conn, one.id, [{"code": "link_other", "values": {"label": "N0"}}])
        await advice.remember(conn, campaign.account_id, [b"x" * 33, b"x" * 33], NOW)
        await advice.remember(conn, campaign.account_id, [b"x" * 33, b"y" * 33], NOW)
    await finished(db, campaign)
    await erase(db, campaign)
    async with db.read() as conn:
        assert await advice.read(conn, campaign.id) is None
        assert await advice.read(conn, other.id) == [{"code": "link_other", "values": {"label": "N0"}}]
        # who was written to stays known, as keyed hashes
        assert await advice.known(conn, campaign.account_id, [b"x" * 33, b"y" * 33, b"z" * 33]) == 2
        assert await advice.any_known(conn, campaign.account_id)


async def test_a_number_is_never_given_again(db: Database, make: Make) -> None:
    campaign = await make(3)
    await finished(db, campaign)
    await erase(db, campaign)
    second = await make(2)
    async with db.read() as conn:
        ids = select(recipients.c.id).where(recipients.c.campaign_id == second.id)
        assert min((await conn.execute(ids)).scalars()) > 3
        assert {row.id for row in await conn.execute(select(remnants_table))} == {1, 2, 3}


async def test_lists_that_lie_among_each_other_go_one_without_the_other(
    db: Database, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "CHUNK", 2)
    campaign = await make(3)
    await make(2)
    more = [NewRecipient(9 + n, 0, f"q{n}@dest.test", f"q{n}@dest.test", "Q", (), Tracked.FULL) for n in range(3)]
    async with db.write() as conn:
        await campaigns.add_rows(conn, campaign.id, more, [], NOW)
        await events.apply(conn, [Change(one, Event.OPEN, NOW) for one in (1, 4, 7)], KEYS)
    await finished(db, campaign)
    async with db.write() as conn:  # whoever goes on behind all of them leaves nobody out
        rest = await erasing.step(conn, campaign.id, KEYS, NOW, erasing.Rest(100, 200))
    assert rest == erasing.Rest(3, 8)
    assert await erase(db, campaign) > 2
    async with db.read() as conn:
        assert set((await conn.execute(select(remnants_table.c.id))).scalars()) == {1, 2, 3, 6, 7, 8}
        left = (await conn.execute(select(recipients.c.id, recipients.c.address).order_by(recipients.c.id))).all()
        assert [tuple(row) for row in left] == [(4, "p0@dest.test"), (5, "p1@dest.test"), (8, "")]
        assert (await conn.execute(select(events_table.c.recipient_id))).scalars().all() == [4]


async def test_who_was_erased_can_still_leave_for_good(db: Database, make: Make) -> None:
    campaign = await make(3)
    await finished(db, campaign)
    await erase(db, campaign)
    before = await ledger(db, campaign)
    late = [Change(1, Event.UNSUBSCRIBE, NOW + 40 * DAY), Change(2, Event.COMPLAIN, NOW), Change(3, Event.OPEN, NOW)]
    async with db.write() as conn:
        assert await events.apply(conn, late, KEYS) == 2
        left = await remnants.find(conn, 1)
        assert left is not None and await remnants.left_already(conn, left)
        boxes = [f"p{n}@dest.test" for n in range(3)]
        found = await suppressions.find(conn, campaign.account_id, boxes, KEYS, NOW)
        assert {box: one.reason for box, one in found.items()} == {
            "p0@dest.test": "unsubscribe", "p1@dest.test": "complaint",
        }  # fmt: skip
    assert await ledger(db, campaign) == before


async def test_links_end_after_their_time(db: Database, make: Make) -> None:
    campaign = await make(3)
    await finished(db, campaign)
    async with db.write() as conn:
        await conn.execute(update(campaigns_table).values(links='[{"index":0,"target":"https://x.test/"}]'))
    await erase(db, campaign)
    async with db.write() as conn:
        assert not await erasing.end_links(conn, NOW + 394 * DAY, 395 * DAY)
        while await erasing.end_links(conn, NOW + 395 * DAY, 395 * DAY):
            pass
        found = await campaigns.get(conn, campaign.id)
        left = await remnants.find(conn, 1)
    assert found is not None and found.links == ()
    assert left is not None and left.campaign_id is None and left.key == KEYS.hash("p0@dest.test")


async def test_what_is_not_over_is_not_erased(db: Database, make: Make) -> None:
    sending, held = await make(2), await make(2, held=({"code": "config"},))
    async with db.write() as conn:
        await conn.execute(update(campaigns_table).where(campaigns_table.c.id == sending.id).values(state="stopped"))
    async with db.read() as conn:
        assert await erasing.due(conn, NOW + 900 * DAY, 30 * DAY) == [], "its recipients are still being wound up"
        assert await erasing.abandoned(conn, NOW + 29 * DAY, 30 * DAY) == []
        assert await erasing.abandoned(conn, NOW + 30 * DAY, 30 * DAY) == [held.id]


async def test_one_person_in_campaigns_under_way(db: Database, make: Make) -> None:
    first, second = await make(3, faults=1), await make(3)
    await happened(db)
    async with db.write() as conn:
        await consents.record(
            conn, first.account_id, [New("p1@dest.test", True, NOW, "list", "Oui", "Anne")], KEYS, NOW
        )
    told = await persons.tell(db, "P1@dest.test", None, KEYS, {})
    assert [mail["campaign"] for mail in told["mails"]] == [first.name, second.name]
    assert told["mails"][0]["status"] == "cancelled" and told["mails"][0]["fields"]["Nom"] == "N1"
    assert [event["event"] for event in told["mails"][0]["events"]] == ["refused"]
    assert told["consents"][0]["wording"] == "Oui" and told["suppressions"][0]["reason"] == "hard_bounce"
    before = (await ledger(db, first)).statuses
    done = await persons.erase(db, "p1@dest.test", None, KEYS, {})
    assert (done.recipients, done.consents, done.suppressions, done.campaigns) == (2, 1, 1, [first.id, second.id])
    assert (await ledger(db, first)).statuses == before
    assert (await ledger(db, second)).statuses[Status.STOPPED] == 1, "whoever was still to be written to is not"
    again = await persons.tell(db, "p1@dest.test", None, KEYS, {})
    assert again["mails"] == again["consents"] == [] and again["erased_mails"] == 2
    assert again["suppressions"][0]["address_kept"] is False
    assert (await persons.erase(db, "p1@dest.test", None, KEYS, {})).recipients == 0
    async with db.read() as conn:
        assert "p1@dest.test" in await suppressions.find(conn, first.account_id, ["p1@dest.test"], KEYS, NOW)
        rows = (await conn.execute(select(recipients).where(recipients.c.address == ""))).all()
    assert [(row.fields, row.name, row.reply, row.owner, row.next_attempt_at) for row in rows] == [
        ("[]", "", "", None, None)
    ] * 2
    await finished(db, first)
    await erase(db, first)
    await ledger(db, first)


async def test_a_person_is_found_in_every_spelling_and_in_bad_lines(db: Database, make: Make) -> None:
    campaign = await make(2, faults=2)
    async with db.write() as conn:
        await conn.execute(update(recipients).where(recipients.c.id == 1).values(address="Zoé.B_c@Dest.TEST"))
        await conn.execute(update(recipients).where(recipients.c.id == 2).values(address="a%b@dest.test"))
        await conn.execute(update(faults).values(address="Zoé.B_C@dest.test"))
    found = await persons.find(db, "zoé.b_c@dest.test", None)
    assert (found.recipients, len(found.faults)) == ((1,), 2)
    assert (await persons.find(db, "A%B@dest.test", campaign.account_id)).recipients == (2,)
    assert (await persons.find(db, "aXb@dest.test", None)).recipients == ()
    assert (await persons.find(db, "zoé.b_c@dest.test", campaign.account_id + 1)).recipients == ()
