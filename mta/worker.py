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

from config import keys
from config.host import host_id
from config.logging import log
from config.settings import Settings
from mail.dkim import Signer, from_pem
from mta import plates, retry
from mta.feeder import Feeder, Supply, shares
from mta.gate import Gate
from mta.lanes import Lanes, lanes
from mta.outcomes import Outcomes, Sink
from mta.plates import House, Plate, Unusable
from mta.sieve import Exits, Sieve
from mta.values import Answered, Contact, Outcome, Parcel
from parsers.tokens import Keyring
from store import campaigns, events, jobs, suppressions
from store.engine import Database, now_ms
from store.states import Event
from store.values import CampaignState, Change, Job

BEAT = 5.0  # seconds between two signs of life
LOOK = 0.25  # seconds between two looks at the states of campaigns
LEASE = 0.05  # seconds between two looks for work
SECURITY = 60.0  # seconds between two turns of the chores of transport security
IDLE = 0.15  # seconds more when there was none
QUIET = 30.0  # seconds without movement after which a full buffer gives a site's mails back
LATER = 60_000  # ms that mails of a site that answers nobody wait, untried
DRAIN = 5.0  # seconds that replies under way get at the end
HOARD = 4  # leases held at most, most of them for slow sites
_LIVE = (CampaignState.SCHEDULED, CampaignState.SENDING)


