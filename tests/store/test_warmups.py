"""Claims of warm-up: exact across connections and processes, by provider, and the way up and back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config import warmup
from config.warmup import DAY, HOUR, Answers
from store import sources, warmups
from store.accounts import Taken
from store.engine import Database
from store.sources import Source, State

ROOT = Path(__file__).resolve().parents[2]
RULES = warmup.load()
NOW = 20_700 * DAY
LATE = NOW + 23 * HOUR


async def added(db: Database, address: str = "192.0.2.1", step: int = 0, state: State = State.WARMING) -> Source:
    day = warmup.day_of(NOW) if state in sources.IN_CALENDAR else None
    async with db.write() as conn:
        return await sources.add(conn, Source(0, address, "", "shared", "", state, step, day), NOW)


async def claim(db: Database, source: Source, wanted: int, now: int = LATE, provider: str = "") -> warmups.Claim:
    async with db.write() as conn:
        return await warmups.claim_warmup(conn, RULES, source.id, provider, wanted, now)


async def test_an_address_is_added_once(db: Database) -> None:
    first = await added(db)
    with pytest.raises(Taken, match="there already"):
        await added(db)
    async with db.read() as conn:
        assert await sources.every(conn) == [first]


async def test_claims_end_at_the_allowance_and_say_when_to_ask_again(db: Database) -> None:
    source = await added(db)
    early = await claim(db, source, 50, NOW)
    assert (early.granted, early.again_at) == (10, NOW + HOUR)
    assert (await claim(db, source, 50, LATE)).granted == 40
    assert await claim(db, source, 1, LATE) == warmups.Claim(0, NOW + DAY, warmup.day_of(NOW))


async def test_a_provider_has_its_share_and_counts_in_the_total(db: Database) -> None:
    source = await added(db, step=1)
    assert (await claim(db, source, 500, LATE - HOUR, "orange")).granted == 40, "no hour sends more than four parts"
    assert (await claim(db, source, 500, LATE, "orange")).granted == 20
    assert (await claim(db, source, 500, LATE, "free")).granted == 20
    async with db.read() as conn:
        used = await warmups.uses(conn, warmup.day_of(NOW))
    assert {provider: use.claimed for (_, provider), use in used.items()} == {"": 80, "orange": 60, "free": 20}


async def test_what_did_not_leave_is_given_back(db: Database) -> None:
    source = await added(db)
    got = await claim(db, source, 30, LATE, "orange")
    async with db.write() as conn:
        await warmups.give_back(conn, source.id, "orange", 25, got.day, LATE)
    assert (await claim(db, source, 50, LATE, "orange")).granted == 25
    async with db.read() as conn:
        assert (await warmups.uses(conn, got.day))[source.id, ""].claimed == 30


async def test_ready_sources_have_no_bound_and_those_off_send_nothing(db: Database) -> None:
    source = await added(db, state=State.READY)
    assert await claim(db, source, 7_000) == warmups.Claim(7_000, 0)
    async with db.write() as conn:
        assert await sources.off(conn, source.id)
        assert not await sources.off(conn, source.id)
    assert (await claim(db, source, 1)).granted == 0
    async with db.write() as conn:
        assert await sources.thaw(conn, source.id)
        assert not await sources.thaw(conn, source.id)
        assert not await sources.freeze(conn, source.id), "it is in no calendar"
    assert (await claim(db, source, 1)).granted == 1


async def test_the_next_step_follows_a_sending_day_whoever_notices_first(db: Database) -> None:
    one, two = await added(db), await added(db, "192.0.2.2")
    for source, wanted in ((one, 25), (two, 24)):
        assert (await claim(db, source, wanted)).granted == wanted
    async with db.read() as conn:
        assert not await warmups.behind(conn, LATE)
        assert await warmups.behind(conn, LATE + HOUR)
    assert (await claim(db, one, 1, LATE + HOUR)).granted == 1
    async with db.write() as conn:
        assert await warmups.advance(conn, RULES, LATE + HOUR) == []
        found = {source.address: source.step for source in await sources.every(conn)}
    assert found == {"192.0.2.1": 1, "192.0.2.2": 0}
    assert (await claim(db, one, 500, LATE + DAY)).granted == 40
    assert (await claim(db, two, 500, LATE + DAY)).granted == 40, "its day did not count: 50 again, four parts an hour"


async def test_a_frozen_address_sends_on_its_step_until_it_is_thawed(db: Database) -> None:
    source = await added(db, step=1)
    async with db.write() as conn:
        assert await sources.freeze(conn, source.id)
    for day in range(3):
        for hour in range(0, 24, 4):
            await claim(db, source, 1_000, NOW + day * DAY + hour * HOUR)
    async with db.write() as conn:
        day = warmup.day_of(NOW) + 2
        assert (await warmups.uses(conn, day))[source.id, ""].claimed == 100
        assert await sources.thaw(conn, source.id)
        moved = await warmups.advance(conn, RULES, NOW + 3 * DAY)
    assert [(each.step, each.provider) for each in moved] == [(2, None)]


async def test_skipping_goes_up_at_once_or_ends_the_warm_up(db: Database) -> None:
    source = await added(db)
    async with db.write() as conn:
        assert await warmups.skip(conn, RULES, source.id, 2, LATE)
    assert (await claim(db, source, 80)).granted == 80
    async with db.write() as conn:
        assert await warmups.skip(conn, RULES, source.id, None, LATE)
        assert not await warmups.skip(conn, RULES, source.id, 1, LATE)
        (found,) = await sources.every(conn)
    assert (found.state, found.step_day) == (State.READY, None)


async def test_refusals_of_one_provider_take_the_address_back_once_a_day(db: Database) -> None:
    source = await added(db, step=3)
    good, bad = {(source.id, "free"): Answers(500, 5, 0)}, {(source.id, "orange"): Answers(30, 12, 0)}
    async with db.write() as conn:
        assert await warmups.report(conn, RULES, good, NOW) == []
        (moved,) = await warmups.report(conn, RULES, bad, NOW + HOUR)
        assert (moved.step, moved.provider, moved.source.step) == (2, "orange", 3)
        assert await warmups.report(conn, RULES, bad, NOW + 2 * HOUR) == []
        use = (await warmups.uses(conn, warmup.day_of(NOW)))[source.id, ""]
    assert use.answers == Answers(560, 29, 0)
    for hour in range(3, 24, 4):
        await claim(db, source, 10_000, NOW + hour * HOUR)
    async with db.write() as conn:
        assert (await warmups.uses(conn, warmup.day_of(NOW)))[source.id, ""].claimed == 500
        assert await warmups.advance(conn, RULES, NOW + DAY) == [], (
            "the step that it was taken back to is sent once more"
        )


async def test_answers_of_unknown_and_ready_sources_are_counted_or_dropped(db: Database) -> None:
    source = await added(db, state=State.READY)
    told = {(source.id, ""): Answers(0, 90, 0), (99, ""): Answers(1, 0, 0)}
    async with db.write() as conn:
        assert await warmups.report(conn, RULES, told, NOW) == []
        used = await warmups.uses(conn, warmup.day_of(NOW))
    assert used == {(source.id, ""): warmups.Use(0, Answers(0, 90, 0))}


_CLAIMER = """
import asyncio, json, sys
from config import warmup
from store import warmups
from store.engine import Database
async def main():
    db, got, rules = Database.open(sys.argv[1]), {}, warmup.load()
    for hour in range(3, 24, 4):
        for provider in ("orange", "free", ""):
            for wanted in (7, 40, 13):
                async with db.write() as conn:
                    now = int(sys.argv[2]) + hour * 3_600_000
                    claim = await warmups.claim_warmup(conn, rules, 1, provider, wanted, now)
                got[provider] = got.get(provider, 0) + claim.granted
    await db.close()
    print(json.dumps(got))
