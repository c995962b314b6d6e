"""The second look at the suppression list, just before sending: whoever left meanwhile gets nothing more (SPEC 7).

In: recipients that were just leased, and now and then a question whether the list has changed. Out: those who may be written
to, followed anonymously where they refused more; the others are told to `drop` as changes that cancel them, without an
attempt. A lease costs one short read, and the hashes of its addresses only where somebody is suppressed at all; mails already
waiting here are looked at again within LOOK seconds when the list has changed. Raises only what the database raises.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mta.values import Parcel
from store import consents, suppressions
from store.engine import Database, now_ms
from store.states import Event
from store.suppressions import Suppressed, SuppressionKeys, Waiting
from store.values import Change, Job, Tracked

LOOK = 1.0  # seconds between two questions whether the list has changed
CLASS = "suppressed"
_STRUCK = 50_000  # recipients remembered whose mailbox was full before


@dataclass(frozen=True, slots=True)
class Exits:
    """How a mail leaves the sender unsent; neither may raise."""

    withdraw: Callable[[Callable[[Parcel], bool]], Sequence[Parcel]]  # out of the lines, where they still wait
    drop: Callable[[Change], None]  # write down that it is cancelled


class Sieve:
    """One a sender process; calls of one incarnation never overlap with those of another."""

    def __init__(self, database: Database, keys: SuppressionKeys, exits: Exits) -> None:
        self._database, self._keys, self._exits = database, keys, exits
        self._struck: set[int] = set()
        self._wanted: dict[int, Change] = {}  # suppressed while they wait here
        self._revision = -1
        self._looked_at = float("-inf")

    async def keep(self, leased: Sequence[Job], worker: int) -> list[Job]:
        """Return the recipients that may be written to, and drop the others."""
        if not leased:
            return []
        now = now_ms()
        async with self._database.glance() as conn:
            waiting = [Waiting(job.id, job.campaign_id, job.address) for job in leased]
            found = await suppressions.sift(conn, waiting, self._keys, now)
            own = [one for one, job in zip(waiting, leased, strict=True) if job.tracked.has_own_pixel]
            refused = await consents.refused(conn, own, self._keys)
        if found.struck and len(self._struck) < _STRUCK:
            self._struck |= found.struck
        for recipient, why in found.suppressed.items():
            self._exits.drop(_change(recipient, why, worker, now))
        kept = [job for job in leased if job.id not in found.suppressed] if found.suppressed else list(leased)
        return (
            [replace(job, tracked=Tracked.ANONYMOUS) if job.id in refused else job for job in kept] if refused else kept
        )

    def mark(self, change: Change) -> Change:
        """Note on the outcome of a recipient whose mailbox was full in earlier campaigns that it is not any more."""
        if not self._struck or change.recipient_id not in self._struck:
            return change
        self._struck.discard(change.recipient_id)
        return replace(change, clears=True) if change.event is Event.ACCEPTED else change

    async def look(self, worker: int) -> None:
        """Withdraw mails that wait here and whose recipients were suppressed meanwhile."""
        if time.monotonic() - self._looked_at >= LOOK:
            self._looked_at = time.monotonic()
            await self._ask(worker)
        if self._wanted:
            wanted, owned = self._wanted, worker
            gone = self._exits.withdraw(
                lambda parcel: isinstance(parcel.job, Job) and parcel.job.id in wanted and parcel.owner == owned
            )
            for parcel in gone:
                self._exits.drop(wanted.pop(parcel.job.id))

    async def _ask(self, worker: int) -> None:
        now = now_ms()
        async with self._database.glance() as conn:
            revision = await suppressions.revision(conn)
            if revision == self._revision:
                if self._wanted:  # one that was being placed is withdrawn later; one on the wire leaves by itself
                    held = {row.recipient_id for row in await suppressions.held(conn, worker)}
                    self._wanted = {one: change for one, change in self._wanted.items() if one in held}
                return
            found = await suppressions.sift(conn, await suppressions.held(conn, worker), self._keys, now)
        self._revision = revision
        self._wanted = {one: _change(one, why, worker, now) for one, why in found.suppressed.items()}


def _change(recipient: int, why: Suppressed, worker: int, now: int) -> Change:
    detail = {"class": CLASS, "reason": why.reason, "since": why.at}
    return Change(recipient, Event.SUPPRESSED, now, worker, detail=detail)