class Worker:
    """One sender; `run` is its life."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database, self._quota = settings, database, settings.limits.new_account_per_day
        delivery, data = settings.delivery, settings.gateway.data_dir
        self._plans = retry.plans(delivery)
        self._house = house(settings)
        self._suppression = suppressions.load(settings)
        self._host = host_id(data)
        self._gate = Gate(delivery.in_flight, time.monotonic)
        self._outcomes = Outcomes(Sink(self._write, self._committed))
        self._held: dict[int, int] = {}  # recipient -> campaign
        self._back: list[int] = []
        self._later: list[int] = []
        self._lanes: Lanes = lanes(settings, database, self._gate, self._plans, self, self._house.signers)
        self._sieve = Sieve(database, self._suppression, Exits(self._lanes.pool.withdraw, self._drop))
        supply = Supply(self._plate, self._hold, self._release, self.outcome)
        self._feeder = Feeder(self._lanes.pool, self._lanes.atlas, supply)

    # --- what the pool tells (mta.pool.Hooks) ---

    def outcome(self, parcel: Parcel, outcome: Outcome, contact: Contact) -> None:
        """A mail was tried."""
        if not isinstance(parcel.job, Job):
            return
        change = self._sieve.mark(retry.change(parcel.job, outcome, contact, self._plans, parcel.owner, now_ms()))
        self._held.pop(parcel.job.id, None)
        self._outcomes.add(change)
        if change.event is not Event.ACCEPTED:
            _tell(parcel.job, change, outcome)

    def unsent(self, parcel: Parcel) -> None:
        """A mail was not tried, and is not wanted here any more."""
        self._give_back(self._back, parcel)

    def later(self, parcel: Parcel) -> None:
        """A mail was not tried: its site answers nobody."""
        self._give_back(self._later, parcel)

    def broken(self, parcel: Parcel, error: Exception) -> None:
        """A mail could not be rendered: a bug; its campaign is held by the next look."""
        log("failed", what="render", error=error)
        self._give_back(self._back, parcel)
        if isinstance(parcel.job, Job):
            self._lanes.broken.add(parcel.job.campaign_id)

    def _give_back(self, heap: list[int], parcel: Parcel) -> None:
        # what an earlier incarnation held is free already, and may by now be leased anew: to us, too
        if parcel.owner == self._gate.worker:
            heap.append(parcel.job.id)

    def _drop(self, change: Change) -> None:
        """A mail was not tried: its recipient is suppressed."""
        self._held.pop(change.recipient_id, None)
        self._gate.used += 1  # freed by the commit, as every outcome's
        self._outcomes.add(change)

    # --- life ---

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set, then drain."""
        await self._join()
        tasks = [
            asyncio.create_task(task)
            for task in (
                self._again(self._beat, BEAT),
                self._again(self._look, LOOK),
                self._again(self._feed, LEASE),
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
        self._lanes.pool.withdraw(lambda _: True)  # retiring at the end frees them
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
            for held in (self._held, self._back, self._later):
                held.clear()
            log("worker_retired", worker=worker, rows=len(dropped))
        await self._join()

    async def _look(self) -> None:
        """Notice stopped, paused and held campaigns, and give back what is not wanted here."""
        holding = set(self._held.values())
        if holding:
            async with self._database.read() as conn:
                states = await campaigns.states(conn, list(holding))
            closed = frozenset(one for one in holding if states.get(one) not in _LIVE)
            self._gate.close_campaigns(closed)
            if closed:
                gone = self._lanes.pool.withdraw(lambda p: isinstance(p.job, Job) and p.job.campaign_id in closed)
                self._back += [parcel.job.id for parcel in gone]
                for campaign_id in closed:
                    self._feeder.forget(campaign_id)
            await self._sieve.look(self._gate.worker)
        for campaign_id in list(self._lanes.broken):
            await self._hold(campaign_id, Unusable("render"))
            self._lanes.broken.discard(campaign_id)
        await self._empty(self._back)
        await self._empty(self._later, LATER)

    async def _feed(self) -> None:
        lease, unplaced = self._settings.delivery.lease, self._feeder.unplaced
        waiting, moving = self._lanes.pool.waiting + unplaced, self._lanes.pool.moving
        if waiting >= lease * HOARD:
            self._lanes.pool.put_off(QUIET)
        if not self._gate.open or waiting >= lease * HOARD or moving >= lease // 2:
            return
        async with self._database.read() as conn:
            due = await jobs.due(conn, now_ms())
        wanted = shares(due, lease)
        if not wanted:
            await asyncio.sleep(IDLE)
            return
        worker = self._gate.worker
        async with self._database.write() as conn:
            leased = await jobs.lease(conn, worker, now_ms(), wanted, self._quota)
        for job in leased:
            self._held[job.id] = job.campaign_id
        try:
            await self._feeder.place(await self._sieve.keep(leased, worker), worker)
        except Exception:
            if worker == self._gate.worker:  # nothing of it was placed
                self._back += [job.id for job in leased]
            raise

    # --- database ---

    async def _write(self, batch: Sequence[Change]) -> int:
        async with self._database.write() as conn:
            return await events.apply(conn, batch, self._suppression)

    def _committed(self, count: int) -> None:
        self._gate.used -= count
        self._lanes.pool.kick_all()

    async def _empty(self, heap: list[int], delay: int | None = None) -> None:
        """Give back what a heap holds; when that fails, it is there still."""
        worker, ids = self._gate.worker, list(heap)
        heap.clear()
        try:
            await self._release(ids, None if delay is None else now_ms() + delay)
        except Exception:
            if worker == self._gate.worker:
                heap += ids
            raise

    async def _release(self, ids: Sequence[int], not_before: int | None = None) -> None:
        worker = self._gate.worker
        for recipient in ids:
            self._held.pop(recipient, None)
        if ids:
            async with self._database.write() as conn:
                await jobs.release(conn, worker, ids, not_before=not_before)

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
        return await asyncio.to_thread(plates.make, campaign, source, first, self._house)


def house(settings: Settings) -> House:
    """Keys and names that every campaign of this gateway shares."""
    data = settings.gateway.data_dir
    signers = [Signer(domain, selector, from_pem(pem)) for domain, selector, pem in keys.dkim_keys(data)]
    if not signers:
        raise keys.KeysError(f"no DKIM key in {data}: run `mail2campaign init`")
    return House(settings.gateway.domain, settings.gateway.url, Keyring(*keys.load_keyring(data, "tokens")), signers)


def _tell(job: Job, change: Change, outcome: Outcome) -> None:
    detail = change.detail
    log(
        "attempt",
        campaign=job.campaign_id,
        recipient=job.id,
        kind=change.event.code,
        host=detail["host"],
        ip=detail["ip"],
        stage=detail["stage"],
        code=detail["code"] if isinstance(outcome, Answered) else None,
        **{"class": detail["class"]},
    )


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Be a sender until `stop` is set."""
    gc.freeze()  # modules are for ever, and a mail makes no cycles: looking through them cost 2 % of a sender
    gc.set_threshold(50_000, 20, 50)
    database = Database.open(settings.database_url)
    try:
        await Worker(settings, database).run(stop)
    finally:
        await database.close()
