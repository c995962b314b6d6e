"""Batches in one statement do what SQLAlchemy's own statements do, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from store import bulk
from store.engine import Database
from store.tables import events, recipients, tallies

READ = ("id", "address", "status", "next_attempt_at", "reply", "clicks")
WRITTEN = ("status", "next_attempt_at", "reply", "clicks")
HISTORY = ("recipient_id", "campaign_id", "at", "kind", "machine", "detail")
REPLIES = [
    "250 ok",
    "",
    "é œ 日本 \U0001f600",
    'a "quoted" \\ one',
    "line\r\nnext\ttab",
    "'; DROP TABLE recipients --",
    "$[0]",
]


class Elsewhere:
    """The connection of a database that is not SQLite, as bulk sees it: it gets the library's own statements."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn
        self.dialect = type("Dialect", (), {"name": "other"})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)


def changed(ids: Sequence[int]) -> list[tuple[Any, ...]]:
    values = [(7, None, 2**62), (0, 1_700_000_000_123, 0), (10, -1, 5)]
    return [
        (one, status, due, REPLIES[at % len(REPLIES)], clicks % 2**31)
        for at, one in enumerate(ids)
        for status, due, clicks in [values[at % 3]]
    ]


@pytest.mark.parametrize("ours", [True, False])
async def test_rows_come_out_as_they_were_written(db: Database, make: Any, ours: bool) -> None:
    campaign = await make(20)
    async with db.read() as conn:
        ids = list((await conn.execute(select(recipients.c.id).order_by(recipients.c.id))).scalars())
    wanted = changed(ids[:15])
    async with db.write() as conn:
        way: Any = conn if ours else Elsewhere(conn)
        before, also = await bulk.read(conn, recipients, READ, ids, "1 = 1")
        elsewhere, there = await bulk.read(Elsewhere(conn), recipients, READ, ids, "1 = 1")  # type: ignore[arg-type]
        assert sorted(before) == sorted(elsewhere) and also == there == 1
        await bulk.run(way, bulk.change(recipients, WRITTEN, wanted))
        after = sorted((await bulk.read(way, recipients, READ, [*ids, 999_999]))[0])
    kept = {row[0]: row[1] for row in before}
    assert [(row[0], *row[2:]) for row in after[:15]] == wanted
    assert [row[1] for row in after] == [kept[row[0]] for row in after]
    assert after[15:] == sorted(before)[15:]
    assert campaign.recipients == 20


@pytest.mark.parametrize("ours", [True, False])
async def test_history_keeps_its_story(db: Database, make: Any, ours: bool) -> None:
    campaign = await make(1)
    async with db.read() as conn:
        one = int((await conn.execute(select(recipients.c.id))).scalar_one())
    story = {"reply": REPLIES, "code": 250, "tls": "", "none": None, "nested": {"deep": [1.5, True, "é"]}}
    rows = [(one, campaign.id, 5, 0, True, story), (one, campaign.id, 6, 1, False, {})]
    async with db.write() as conn:
        way: Any = conn if ours else Elsewhere(conn)
        await bulk.run(way, bulk.add(events, HISTORY, rows))
        await bulk.run(way, bulk.add(events, HISTORY, []), bulk.change(events, ("kind",), []))
    async with db.read() as conn:
        found = (await conn.execute(select(*(events.c[name] for name in HISTORY)).order_by(events.c.at))).all()
    assert [(*row[:5], orjson.loads(row.detail)) for row in found] == rows
    assert found[0].detail == orjson.dumps(story).decode()


@pytest.mark.parametrize("ours", [True, False])
async def test_counters_are_added_to_or_begun(db: Database, make: Any, ours: bool) -> None:
    campaign = await make(3)
    names = ("campaign_id", "name", "n")
    async with db.write() as conn:
        way: Any = conn if ours else Elsewhere(conn)
        await bulk.run(way, bulk.count(tallies, names, [(campaign.id, "clicks", 2), (campaign.id, "sent", -1)]))
        await bulk.run(way, bulk.count(tallies, names, [(campaign.id, "clicks", 3)]))
    async with db.read() as conn:
        rows = await conn.execute(select(tallies.c.name, tallies.c.n).where(tallies.c.campaign_id == campaign.id))
        found = {row.name: row.n for row in rows}
    assert (found["clicks"], found["sent"], found["status:0"]) == (5, -1, 3)


async def test_steps_of_one_table_see_what_those_before_them_did(db: Database, make: Any) -> None:
    campaign = await make(2)
    async with db.read() as conn:
        one, other = (await conn.execute(select(recipients.c.id).order_by(recipients.c.id))).scalars()
    names = ("campaign_id", "name", "n")
    async with db.write() as conn:
        await bulk.run(
            conn,
            bulk.change(recipients, ("clicks", "reply"), [(one, 3, "first"), (other, 4, "first")]),
            bulk.count(tallies, names, [(campaign.id, "clicks", 7)]),
            bulk.change(recipients, ("reply",), [(other, "second")]),
            bulk.count(tallies, names, [(campaign.id, "clicks", 1), (campaign.id, "sent", 2)]),
            bulk.add(events, HISTORY, [(one, campaign.id, 5, 0, False, {})]),
        )
        found, _ = await bulk.read(conn, recipients, ("id", "clicks", "reply"), [one, other])
    assert sorted(found) == [[one, 3, "first"], [other, 4, "second"]]
    async with db.read() as conn:
        counted = (await conn.execute(select(tallies.c.name, tallies.c.n))).all()
        assert {("clicks", 8), ("sent", 2)} <= {(name, n) for name, n in counted}
        assert len((await conn.execute(select(events.c.id))).all()) == 1


async def test_a_step_that_fails_takes_back_those_before_it(db: Database, make: Any) -> None:
    campaign = await make(1)
    with pytest.raises(IntegrityError):
        async with db.write() as conn:
            await bulk.run(
                conn,
                bulk.count(tallies, ("campaign_id", "name", "n"), [(campaign.id, "clicks", 2)]),
                bulk.add(events, HISTORY, [(1, campaign.id, None, 0, False, {})]),
            )
    async with db.read() as conn:
        query = select(tallies.c.name).where(tallies.c.campaign_id == campaign.id, tallies.c.name == "clicks")
        assert (await conn.execute(query)).all() == []


@pytest.mark.parametrize("ours", [True, False])
async def test_the_last_steps_may_end_the_transaction(db: Database, make: Any, ours: bool) -> None:
    campaign = await make(1)
    step = bulk.count(tallies, ("campaign_id", "name", "n"), [(campaign.id, "clicks", 2)])
    query = select(tallies.c.n).where(tallies.c.campaign_id == campaign.id, tallies.c.name == "clicks")
    async with db.write() as conn:
        await bulk.run(cast("Any", conn if ours else Elsewhere(conn)), step, commit=True)
        async with db.read() as other:
            seen = (await other.execute(query)).scalar()
        assert seen == (2 if ours and db.sqlite else None)
    async with db.write() as conn:
        await bulk.run(conn, step)
    async with db.read() as conn:
        assert (await conn.execute(query)).scalar() == 4
