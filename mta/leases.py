"""The recipients that this sender holds: whose they are, which go back, and when these are due again.

In: leased jobs, parcels that were not sent. Out: rows given back in the database, in batches; rows that the database thinks
are ours and nobody here knows are given back too, after a while. Raises only what the database raises; what could not be
given back then is there still.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from config.logging import log
from mta.gate import Gate
from mta.values import Parcel
from store import jobs
from store.engine import Database
from store.values import Job

RECONCILE = 30.0  # seconds between two comparisons with the database


class Leases:
    """One a sender process; what an earlier incarnation held is free already and is forgotten by `clear`. `untried` is told
    of each mail that goes back."""

    def __init__(self, database: Database, gate: Gate, untried: Callable[[int], None] = lambda _: None) -> None:
        self._database, self._gate, self._untried = database, gate, untried
        self.held: dict[int, int] = {}  # recipient -> campaign
        self._back: dict[int, int | None] = {}  # recipient -> when it is due again (UTC ms); None: as before
        self._strangers: set[int] = set()
        self._compared_at = time.monotonic()

    def take(self, leased: Iterable[Job]) -> None:
        """These are ours from now on."""
        for job in leased:
            self.held[job.id] = job.campaign_id

    def done(self, recipient: int) -> None:
        """A recipient got an outcome, which gives it back."""
        self.held.pop(recipient, None)

    def give_back(self, parcels: Iterable[Parcel], due: int | None = None) -> None:
        """These were not tried; `due` in UTC ms, None for as before."""
        for parcel in parcels:
            self._untried(parcel.job.id)
            # what an earlier incarnation held may by now be leased anew: to us, too
            if parcel.owner == self._gate.worker:
                self._back[parcel.job.id] = due

    def return_all(self, recipients: Iterable[int]) -> None:
        """These, leased just now, were never placed."""
        self._back |= dict.fromkeys(recipients)

    def clear(self) -> None:
        """Nothing is ours any more."""
        self.held.clear()
        self._back.clear()
        self._strangers.clear()

    @property
    def returning(self) -> Sequence[int]:
        """The recipients that are about to be given back."""
        return list(self._back)

    async def flush(self) -> None:
        """Give back what is to go back."""
        worker, rows = self._gate.worker, dict(self._back)
        self._back.clear()
        try:
            await self.release(rows)
        except Exception:
            if worker == self._gate.worker:
                self._back = rows | self._back
            raise

    async def release(self, rows: dict[int, int | None]) -> None:
        """Give back these rows now, with the instants at which they are due."""
        worker = self._gate.worker
        for recipient in rows:
            self.held.pop(recipient, None)
        if rows:
            async with self._database.write() as conn:
                await jobs.give_back(conn, worker, list(rows.items()))

    async def reconcile(self) -> None:
        """Now and then: give back what the database says is ours and was unknown here at two comparisons."""
        if time.monotonic() - self._compared_at < RECONCILE or not self._gate.worker:
            return
        self._compared_at = time.monotonic()
        worker = self._gate.worker
        async with self._database.glance() as conn:
            owned = await jobs.owned(conn, worker)
        unknown = {one for one in owned if one not in self.held}
        lost = unknown & self._strangers
        self._strangers = unknown - lost
        if lost and worker == self._gate.worker:
            log("leases_lost", rows=len(lost))
            await self.release(dict.fromkeys(lost))
