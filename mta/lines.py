"""The line of mails waiting for one site from one source, and what is known of the site's manners.

In: parcels and letters handed back. Out: the next of them, whether one more connection is worth opening, and how many
mails may wait here. No I/O.
"""

from __future__ import annotations

from mta.claims import Meter
from mta.providers import Limits as Limits  # the bounds of lines are part of this room for whoever wires it
from mta.providers import Terms
from mta.queues import Queue
from mta.throttle import Throttle
from mta.ways import Way

SLOW_START = 1.0  # seconds that earn an unproven site one more connection
MAILS_A_CONNECTION = 5  # mails waiting that make one more connection worth its set-up
# Connections of a line with so many mails, however quick: who waits for one answer at a time stands idle.
FEW, LONG = 8, 100
ENOUGH = 2.0  # seconds within which the connections at hand must empty the line, so that none is added
STRIKES = 10  # mails in a row without an answer after which the rest is put off
HOLD = 30.0  # seconds without a new connection after one was refused while others work
KEEP = 25  # mails that may wait in a line however slow it is
KEEP_FOR = 5.0  # seconds' worth of mails that may wait in a line
SETTLING = 2.0  # seconds before a line's pace tells anything
_MEMORY = 10.0  # seconds over which the pace is told


class Recent:
    """How many there were lately: a count of which half is forgotten each minute."""

    __slots__ = ("_at", "_count")

    def __init__(self) -> None:
        self._count, self._at = 0.0, 0.0

    def add(self, count: int, now: float) -> float:
        """So many more; returns how many there were, with these."""
        self._count = self._count * 0.5 ** ((now - self._at) / 60) + count
        self._at = now
        return self._count


class Line:
    """Mails for one site from one source; `connections` counts those open or being opened."""

    def __init__(self, way: Way, terms: Terms | None = None, throttle: Throttle | None = None) -> None:
        self.way = way
        self.terms = terms or Terms()
        self.throttle = throttle or Throttle(self.terms.connections)
        self.meter: Meter | None = None  # mails an hour that all senders share
        self.waiting = Queue()
        self.connections = 0
        self.dialling = 0
        self.outstanding = 0  # handed to a connection, no outcome yet
        self.proven = False  # it has answered a mail
        self.strikes = 0
        self.hits = 0  # answers in a row that spoke of us, not of a recipient
        self.since = 0.0  # when mails began to wait
        self.moved_at = 0.0  # last time that a mail got its outcome
        self.first_at: float | None = None  # when its first connection was ready
        self.no_more_until = 0.0
        self.no_slot_until = 0.0
        self.put_off_until = 0.0  # when the last of the mails that were put off is due
        self.put_off = Recent()  # how many were put off lately
        self.rate = 0.0  # answers a second, this moment
        self.pace = 0.0  # answers a second while there was something to do, over some seconds
        self._answers = 0
        self._counted, self._span = 0.0, 0.0

    @property
    def empty(self) -> bool:
        """Whether nothing is known of or wanted from the site any more."""
        return not (self.waiting or self.connections or self.dialling or self.outstanding)

    @property
    def speed(self) -> float:
        """Mails a second that may be expected of it."""
        hourly = self.terms.per_hour
        return min(self.pace, hourly / 3600) if hourly else self.pace

    def wants_connection(self, idle: int, now: float) -> bool:
        """Whether to open one more connection now; `idle` of those open have nothing to do."""
        if not self.waiting or idle or (self.meter is not None and not self.meter.left):
            return False
        if now < self.no_slot_until:
            return False
        if not self.connections and not self.dialling:
            return True  # also while no more are opened: those that worked then have gone
        if now < self.no_more_until:
            return False
        if self.dialling >= max(1, self.connections):
            return False
        long = self.connections + self.dialling < FEW and len(self.waiting) >= LONG
        if self.rate * ENOUGH > len(self.waiting) and not long:
            return False
        return self.connections + self.dialling < min(self.throttle.window, self._worth(now))

    def _worth(self, now: float) -> int:
        if self.proven:
            return 1 + len(self.waiting) // MAILS_A_CONNECTION + int(max(0.0, now - self.moved_at) / SLOW_START)
        # it has answered nothing yet: it may be silent for all, or for one address only
        return 1 + int((now - self.first_at) / SLOW_START) if self.first_at is not None else 1

    def answered(self, now: float) -> None:
        """A mail got a reply of the server."""
        self.proven, self.strikes, self.moved_at = True, 0, now
        self._answers += 1

    def measure(self, seconds: float, *, held: bool = False) -> None:
        """Work out the rate of answers; called every so many seconds. `held`: we handed out nothing meanwhile, for a reason
        of our own, which says nothing of a site that owes no answer."""
        self.rate = (self.rate + self._answers / seconds) / 2
        if self.outstanding or self._answers or (self.waiting and not held):
            self._counted, self._span = self._counted + self._answers, self._span + seconds
            if self._span > _MEMORY:
                self._counted, self._span = self._counted / 2, self._span / 2
            self.pace = self._counted / self._span
        self._answers = 0

    def excuse(self, seconds: float) -> None:
        """So many seconds passed for a reason of our own: the site was not slow in them."""
        self.moved_at += seconds
        self.since += seconds

    def unanswered(self, now: float) -> None:
        """A mail ended without a reply."""
        self.strikes += 1
        self.moved_at = now

    def surplus(self, now: float, keep: int = KEEP) -> int:
        """How many mails wait here beyond what will leave soon; none before the site has had a chance to show its pace."""
        chance = self.connections or self.dialling or self.meter is not None or self.no_slot_until
        if now - self.since < SETTLING or not chance:
            return 0
        return max(0, len(self.waiting) - max(keep, int(self.speed * KEEP_FOR)))
