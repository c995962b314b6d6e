# ruff: noqa: F811 pytest's way to share a fixture
"""A campaign with a rate of its own in whole senders: they share it, it holds nobody else back, and nothing lingers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from mta.paces import TURN, Paces
from mta.values import Parcel
from mta.worker import Worker
from store.paces import CAMPAIGN, Leased, spread
from store.states import Status
from store.values import Job, Tracked
from tests.mta.conftest import Server
from tests.mta.test_worker import DELIVERED, House, gateway  # noqa: F401 a fixture


@pytest.mark.costly("mta/test_paces.py::test_what_waits_for_two_turns_goes_back")
async def test_two_senders_keep_one_campaigns_rate(gateway: House, server: Server) -> None:
    """3,600 an hour: twenty at once, then one a second; another campaign goes out meanwhile."""
    slow = await gateway.campaign([f"s{n}@slow{n}.test" for n in range(60)], "Lent")
    async with gateway.db.write() as conn:
        rated = {"options": '{"bulk":true,"rate":3600}', "id": slow}
        await conn.execute(text("UPDATE campaigns SET options = :options WHERE id = :id"), rated)
    quick = await gateway.campaign([f"q{n}@quick{n}.test" for n in range(60)], "Vite")
    gateway.start()
    second = Worker(gateway.settings, gateway.db)
    running = asyncio.create_task(second.run(gateway.stop))
    await gateway.until(f"{DELIVERED} AND campaign_id = {quick}", 60)
    gateway.stop.set()
    await running
    first, last = (
        await gateway.ask(f"SELECT min(last_at), max(last_at) FROM recipients WHERE status = {int(Status.DELIVERED)}")
    )[0]
    assert isinstance(first, int) and isinstance(last, int)
    sent = (await gateway.ask(f"{DELIVERED} AND campaign_id = {slow}"))[0][0]
    step, burst = spread(3_600, CAMPAIGN)
    assert isinstance(sent, int) and 1 <= sent <= burst + (last - first + 5_000) * 1_000 // step
    assert sent < 60


def parcel(campaign: int, number: int) -> Parcel:
    job = Job(number, campaign, "a@b.test", "", (), Tracked.NONE, Status.QUEUED, 0, None)
    return Parcel(job, 1, "bounce@gw.test", "a@b.test", tuple)


def test_what_waits_for_two_turns_goes_back() -> None:
    clock = [0.0]
    paces = Paces(lambda: clock[0])
    line = [parcel(1, 10), parcel(2, 20)]

    def withdraw(unwanted: object) -> list[Parcel]:
        gone = [one for one in line if unwanted(one)]  # type: ignore[operator]
        line[:] = [one for one in line if one not in gone]
        return gone

    def turn(seconds: float = TURN) -> list[int]:
        clock[0] += seconds
        return [one.job.id for one in paces.stale(withdraw)]

    assert turn() == [] and turn() == []  # nothing is known of a rate
    paces.know(Leased([], {1: 5_000}, frozenset({1})))
    assert paces.ready([1, 2], 4_999) == [2] and paces.ready([1, 2], 5_000) == [1, 2]
    assert turn() == []
    line.append(replace(parcel(1, 11)))
    assert turn(TURN / 2) == [] and turn(TURN / 2) == [10]
    assert turn() == [11]
    assert [one.job.id for one in line] == [20]
