"""The choice of a local address: pools, calendars, overflow, waiting, retries; and permits that many mails share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from config import warmup
from config.warmup import DAY, HOUR, Answers
from mta.bookings import HORIZON, Bookings
from mta.permits import IDLE, Permits
from mta.sites import Site
from mta.sources import Land, Sources, answered
from mta.values import Answered, Parcel, Unanswered
from mta.ways import Placing, Source, Way
from parsers.replies import Reply, Stage
from store import sources, warmups
from store.engine import Database
from store.sources import State
from store.states import Event, Status
from store.values import Change, Job, NoticeJob
from tests.mta.conftest import parcel

RULES = warmup.load()
TODAY = 20_700
SITE = Site(((10, "mx.test"),), 25)
ORANGE = Site(((10, "smtp-in.orange.fr"),), 25)


@dataclass
class House:
    """A choice on a real database, with a clock that is moved."""

    db: Database
    now: int = TODAY * DAY + 23 * HOUR
    shut: set[str] = field(default_factory=set)
    reached: tuple[bool, bool] = (True, True)

    def __post_init__(self) -> None:
        async def reached(_site: Site) -> tuple[bool, bool]:
            return self.reached

        def shut(way: Way) -> float:
            return 60.0 if way.source is not None and way.source.address in self.shut else 0.0

        land = Land(lambda site: "orange" if site == ORANGE else "", shut, reached)
        self.permits = Permits(self.db, RULES, lambda: self.now)
        self.choice = Sources(self.permits, RULES, land, lambda: self.now)

    async def add(self, address: str, state: State = State.READY, pool: str = "shared", step: int = 0) -> Source:
        day = warmup.day_of(self.now) if state in sources.IN_CALENDAR else None
        async with self.db.write() as conn:
            row = await sources.add(conn, sources.Source(0, address, "", pool, "", state, step, day), self.now)
        await self.know()
        return Source(row.id, row.address, row.helo, row.pool)

    async def know(self) -> None:
        async with self.db.read() as conn:
            self.choice.know(await sources.every(conn))

    async def claimed(self, source: Source, provider: str = "") -> int:
        async with self.db.read() as conn:
            use = (await warmups.uses(conn, warmup.day_of(self.now))).get((source.id, provider))
        return use.claimed if use else 0


@pytest.fixture
def house(db: Database) -> House:
    return House(db)


_ids = iter(range(1, 10_000_000))


def mails(count: int, pool: str = "shared", **job: Any) -> list[Parcel]:
    made = [replace(parcel(f"p{n}@dest.test"), pool=pool) for n in range(count)]
    return [replace(one, job=replace(one.job, id=next(_ids), **job)) for one in made if isinstance(one.job, Job)]


def counts(placing: Placing) -> dict[str, int]:
    return {source.address if source else "": len(part) for source, part in placing.parts}


async def test_without_sources_the_system_chooses(house: House) -> None:
    assert counts(await house.choice(SITE, mails(3))) == {"": 3}


async def test_ready_sources_share_a_batch_and_ask_nobody(house: House) -> None:
    await house.add("192.0.2.1")
    await house.add("192.0.2.2")
    own = await house.add("192.0.2.3", pool="acme")
    assert counts(await house.choice(SITE, mails(100))) == {"192.0.2.1": 50, "192.0.2.2": 50}
    assert counts(await house.choice(SITE, mails(40, "acme"))) == {own.address: 40}
    assert sum(counts(await house.choice(SITE, mails(40, "unknown"))).values()) == 40, (
        "a pool of none is the shared one"
    )
    few = Counter([next(iter(counts(await house.choice(SITE, mails(2))))) for _ in range(4)])
    assert few == {"192.0.2.1": 2, "192.0.2.2": 2}
    async with house.db.read() as conn:
        assert await warmups.uses(conn, TODAY) == {}


async def test_what_exceeds_a_calendar_goes_out_on_ready_sources(house: House) -> None:
    warm = await house.add("192.0.2.1", State.WARMING, "acme")
    await house.add("192.0.2.9")
    assert counts(await house.choice(SITE, mails(100, "acme"))) == {warm.address: 40, "192.0.2.9": 60}
    assert await house.claimed(warm) == 40
    assert counts(await house.choice(SITE, mails(10, "acme"))) == {"192.0.2.9": 10}


async def test_without_a_ready_source_the_rest_waits_for_hours_that_have_room(house: House) -> None:
    one, two = await house.add("192.0.2.1", State.WARMING), await house.add("192.0.2.2", State.WARMING, step=3)
    placing = await house.choice(SITE, mails(1_000))
    assert counts(placing) == {one.address: 40, two.address: 168}
    tomorrow = (TODAY + 1) * DAY
    hours = Counter((until - tomorrow) // HOUR for _, until in placing.later)
    assert hours == {0: 219, 1: 219, 2: 219, 3: 135}, "tomorrow 100 and 5000: 10 and 209 an hour"
    assert sum(hours.values()) == 792
    assert max(until % HOUR for _, until in placing.later) < 600_000


async def test_one_provider_has_its_share_only(house: House) -> None:
    warm = await house.add("192.0.2.1", State.WARMING)
    placing = await house.choice(ORANGE, mails(100))
    assert counts(placing) == {warm.address: 30}
    assert len(placing.later) == 70
    assert counts(await house.choice(SITE, mails(100))) == {warm.address: 10}
    assert (await house.claimed(warm), await house.claimed(warm, "orange")) == (40, 30)


async def test_a_retry_keeps_its_source_without_a_permit_and_changes_it_after_connection_trouble(house: House) -> None:
    warm = await house.add("192.0.2.1", State.WARMING)
    await house.add("192.0.2.9")
    again = mails(60, source_id=warm.id, status=Status.DEFERRED)
    assert counts(await house.choice(SITE, again)) == {warm.address: 60}
    assert await house.claimed(warm) == 0
    lost = mails(60, source_id=warm.id, status=Status.AWAITING)
    assert counts(await house.choice(SITE, lost)) == {warm.address: 40, "192.0.2.9": 20}
    assert counts(await house.choice(SITE, mails(5, source_id=99, status=Status.DEFERRED))) == {"192.0.2.9": 5}


async def test_where_all_are_off_mails_wait_and_begin_again_when_one_is_on(house: House) -> None:
    only = await house.add("192.0.2.1", State.OFF)
    placing = await house.choice(SITE, mails(2))
    assert (counts(placing), [until - house.now for _, until in placing.later]) == ({}, [60_000, 60_000])
    async with house.db.write() as conn:
        await sources.thaw(conn, only.id)
    await house.know()
    assert counts(await house.choice(SITE, mails(2))) == {only.address: 2}


async def test_a_pool_that_is_warming_alone_is_seen_to_be_ready_at_once(house: House) -> None:
    warm = await house.add("192.0.2.1", State.WARMING)
    assert len((await house.choice(SITE, mails(50))).later) == 10
    async with house.db.write() as conn:
        assert await warmups.skip(conn, RULES, warm.id, 3, house.now)
    await house.know()
    assert counts(await house.choice(SITE, mails(100))) == {warm.address: 100}


async def test_system_mail_never_waits(house: House) -> None:
    warm = await house.add("192.0.2.1", State.WARMING)
    await house.choice(SITE, mails(50))
    notice = replace(parcel("user@acme.test"), job=NoticeJob(1, None, "user@acme.test", b"", 0, None))
    assert counts(await house.choice(SITE, [notice])) == {warm.address: 1}
    assert await house.claimed(warm) == 40


async def test_shut_and_unreachable_ways_are_left_out_while_others_are_open(house: House) -> None:
    await house.add("192.0.2.1")
    await house.add("2001:db8::1")
    house.reached = (True, False)
    assert counts(await house.choice(SITE, mails(40))) == {"192.0.2.1": 40}
    house.reached = (True, True)
    house.shut = {"192.0.2.1"}
    assert counts(await house.choice(SITE, mails(40))) == {"2001:db8::1": 40}
    house.shut = {"192.0.2.1", "2001:db8::1"}
    assert sum(counts(await house.choice(SITE, mails(40))).values()) == 40, "the pool knows until when they are shut"


async def test_permits_of_mails_that_were_not_tried_are_used_by_others_or_go_back(house: House) -> None:
    warm = await house.add("192.0.2.1", State.WARMING)
    first = mails(40)
    await house.choice(SITE, first)
    for one in first[:5]:
        house.choice.unused(one.job.id)
        house.choice.unused(one.job.id)  # once is enough
    lost = Change(first[5].job.id, Event.UNANSWERED, house.now, detail={"code": 0, "class": "no_connection"})
    house.choice.settled(first[5], Way(SITE, warm), "", Unanswered(Stage.CONNECT, "refused"), lost)
    assert counts(await house.choice(SITE, mails(4))) == {warm.address: 4}
    house.now += IDLE + 1
    await house.choice.turn()
    assert await house.claimed(warm) == 38
    house.now += DAY
    for one in first[6:8]:
        house.choice.unused(one.job.id)
    await house.choice.close()
    assert counts(await house.choice(SITE, mails(2_000)))[warm.address] == 40, "yesterday's permits are no use today"


async def test_many_at_once_share_one_transaction(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    warm, written = await house.add("192.0.2.1", State.WARMING, step=3), 0
    write = house.db.write

    def counted() -> Any:
        nonlocal written
        written += 1
        return write()

    monkeypatch.setattr(house.db, "write", counted)
    placings = await asyncio.gather(*(house.choice(site, mails(1)) for site in (SITE, ORANGE) for _ in range(50)))
    assert sum(len(placing.later) for placing in placings) == 0
    assert await house.claimed(warm) == 100
    assert await house.claimed(warm, "orange") == 50
    assert written == 1


async def test_answers_are_written_and_take_a_source_back(house: House) -> None:
    warm = await house.add("192.0.2.1", State.WARMING, step=3)
    sent = mails(40)
    await house.choice(ORANGE, sent)
    for at, one in enumerate(sent):
        bad = at % 2
        event, code, said = (Event.TEMPFAILED, 451, "throttled") if bad else (Event.ACCEPTED, 250, "accepted")
        change = Change(one.job.id, event, house.now, detail={"code": code, "class": said})
        reply = Answered(Reply(code, "", ("later",)), Stage.RCPT)
        house.choice.settled(one, Way(ORANGE, warm), "orange", reply, change)
    await house.choice.turn()
    async with house.db.read() as conn:
        (row,) = await sources.every(conn)
        use = (await warmups.uses(conn, TODAY))[warm.id, "orange"]
    assert use.answers == Answers(20, 20, 0)
    assert (row.step, row.back_day) == (2, TODAY)


@pytest.mark.parametrize(
    ("event", "code", "said", "meant"),
    [
        (Event.ACCEPTED, 250, "accepted", Answers(1, 0, 0)),
        (Event.TEMPFAILED, 451, "temporary", Answers(0, 1, 0)),
        (Event.EXPIRED, 451, "throttled", Answers(0, 1, 0)),
        (Event.REFUSED, 554, "reputation", Answers(0, 0, 1)),
        (Event.TEMPFAILED, 554, "reputation", Answers(0, 0, 1)),
        (Event.TEMPFAILED, 450, "greylisted", None),
        (Event.MAILBOX_TEMPFAILED, 452, "mailbox_full", None),
        (Event.REFUSED, 550, "unknown_user", None),
        (Event.UNANSWERED, 0, "no_answer", None),
    ],
)
def test_only_what_speaks_of_our_address_counts(event: Event, code: int, said: str, meant: Answers | None) -> None:
    assert answered(Change(1, event, 0, detail={"code": code, "class": said})) == meant


@pytest.mark.slow
def test_bookings_fill_hour_after_hour_and_end_at_the_horizon() -> None:
    rows = [sources.Source(1, "192.0.2.1", "", "shared", "", State.WARMING, 0, TODAY)]
    bookings, now = Bookings(), TODAY * DAY + 23 * HOUR + 1
    first = bookings.due(RULES, "shared", "", rows, 100, now + HOUR)
    assert Counter(due // HOUR for due in first) == {(TODAY + 1) * 24 + hour: 10 for hour in range(10)}
    second = bookings.due(RULES, "shared", "", rows, 10, now + HOUR)
    assert {due // DAY for due in second} == {TODAY + 2}, "the hundred of tomorrow are booked"
    bookings.prune((TODAY + 2) * DAY + 2 * HOUR)
    many = bookings.due(RULES, "shared", "orange", rows, 10_000_000, now + 3 * DAY)
    assert max(many) <= now + 3 * DAY + HORIZON * HOUR + HOUR