asyncio.run(main())
"""


@pytest.mark.slow
async def test_grants_of_several_processes_are_the_calendar_exactly(db: Database) -> None:
    source = await added(db, step=2)
    words = [sys.executable, "-c", _CLAIMER, db.url, str(NOW)]
    running = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)]
    told: list[dict[str, int]] = []
    for process in running:
        out, _ = await asyncio.to_thread(process.communicate, timeout=60)
        told.append(json.loads(out))
    granted = {provider: sum(one[provider] for one in told) for provider in told[0]}
    async with db.read() as conn:
        used = await warmups.uses(conn, warmup.day_of(NOW))
    assert sum(granted.values()) == used[source.id, ""].claimed == warmup.allowance(RULES, 2) == 500
    assert granted["orange"] == used[source.id, "orange"].claimed <= 300
    assert granted["free"] == used[source.id, "free"].claimed <= 300


@pytest.mark.slow
@pytest.mark.parametrize(
    "db", ["sqlite"], indirect=True
)  # a calendar's arithmetic; both engines' claims are tested above
async def test_twenty_days_on_two_addresses_keep_to_the_calendar(db: Database) -> None:
    from scripts import warmup_simulation as simulation

    lines = await simulation.simulate(db)
    one = [line for line in lines if line.address == simulation.ADDRESSES[0]]
    two = [line for line in lines if line.address == simulation.ADDRESSES[1]]
    thousands = (5, 10, 10, 10, 20, 40, 70, 100, 150, 250, 350, 500, 650, 800, 950, 1_100)
    assert [line.allowance for line in one] == [50, 100, 500, 1_000, *(n * 1_000 for n in thousands)]
    for line in lines:
        counted: Any = warmup.allowance(RULES, line.step)  # that of the step it ended the day with
        assert line.claimed == (20 if line.day in simulation.QUIET else counted), line
        assert line.most_of_one <= warmup.cap(RULES, "orange", line.allowance)
        assert sum((line.answers.accepted, line.answers.deferred)) == line.claimed
    assert [line.day for line in two if line.back] == [10]
    assert [line.allowance for line in two][8:13] == [20_000, 40_000, 20_000, 40_000, 70_000]
