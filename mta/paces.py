"""Campaigns that asked for a rate, as one sender sees them: when they may be leased again, and what waited too long here.

In: what leases told (store.paces). Out: the campaigns that are worth asking for, and mails to give back: one that waits in a
line for longer than two turns goes back and claims anew, so that what was leased in one hour does not leave in the next.
Pure but for the monotonic clock, which is passed in. Nothing is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mta.values import Parcel
from store.paces import LINGER, Leased
from store.values import Job

TURN = LINGER / 4  # seconds between two looks at what waits: half of LINGER is for the dialogue


class Paces:
    """One a sender process."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._again: dict[int, int] = {}
        self._paced: set[int] = set()
        self._seen: set[int] = set()
        self._looked_at = clock()

    def know(self, leased: Leased) -> None:
        """Remember what a lease told."""
        self._again |= leased.again
        self._paced |= leased.paced

    def ready(self, due: Sequence[int], now: int) -> Sequence[int]:
        """Those of some campaigns whose rate may allow a mail now (UTC ms)."""
        if not self._again:
            return due
        self._again = {one: at for one, at in self._again.items() if at > now}
        return [one for one in due if one not in self._again]

    def stale(self, withdraw: Callable[[Callable[[Parcel], bool]], list[Parcel]]) -> list[Parcel]:
        """Take out of the lines, now and then, the mails of such campaigns that were there at the look before."""
        if not self._paced or self._clock() - self._looked_at < TURN:
            return []
        self._looked_at = self._clock()
        before, here = self._seen, set[int]()

        def old(parcel: Parcel) -> bool:
            if not isinstance(parcel.job, Job) or parcel.job.campaign_id not in self._paced:
                return False
            here.add(parcel.job.id)
            return parcel.job.id in before

        gone = withdraw(old)
        self._seen = here - before
        if not here:
            self._paced.clear()  # none of them is left here: the next lease tells again
        return gone
