"""Whether a mail may leave now: the lease is alive, its campaign runs, and not too much is in doubt already.

In: signs of life of the worker, states of campaigns, mails taken and committed. Out: yes or no, asked before each MAIL
and again before each message. Pure but for the monotonic clock, which is passed in. Nothing is raised.
"""

from __future__ import annotations

from collections.abc import Callable

from mta.values import Parcel
from store.values import Job

FRESH = 15.0  # seconds after a successful beat; others may take the rows of a worker 20 s silent


class Gate:
    """One a sender process and lane; `in_flight` bounds the mails handed to connections and not yet committed."""

    def __init__(self, in_flight: int, clock: Callable[[], float]) -> None:
        self.in_flight = in_flight
        self.used = 0
        self.worker = 0
        self.draining = False
        self._clock = clock
        self._beaten_at = float("-inf")
        self._closed: frozenset[int] = frozenset()

    def beaten(self, worker: int, asked_at: float) -> None:
        """The database confirmed this worker; `asked_at` is the clock just before it was asked."""
        self.worker, self._beaten_at = worker, asked_at

    def retired(self) -> None:
        """The database says that this incarnation has ended: nothing it holds may leave."""
        self.worker, self._beaten_at = 0, float("-inf")

    def close_campaigns(self, ids: frozenset[int]) -> None:
        """The campaigns of which nothing may leave for now."""
        self._closed = ids

    @property
    def open(self) -> bool:
        """Whether this worker may start mails at all."""
        return not self.draining and self._clock() - self._beaten_at < FRESH

    def lets(self, parcel: Parcel) -> bool:
        """Whether this very mail may leave now."""
        job = parcel.job
        return (
            self.open
            and parcel.owner == self.worker
            and not (isinstance(job, Job) and self._closed and job.campaign_id in self._closed)
        )

    def room(self, outstanding: int, proven: bool) -> bool:
        """Whether one more mail may be handed out to a site with so many `outstanding`: no site takes more than half,
        and the last quarter is kept for sites that have shown that they answer."""
        free = self.in_flight - self.used
        reserve = 0 if proven else self.in_flight // 4
        return free > reserve and outstanding < max(1, self.in_flight // 2)
