"""The janitor takes no sender for dead while nobody could give signs of life."""

from __future__ import annotations

from typing import Any

import pytest
from store_helpers import KEYS, NOW

from gateway.processes import janitor
from store import events, jobs
from store.engine import Database
from store.states import Event
from store.values import Change


async def test_nobody_is_blamed_while_the_disk_is_full(
    db: Database, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that cannot write its sign holds mails whose outcomes it will write when there is room again."""
    campaign = await make(1)
    async with db.write() as conn:
        worker = await jobs.join(conn, "host", 1, NOW)
        (job,) = await jobs.lease(conn, worker, NOW, {campaign.id: 1})
    clock, watch, sign = [0], jobs.Watch(), jobs.sign
    monkeypatch.setattr("gateway.processes.janitor.time.monotonic_ns", lambda: clock[0] * 1_000_000_000)

    async def no_room(_conn: object) -> None:
        raise OSError("no space left on device")

    await janitor._sweep(db, watch)
    monkeypatch.setattr(jobs, "sign", no_room)
    for clock[0] in range(5, 300, 5):
        with pytest.raises(OSError, match="no space"):
            await janitor._sweep(db, watch)
    monkeypatch.setattr(jobs, "sign", sign)
    await janitor._sweep(db, watch)
    async with db.write() as conn:
        assert await jobs.beat(conn, worker, NOW + 300_000), "it was not retired"
        assert await events.apply(conn, [Change(job.id, Event.ACCEPTED, NOW, worker)], KEYS) == 1


async def test_a_sender_that_is_silent_while_others_can_write_is_retired(
    db: Database, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with db.write() as conn:
        worker = await jobs.join(conn, "host", 1, NOW)
    clock, watch = [0], jobs.Watch()
    monkeypatch.setattr("gateway.processes.janitor.time.monotonic_ns", lambda: clock[0] * 1_000_000_000)
    for clock[0] in range(0, 30, 5):
        await janitor._sweep(db, watch)
    async with db.write() as conn:
        assert not await jobs.beat(conn, worker, NOW + 1)
