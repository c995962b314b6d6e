"""How many mails this sender holds, and of whom: enough to keep sites busy, never so many of a slow one that others wait.

In: campaigns that are due, room in the lines. Out: leases placed in the lines, surplus given back. While the lines are full,
a campaign of which nothing is here gets its share within half a second, and mails of slow sites make room. Raises what the
database raises; nothing leased is lost by that.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from mta import tending
from mta.feeder import Feeder, shares
from mta.gate import Gate
from mta.leases import Leases
from mta.paces import Paces
from mta.pool import Pool
from mta.sieve import Sieve
from store import jobs
from store.engine import Database, now_ms
from store.values import Job

IDLE = 0.15  # seconds more between two looks when there was nothing to do, unless somebody writes
EXPLORE = 0.25  # seconds between two looks for others while the lines are full
QUIET = 30.0  # seconds without movement after which full lines give a site's mails back
LATER = 60.0  # seconds that these wait, untried
HOARD = 4  # leases held at most, most of them for slow sites

Lease = Callable[[dict[int, int]], Awaitable[list[Job]]]


class Stock:
    """One a sender process."""

    def __init__(self, database: Database, lease: int, take: Lease, gate: Gate, leases: Leases, paces: Paces) -> None:
        self._database, self._lease, self._take, self._gate, self._leases = database, lease, take, gate, leases
        self._paces = paces
        self._explored_at = float("-inf")

    async def feed(self, pool: Pool, feeder: Feeder, sieve: Sieve) -> None:
        """Lease and place what there is room for."""
        waiting = pool.waiting + feeder.unplaced
        if waiting >= self._lease * HOARD:
            tending.put_off(pool, QUIET, LATER)
        if not self._gate.open:
            return
        full = waiting >= self._lease // 2
        if full and time.monotonic() - self._explored_at < EXPLORE:
            return
        self._explored_at = time.monotonic()
        async with self._database.glance() as conn:
            due = self._paces.ready(await jobs.due(conn, now_ms()), now_ms())
            urgent = await jobs.urgent(conn, due) if len(due) > 1 else frozenset[int]()
        if not due:
            await self._database.stirred(IDLE)
            return
        if full:
            tending.relieve(pool, self._lease * (HOARD - 1))
            waiting = pool.waiting + feeder.unplaced
            if waiting - tending.idle(pool) >= self._lease // 2:
                held = set(self._leases.held.values())
                due = [campaign for campaign in due if campaign not in held]  # nobody waits for all of another's mails
        room = min(self._lease, self._lease * HOARD - waiting)
        if due and room > 0:
            await self._place(shares(due, room, urgent), feeder, sieve)

    async def _place(self, wanted: dict[int, int], feeder: Feeder, sieve: Sieve) -> None:
        worker = self._gate.worker
        leased = await self._take(wanted)
        self._leases.take(leased)
        try:
            await feeder.place(await sieve.keep(leased, worker), worker)
        except Exception:
            if worker == self._gate.worker:  # nothing of it was placed
                self._leases.return_all(job.id for job in leased)
            raise
