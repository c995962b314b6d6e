"""One sender process: joins, leases, sends, writes down, and leaves in order.

In: the settings and an event that asks it to end. Out: mails delivered. Several of these share one database, on one
machine or many. A worker that the database has not confirmed for 15 s starts no new mail; one that was retired drops what
it holds and joins anew. Logs worker_joined, worker_retired, attempt, campaign_held; a database that fails is asked again.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import time
from collections.abc import Sequence
from dataclasses import replace

from config import metrics
from config.host import host_id
from config.logging import log
from config.providers import Rule
from config.settings import Settings
from mta import plates, retry
from mta.feeder import Feeder, Supply
from mta.gate import Gate
from mta.hosts import Hosts
from mta.lanes import Lanes, key_of, lanes
from mta.leases import Leases
from mta.lines import Line
from mta.outcomes import Outcomes, Sink
from mta.paces import Paces
from mta.plates import Plate, Unusable, house
from mta.retry import Ground
from mta.sieve import Exits, Sieve
from mta.sources import mine
from mta.stock import Stock
from mta.traced import Traced, tell
from mta.values import Contact, Outcome, Parcel
from store import campaigns, events, jobs, paces, sources, suppressions
from store.engine import Database, now_ms
from store.states import Event
from store.values import CampaignState, Change, Job

BEAT = 5.0  # seconds between two signs of life
LOOK = 0.25  # seconds between two looks at the states of campaigns
LEASE = 0.05  # seconds between two looks for work
SECURITY = 60.0  # seconds between two turns of the chores of transport security
CLAIM = 0.1  # seconds between two claims of tokens
SOURCES = 5.0  # seconds between two looks at the local addresses
STUCK = 10.0  # seconds of a flush after which the database is not asked what it thinks
DRAIN = 5.0  # seconds that replies under way get at the end
_LIVE = (CampaignState.SCHEDULED, CampaignState.SENDING)


class Worker:
    """One sender; `run` is its life."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database, self._quota = settings, database, settings.limits.new_account_per_day
        delivery, data = settings.delivery, settings.gateway.data_dir
        self._plans = retry.plans(delivery)
        self._house, self._hosts = house(settings), Hosts(database)
        self._suppression = suppressions.load(settings)
        self._host = host_id(data)
        self._gate = Gate(delivery.in_flight, time.monotonic)
        self._outcomes = Outcomes(Sink(self._write, self._committed, events.quiet if database.sqlite else None))
        self._leases = Leases(database, self._gate, self._untried)
        self._paces, self._traced, self._counts = Paces(time.monotonic), Traced(), metrics.on()
        self._stock = Stock(database, delivery.lease, self._take, self._gate, self._leases, self._paces)
        self._lanes: Lanes = lanes(settings, database, self._gate, self._plans, self, self._house.signers)
        self._sieve = Sieve(database, self._suppression, Exits(self._lanes.pool.withdraw, self._drop))
        supply = Supply(self._plate, self._hold, self._release, self.outcome, self._lanes.choice, self._wait)
        self._feeder = Feeder(self._lanes.pool, self._lanes.atlas, supply)

    # --- what the pool tells (mta.pool.Hooks) ---

    def outcome(self, parcel: Parcel, outcome: Outcome, contact: Contact, line: Line | None) -> None:
        """A mail was tried."""
        if not isinstance(parcel.job, Job):
            return
        job, rule = parcel.job, self._lanes.reactions.rule(outcome, line)
        ground = retry.NOTHING if line is None else _ground(job, line, rule)
        change = retry.change(job, outcome, contact, self._plans, parcel.owner, now_ms(), ground)
        self._leases.done(job.id)
        self._outcomes.add(self._sieve.mark(change))
        if self._counts:
            metrics.attempt(change.event.code, str(change.detail.get("class", "")))
        self._traced.ended(job.campaign_id, change.event is Event.ACCEPTED)
        if line is not None and line.way.source is not None:
            self._lanes.choice.settled(parcel, line.way, key_of(line.terms.provider), outcome, change)
        if change.event is not Event.ACCEPTED:
            tell(job, change, outcome)

    def unsent(self, parcel: Parcel) -> None:
        """A mail was not tried, and is not wanted here any more."""
        self._leases.give_back([parcel])

    def later(self, parcel: Parcel, seconds: float) -> None:
        """A mail was not tried: its site takes it later."""
        self._wait(parcel, now_ms() + int(seconds * 1000))

    def broken(self, parcel: Parcel, error: Exception) -> None:
        """A mail could not be rendered: a bug; its campaign is held by the next look."""
        job = parcel.job if isinstance(parcel.job, Job) else None
        log("failed", what="render", error=error, campaign=job and job.campaign_id, recipient=job and job.id)
        self._leases.give_back([parcel])
        if job is not None:
            self._lanes.broken.add(job.campaign_id)

    def _wait(self, parcel: Parcel, until: int) -> None:
        self._leases.give_back([parcel], until)

    def _untried(self, recipient: int) -> None:
        self._lanes.choice.unused(recipient)

    def _drop(self, change: Change) -> None:
        """A mail was not tried: its recipient is suppressed."""
        self._untried(change.recipient_id)
        self._leases.done(change.recipient_id)
        self._gate.used += 1  # freed by the commit, as every outcome's
        self._outcomes.add(change)

    # --- life ---

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set, then drain."""
        await self._join()
        await self._sources()
        await self._lanes.reactions.look()
        tasks = [
            asyncio.create_task(task)
            for task in (
                self._again(self._beat, BEAT),
                self._again(self._look, LOOK),
                self._again(self._tidy, LOOK),
                self._again(self._feed, LEASE),
                self._again(self._lanes.reactions.claim, CLAIM),
                self._again(self._sources, SOURCES),
                self._outcomes.run(),
                self._lanes.pool.run(),
                self._lanes.notice_pool.run(),
                self._lanes.notices.run(),
                self._again(self._lanes.transport.turn, SECURITY),
            )
        ]
        ending = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {ending}:
                task.result()  # none of them ends by itself: raise what ended it
        finally:
            ending.cancel()
            await self._leave(tasks)

    async def _leave(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        self._gate.draining = self._lanes.notice_gate.draining = True
        await self._feeder.close()
        self._leases.give_back(self._lanes.pool.withdraw(lambda _: True))  # retiring at the end frees them
        await asyncio.gather(self._lanes.pool.drain(DRAIN), self._lanes.notice_pool.drain(DRAIN))
        await self._outcomes.settle(DRAIN)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._lanes.notices.settle()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with self._database.write() as conn:
            await jobs.retire(conn, self._gate.worker, now_ms())
        await self._lanes.choice.close()
        await self._lanes.transport.close()
        await self._lanes.resolver.close()

    async def _again(self, step: object, pause: float) -> None:
        while True:
            try:
                await step()  # type: ignore[operator]
            except Exception as error:
                log("failed", what=getattr(step, "__name__", ""), error=error)
                await asyncio.sleep(1.0)
            await asyncio.sleep(pause)

    async def _join(self) -> None:
        asked = time.monotonic()
        async with self._database.write() as conn:
            worker = await jobs.join(conn, self._host, os.getpid(), now_ms())
        self._gate.beaten(worker, asked)
        self._lanes.notice_gate.beaten(worker, asked)
        log("worker_joined", worker=worker)

    async def _beat(self) -> None:
        asked, worker = time.monotonic(), self._gate.worker
        if worker:
            async with self._database.write() as conn:
                alive = await jobs.beat(conn, worker, now_ms())
            if alive:
                self._gate.beaten(worker, asked)
                self._lanes.notice_gate.beaten(worker, asked)
                return
            self._gate.retired()
            self._lanes.notice_gate.retired()
            dropped = self._lanes.pool.withdraw(lambda _: True)
            self._leases.give_back(dropped)
            self._leases.clear()
            log("worker_retired", worker=worker, rows=len(dropped))
        await self._join()

    async def _look(self) -> None:
        """Notice stopped, paused and held campaigns: an order acts at once, so nothing that writes is waited for here."""
        holding = set(self._leases.held.values())
        if holding:
            async with self._database.glance() as conn:
                states = await campaigns.states(conn, list(holding))
            closed = frozenset(one for one in holding if states.get(one) not in _LIVE)
            self._gate.close_campaigns(closed)
            if closed:
                gone = self._lanes.pool.withdraw(lambda p: isinstance(p.job, Job) and p.job.campaign_id in closed)
                self._leases.give_back(gone)
                for campaign_id in closed:
                    self._feeder.forget(campaign_id)

    async def _tidy(self) -> None:
        """Give back what is not wanted here."""
        if self._leases.held:
            await self._sieve.look(self._gate.worker)
        for campaign_id in list(self._lanes.broken):
            await self._hold(campaign_id, Unusable("render"))
            self._lanes.broken.discard(campaign_id)
        self._leases.give_back(self._paces.stale(self._lanes.pool.withdraw))
        await self._lanes.reactions.look()
        await self._leases.flush()
        if not self._outcomes.stuck(STUCK):
            await self._leases.reconcile()

    async def _feed(self) -> None:
        await self._stock.feed(self._lanes.pool, self._feeder, self._sieve)

    async def _sources(self) -> None:
        self._lanes.choice.know(await mine(self._database, self._host))
        await self._lanes.choice.turn()
        if await self._hosts.look():
            self._feeder.forget_all()

    # --- database ---

    async def _write(self, batch: Sequence[Change]) -> int:
        return await events.write(self._database, batch, self._suppression)

    def _committed(self, count: int) -> None:
        self._gate.used -= count
        self._traced.written()
        self._lanes.pool.kick_all()

    async def _take(self, wanted: dict[int, int]) -> list[Job]:
        leased = await paces.take(self._database, self._gate.worker, now_ms(), wanted, self._quota)
        self._paces.know(leased)
        return leased.jobs

    async def _release(self, ids: Sequence[int]) -> None:
        await self._leases.release(dict.fromkeys(ids))

    async def _hold(self, campaign_id: int, reason: Unusable) -> None:
        async with self._database.write() as conn:
            await campaigns.set_held(conn, campaign_id, [{"code": reason.code, "text": reason.text}])
        log("campaign_held", campaign=campaign_id, reasons=[reason.code])

    async def _plate(self, campaign_id: int, first: Job) -> Plate | Unusable:
        async with self._database.read() as conn:
            campaign = await campaigns.get(conn, campaign_id)
            if campaign is None:
                return Unusable("gone")
            source = await campaigns.source(conn, campaign.blob_id)
            pool = await sources.pool_of(conn, campaign.account_id)
        shown = self._hosts.at(self._house, campaign)
        plate = await asyncio.to_thread(plates.make, campaign, source, first, shown)
        return plate if isinstance(plate, Unusable) else replace(plate, pool=pool)


def _ground(job: Job, line: Line, rule: Rule | None) -> Ground:
    provider = line.terms.provider
    retry_plan = None if provider is None else provider.retry
    own = rule is not None and provider is not None and bool(provider.mx) and rule in provider.rules
    return Ground(rule, own, retry_plan, line.way.source_id, job.attempts)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Be a sender until `stop` is set."""
    gc.freeze()  # modules are for ever, and a mail makes no cycles: looking through them cost 2 % of a sender
    gc.set_threshold(50_000, 20, 50)
    database = Database.open(settings.database_url, settings.database)
    try:
        await Worker(settings, database).run(stop)
    finally:
        await database.close()
