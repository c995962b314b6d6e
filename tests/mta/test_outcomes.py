"""Outcomes reach the database whatever one of them, or the database itself, does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mta import outcomes
from mta.outcomes import Outcomes, Sink
from store.states import Event
from store.values import Change


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "_AGAIN", (0.0,))


class Base:
    """A database that refuses what it is told to refuse."""

    def __init__(self, *, poison: int = -1, outage: int = 0) -> None:
        self.poison, self.outage = poison, outage
        self.rows: dict[int, Change] = {}
        self.freed = 0

    async def write(self, batch: Sequence[Change]) -> int:
        if self.outage:
            self.outage -= 1
            raise OSError("the database is away")
        if any(change.recipient_id == self.poison and change.detail for change in batch):
            raise ValueError("a text that cannot be stored")
        self.rows |= {change.recipient_id: change for change in batch}
        return len(batch)

    def committed(self, count: int) -> None:
        self.freed += count


async def flushed(base: Base, count: int) -> None:
    queue = Outcomes(Sink(base.write, base.committed))
    running = asyncio.create_task(queue.run())
    for number in range(count):
        queue.add(Change(number, Event.ACCEPTED, 1, 1, detail={"reply": "250 ok"}))
    assert await queue.settle(10)
    running.cancel()


async def test_one_outcome_that_cannot_be_stored_keeps_nobody_waiting() -> None:
    base = Base(poison=3)
    await flushed(base, 10)
    assert sorted(base.rows) == list(range(10))
    assert (base.rows[3].detail, base.rows[4].detail) == ({}, {"reply": "250 ok"})
    assert base.freed == 10, "each permit is freed once"


@pytest.mark.parametrize("outage", [1, 3, 40])
async def test_an_outage_is_waited_for(outage: int) -> None:
    base = Base(outage=outage)
    await flushed(base, 120)
    assert sorted(base.rows) == list(range(120))
    assert base.freed == 120
    assert all(change.detail for change in base.rows.values()), "an outage costs nobody the story"


async def test_what_is_told_apart_is_written_by_itself_and_an_outage_of_one_part_repeats_no_other() -> None:
    base, batches = Base(), list[list[int]]()

    async def write(batch: Sequence[Change]) -> int:
        batches.append([change.recipient_id for change in batch])
        if batch[0].event is Event.REFUSED and len(batches) < 4:
            raise OSError("the database is away")
        return await base.write(batch)

    queue = Outcomes(Sink(write, base.committed, lambda change: change.event is Event.ACCEPTED))
    running = asyncio.create_task(queue.run())
    for number in range(6):
        queue.add(Change(number, Event.REFUSED if number % 3 == 0 else Event.ACCEPTED, 1, 1, detail={"reply": "ok"}))
    assert await queue.settle(10)
    running.cancel()
    assert batches == [[1, 2, 4, 5], [0, 3], [0, 3], [0, 3]]
    assert base.freed == 6 and sorted(base.rows) == list(range(6))
