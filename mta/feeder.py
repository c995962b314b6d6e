"""Leased recipients on their way to the pool: compiled once a campaign, placed in the line of their domain's site.

In: jobs of store.jobs. Out: parcels in the pool, outcomes of domains that can never be reached, campaigns held because
their first mail does not verify. Mails are rendered when a connection takes them, never before. Raises only
what the database raises.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

from config.logging import log
from mta.plates import Plate, Unusable
from mta.pool import Pool
from mta.sites import Atlas, Site
from mta.values import Contact, Outcome, Parcel, Unanswered
from mta.ways import Choice, Placing, Way
from parsers.replies import Stage
from store.engine import now_ms
from store.values import Job

PLATES, WEIGHT = 256, 32 << 20  # campaigns kept compiled, and bytes of a mail of each: they take turns in every lease
LOOKUPS = 64  # domains looked up at once: a name server that is flooded drops what it cannot answer
LATER = 10_000  # ms that mails wait for which no source could be chosen
OTHERS = 10  # the part of a lease that goes to other campaigns while urgent ones wait


@dataclass(frozen=True, slots=True)
class Supply:
    """What the feeder needs of the worker; each is short and may raise only what the database raises."""

    plate: Callable[[int, Job], Awaitable[Plate | Unusable]]  # compile a campaign, and prove its first mail
    hold: Callable[[int, Unusable], Awaitable[None]]
    release: Callable[[Sequence[int]], Awaitable[None]]
    outcome: Callable[[Parcel, Outcome, Contact, None], None]
    choice: Choice  # from which local address mails leave
    wait: Callable[[Parcel, int], None]  # a mail has to wait until an instant (UTC ms)


class Feeder:
    """Turns jobs into parcels and places them."""

    def __init__(self, pool: Pool, atlas: Atlas, supply: Supply) -> None:
        self._pool, self._atlas, self._supply = pool, atlas, supply
        self._plates: OrderedDict[int, Plate] = OrderedDict()
        self._placing: set[asyncio.Task[None]] = set()
        self._together: dict[Site, list[Parcel]] = {}
        self._lookups = asyncio.Semaphore(LOOKUPS)
        self.unplaced = 0  # mails whose domain is being looked up

    def forget(self, campaign_id: int) -> None:
        """Compile this campaign anew when it comes again: it may have been changed."""
        self._plates.pop(campaign_id, None)

    def forget_all(self) -> None:
        """Compile every campaign anew: what all of them bear has changed."""
        self._plates.clear()

    async def place(self, jobs: Sequence[Job], worker: int) -> None:
        """Bring leased jobs to their sites, each domain when DNS has answered; none waits for another's answer."""
        parcels: list[Parcel] = []
        for campaign_id, some in _grouped(jobs).items():
            plate = await self._plate(campaign_id, some)
            if plate is not None:
                parcels += [plate.parcel(job, worker) for job in some]
        domains: defaultdict[str, list[Parcel]] = defaultdict(list)
        for parcel in parcels:
            domains[parcel.recipient.rpartition("@")[2]].append(parcel)
        for domain, some_parcels in domains.items():
            self.unplaced += len(some_parcels)
            task = asyncio.create_task(self._place_domain(domain, some_parcels))
            self._placing.add(task)
            task.add_done_callback(self._placing.discard)

    async def close(self) -> None:
        """Stop looking up."""
        for task in self._placing:
            task.cancel()
        await asyncio.gather(*self._placing, return_exceptions=True)

    async def _place_domain(self, domain: str, parcels: Sequence[Parcel]) -> None:
        site: Site | Outcome
        begun = self._pool.still.mark()
        try:
            async with self._lookups:
                site = await self._atlas.locate(domain)
        except Exception as error:  # a bug of ours must not keep leased mails for ever: unknown means temporary
            log("failed", what="locate", error=error)
            site = Unanswered(Stage.DNS, "failed")
        except asyncio.CancelledError:
            self.unplaced -= len(parcels)
            raise
        if isinstance(site, Site):
            await self._place_together(site, parcels)
            return
        self.unplaced -= len(parcels)
        if isinstance(site, Unanswered) and self._pool.still.spoilt(begun):
            for parcel in parcels:  # we stood still, not the name server: that was no attempt
                self._supply.wait(parcel, now_ms() + LATER)
            return
        for parcel in parcels:
            self._pool.gate.used += 1  # freed by the commit, as every outcome's
            self._supply.outcome(parcel, site, Contact(), None)

    async def _place_together(self, site: Site, parcels: Sequence[Parcel]) -> None:
        """Place mails with those of other domains of this site whose answer comes at the same time, in the order of their
        rows: what leaves together is then written down together, in few pages of the database."""
        known = self._together.get(site)
        if known is not None:
            known += parcels  # whoever came first takes them
            return
        known = self._together[site] = [*parcels]
        try:
            await asyncio.sleep(0)
        finally:
            del self._together[site]
        await self._place_site(site, sorted(known, key=lambda parcel: parcel.job.id))

    async def _place_site(self, site: Site, parcels: Sequence[Parcel]) -> None:
        try:
            placing = await self._supply.choice(site, parcels)
        except Exception as error:  # the database is away, perhaps
            log("failed", what="choose a source", error=error)
            placing = Placing((), [(parcel, now_ms() + LATER) for parcel in parcels])
        finally:
            self.unplaced -= len(parcels)
        for source, some in placing.parts:
            self._pool.submit(Way(site, source), some)
        for parcel, until in placing.later:
            self._supply.wait(parcel, until)

    async def _plate(self, campaign_id: int, jobs: Sequence[Job]) -> Plate | None:
        plate = self._plates.get(campaign_id)
        if plate is not None:
            self._plates.move_to_end(campaign_id)
            return plate
        made = await self._supply.plate(campaign_id, jobs[0])
        if isinstance(made, Unusable):
            await self._supply.hold(campaign_id, made)
            await self._supply.release([job.id for job in jobs])
            return None
        self._plates[campaign_id] = made
        self._make_room()
        return made

    def _make_room(self) -> None:
        """Forget whose turn was longest ago; the newest is kept however large it is."""
        weight = sum(plate.weight for plate in self._plates.values())
        while len(self._plates) > 1 and (len(self._plates) > PLATES or weight > WEIGHT):
            weight -= self._plates.popitem(last=False)[1].weight


def _grouped(jobs: Sequence[Job]) -> dict[int, list[Job]]:
    groups: defaultdict[int, list[Job]] = defaultdict(list)
    for job in jobs:
        groups[job.campaign_id].append(job)
    return groups


def shares(due: Sequence[int], room: int, urgent: Collection[int] = ()) -> dict[int, int]:
    """How many recipients to lease of each campaign that is due: equal parts, so that no campaign waits for another;
    beside `urgent` ones the others get a tenth."""
    first = [one for one in due if one in urgent]
    rest = [one for one in due if one not in urgent]
    if first and rest:
        return _equal(first, room - room // OTHERS) | _equal(rest, room // OTHERS)
    return _equal(due, room)


def _equal(due: Sequence[int], room: int) -> dict[int, int]:
    chosen = due[: max(1, room)]
    return dict.fromkeys(chosen, max(1, room // len(chosen))) if chosen and room > 0 else {}
