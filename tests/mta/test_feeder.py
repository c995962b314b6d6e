"""Leased mails reach the line of their site in the order of their rows, whatever domains they are mixed from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from mta.feeder import PLATES, WEIGHT, Feeder, Supply
from mta.plates import Plate
from mta.sites import Site
from mta.standstill import Standstill
from mta.values import Parcel
from mta.ways import Placing, Way
from store.states import Status
from store.values import Job, Tracked

HERE, THERE = Site(((0, "here.test"),), 25), Site(((0, "there.test"),), 25)


@dataclass
class Printed:
    """A campaign whose mails are never read."""

    weight: int = 35_000

    def parcel(self, job: Job, worker: int) -> Parcel:
        return Parcel(job, worker, "bounce@gw.test", job.address, tuple)


@dataclass
class World:
    """An atlas, a pool and a choice of sources that note what they are asked; `slow.test` is located when told."""

    told: asyncio.Event = field(default_factory=asyncio.Event)
    still: Standstill = field(default_factory=lambda: Standstill(time.monotonic, 1.0))
    placed: list[tuple[Site, list[int]]] = field(default_factory=list)
    compiled: list[int] = field(default_factory=list)
    weight: int = 35_000

    async def locate(self, domain: str) -> Site:
        if domain == "slow.test":
            await self.told.wait()
        return THERE if domain == "there.test" else HERE

    async def choice(self, site: Site, parcels: Sequence[Parcel]) -> Placing:
        return Placing([(None, parcels)])

    def submit(self, way: Way, parcels: Sequence[Parcel]) -> None:
        self.placed.append((way.site, [parcel.job.id for parcel in parcels]))

    async def plate(self, campaign: int, _first: Job) -> Plate:
        self.compiled.append(campaign)
        return cast(Plate, Printed(self.weight))

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


def nothing(*_: object) -> Any:
    raise AssertionError("not in this test")


def feeder(world: World) -> Feeder:
    supply = Supply(world.plate, nothing, nothing, cast("Any", nothing), world.choice, nothing)
    return Feeder(cast("Any", world), cast("Any", world), supply)


def jobs(*domains: str) -> list[Job]:
    return [
        Job(at, 1, f"p@{domain}", "", (), Tracked.NONE, Status.QUEUED, 0, None) for at, domain in enumerate(domains)
    ]


async def test_the_domains_of_a_site_are_placed_together_in_the_order_of_their_rows() -> None:
    world = World()
    made = feeder(world)
    await made.place(jobs("a.test", "b.test", "there.test", "a.test", "c.test", "b.test"), 1)
    await world.settle()
    assert world.placed == [(HERE, [0, 1, 3, 4, 5]), (THERE, [2])]
    assert made.unplaced == 0


async def test_a_domain_that_is_located_late_keeps_none_of_its_site_waiting() -> None:
    world = World()
    made = feeder(world)
    await made.place(jobs("slow.test", "a.test", "slow.test"), 1)
    await world.settle()
    assert world.placed == [(HERE, [1])]
    assert made.unplaced == 2
    world.told.set()
    await world.settle()
    assert world.placed[1:] == [(HERE, [0, 2])]
    assert made.unplaced == 0


def turns(campaigns: int) -> list[Job]:
    return [Job(at, at, "p@a.test", "", (), Tracked.NONE, Status.QUEUED, 0, None) for at in range(campaigns)]


async def test_campaigns_that_take_turns_are_compiled_once() -> None:
    world = World()
    made = feeder(world)
    for _ in range(3):
        await made.place(turns(60), 1)
    assert world.compiled == list(range(60))
    await made.place(turns(PLATES + 1), 1)
    await made.place(turns(1), 1)
    assert world.compiled.count(0) == 2


async def test_heavy_campaigns_are_not_all_kept() -> None:
    world = World(weight=WEIGHT // 3)
    made = feeder(world)
    for _ in range(2):
        await made.place(turns(3), 1)
    assert world.compiled == [0, 1, 2]
    await made.place(turns(4), 1)
    assert world.compiled == [0, 1, 2, 3]
    await made.place(turns(1), 1)
    assert world.compiled == [0, 1, 2, 3, 0]
    world.weight = 2 * WEIGHT
    for _ in range(2):
        await made.place([Job(9, 9, "p@a.test", "", (), Tracked.NONE, Status.QUEUED, 0, None)], 1)
    assert world.compiled[5:] == [9]
