"""The line of mails waiting for one site, and what is known of the site's manners.

In: parcels and letters handed back. Out: the next of them, and whether one more connection is worth opening. No I/O.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from mta.sites import Site
from mta.values import Letter, Parcel

SLOW_START = 1.0  # seconds that earn an unproven site one more connection
MAILS_A_CONNECTION = 5  # mails waiting that make one more connection worth its set-up
ENOUGH = 2.0  # seconds within which the connections at hand must empty the line, so that none is added
STRIKES = 10  # mails in a row without an answer after which the rest is put off
HOLD = 30.0  # seconds without a new connection after one was refused while others work


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a pool: connections a site and in all, mails a connection, seconds that an idle one is kept."""

    per_site: int = 20
    total: int = 200
    messages: int = 100
    idle: float = 5.0


class Line:
    """Mails for one site; `connections` counts those open or being opened."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.waiting: deque[Parcel | Letter] = deque()
        self.connections = 0
        self.dialling = 0
        self.outstanding = 0  # handed to a connection, no outcome yet
        self.proven = False  # it has answered a mail
        self.strikes = 0
        self.moved_at = 0.0  # last time that a mail got its outcome
        self.first_at: float | None = None  # when its first connection was ready
        self.no_more_until = 0.0
        self.rate = 0.0  # answers a second, lately
        self._answers = 0

    @property
    def empty(self) -> bool:
        """Whether nothing is known of or wanted from the site any more."""
        return not (self.waiting or self.connections or self.dialling or self.outstanding)

    def wants_connection(self, idle: int, now: float, limits: Limits) -> bool:
        """Whether to open one more connection now; `idle` of those open have nothing to do."""
        if not self.waiting or idle:
            return False
        if not self.connections and not self.dialling:
            return True  # also while no more are opened: those that worked then have gone
        if now < self.no_more_until:
            return False
        if self.dialling >= max(1, self.connections) or self.rate * ENOUGH > len(self.waiting):
            return False
        return self.connections + self.dialling < min(limits.per_site, self._worth(now))

    def _worth(self, now: float) -> int:
        if self.proven:
            return 1 + len(self.waiting) // MAILS_A_CONNECTION + int(max(0.0, now - self.moved_at) / SLOW_START)
        # it has answered nothing yet: it may be silent for all, or for one address only
        return 1 + int((now - self.first_at) / SLOW_START) if self.first_at is not None else 1

    def answered(self, now: float) -> None:
        """A mail got a reply of the server."""
        self.proven, self.strikes, self.moved_at = True, 0, now
        self._answers += 1

    def measure(self, seconds: float) -> None:
        """Work out the rate of answers; called every so many seconds."""
        self.rate = (self.rate + self._answers / seconds) / 2
        self._answers = 0

    def unanswered(self, now: float) -> None:
        """A mail ended without a reply."""
        self.strikes += 1
        self.moved_at = now

    def withdraw(self, unwanted: Callable[[Parcel], bool]) -> list[Parcel]:
        """Take out the waiting mails that are unwanted."""
        gone: list[Parcel] = []
        kept: deque[Parcel | Letter] = deque()
        for item in self.waiting:
            parcel = item.parcel if isinstance(item, Letter) else item
            if unwanted(parcel):
                gone.append(parcel)
            else:
                kept.append(item)
        self.waiting = kept
        return gone
