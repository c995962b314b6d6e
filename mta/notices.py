"""The fast lane: system mails (acknowledgements, answers), ahead of every campaign, on connections of their own.

In: notices that are due. Out: they are at the recipient's server, or due again, or given up; null return path (RFC 5321
4.5.5). Logs; a database that fails is asked again.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from mta.gate import Gate
from mta.lines import Line
from mta.pool import Pool
from mta.retry import Plans, judge, next_attempt
from mta.sites import Atlas, Site
from mta.tending import put_off
from mta.tls_report import is_report
from mta.values import Answered, Contact, Outcome, Parcel
from mta.ways import Choice, Placing, Way
from store import jobs
from store.engine import Database, now_ms
from store.states import Event
from store.values import Job, NoticeJob

LOG = logging.getLogger(__name__)
EVERY = 0.3  # seconds between two looks into the queue; each costs a sender a millisecond
_AT_ONCE = 20
_LATER = 60_000  # ms
_QUIET = 30.0  # seconds without movement after which a site's mails are put off when the lane is full


def _same(raw: bytes) -> tuple[bytes]:
    return (raw,)


class NoticeLane:
    """Serves the queue of notices of one worker; `run` must be running, and its pool."""

    def __init__(self, database: Database, atlas: Atlas, gate: Gate, plans: Plans, choice: Choice) -> None:
        self._database, self._atlas, self._gate, self._plans, self._choice = database, atlas, gate, plans, choice
        self.pool: Pool | None = None
        self._held: set[int] = set()
        self._placing: set[asyncio.Task[None]] = set()
        self._finished: asyncio.Queue[tuple[Parcel, Outcome | None]] = asyncio.Queue(maxsize=1_000)

    async def run(self) -> None:
        """Lease, place and finish notices until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._lease())
            group.create_task(self._finish())

    def outcome(self, parcel: Parcel, outcome: Outcome, _contact: Contact, _line: Line) -> None:
        """A notice was tried."""
        self._gate.used -= 1
        self._finished.put_nowait((parcel, outcome))

    def later(self, parcel: Parcel, _seconds: float) -> None:
        """A notice was not tried, its site takes none for now: somebody waits for it, so it asks again soon."""
        self.unsent(parcel)

    def unsent(self, parcel: Parcel) -> None:
        """A notice was not tried: it stays ours, and due again in a minute."""
        self._finished.put_nowait((parcel, None))

    def broken(self, parcel: Parcel, error: Exception) -> None:
        """Cannot happen to bytes that exist; put off, and told."""
        LOG.error("notice %d cannot be sent", parcel.job.id, exc_info=error)
        self.unsent(parcel)

    async def _lease(self) -> None:
        while True:
            try:
                await self._round()
            except Exception:
                LOG.exception("cannot lease notices")
                await asyncio.sleep(1.0)
            await asyncio.sleep(EVERY)

    async def _round(self) -> None:
        gate, worker = self._gate, self._gate.worker
        if len(self._held) >= gate.in_flight and self.pool is not None:
            put_off(self.pool, _QUIET, _LATER / 1000)  # those of a silent site must not keep all others waiting
        if not gate.open or len(self._held) >= gate.in_flight:
            return
        async with self._database.glance() as conn:
            if not await jobs.notices_due(conn, now_ms()):
                return
        async with self._database.write() as conn:
            leased = await jobs.lease_notices(conn, worker, now_ms(), _AT_ONCE)
        for job in leased:  # none waits for another's DNS
            self._held.add(job.id)
            task = asyncio.create_task(self._place(job, worker))
            self._placing.add(task)
            task.add_done_callback(self._placing.discard)

    async def _place(self, job: NoticeJob, worker: int) -> None:
        parcel = Parcel(job, worker, "", job.address, partial(_same, job.raw))
        try:
            domain = job.address.rpartition("@")[2]
            site = await self._atlas.locate(domain, guarded=not is_report(job.raw))
            placing = await self._choice(site, [parcel]) if isinstance(site, Site) else Placing(())
        except Exception:
            LOG.exception("notice %d cannot be placed", job.id)
            self.unsent(parcel)
            return
        if isinstance(site, Site) and self.pool is not None:
            for source, some in placing.parts:
                self.pool.submit(Way(site, source), some)
            for waiting, _ in placing.later:
                self.unsent(waiting)
        elif not isinstance(site, Site):
            self._finished.put_nowait((parcel, site))

    async def _finish(self) -> None:
        while True:
            parcel, outcome = await self._finished.get()
            while True:
                try:
                    await self._write(parcel, outcome)
                    break
                except Exception:
                    LOG.exception("cannot finish notice %d, trying again", parcel.job.id)
                    await asyncio.sleep(1.0)
            self._held.discard(parcel.job.id)
            self._finished.task_done()

    async def settle(self) -> None:
        """Stop looking up, and wait until every outcome is durable."""
        for task in self._placing:
            task.cancel()
        await self._finished.join()

    async def _write(self, parcel: Parcel, outcome: Outcome | None) -> None:
        job, now = parcel.job, now_ms()
        if isinstance(job, Job):
            return
        event = None if outcome is None else judge(outcome).event
        due = now + _LATER if event is None else next_attempt(job, event, self._plans, now)
        reply = outcome.reply.text if isinstance(outcome, Answered) else "" if outcome is None else outcome.why
        if event not in (Event.ACCEPTED, None):
            LOG.info("notice %d to %s: %s", job.id, job.address, reply)
        async with self._database.write() as conn:
            delivered = event is Event.ACCEPTED
            await jobs.finish_notice(
                conn, parcel.owner, job.id, now, delivered=delivered, next_attempt_at=due, reply=reply
            )
