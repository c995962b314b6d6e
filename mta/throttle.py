"""How many connections a site bears: concurrency that answers move by fractions, and when a site counts as dead.

In: what came of deliveries and connections, the limit, and the time in seconds. Out: `window`, the connections that may be
open, and whether the site is dead for now. The scheme is that of Postfix (its SCHEDULER_README, "Theory of operation"):
each good answer moves the window up, each failure down, by 1 over the window, so that it takes a whole cohort of answers
to move it by one, and a failure acts at the beginning of its cohort. Failures are counted in cohorts, too; after a number
of failed cohorts without any answer the site is dead, then probed by one connection. Pure; nothing is raised.
"""

from __future__ import annotations

COHORTS = 5.0  # failed cohorts in a row that make a site dead
SHORTEST, LONGEST = 60.0, 900.0  # seconds that a dead site is left alone: doubled from death to death
_ROUNDING = 1e-6


class Throttle:
    """The window of one site; it begins at the limit: connections are opened one by one anyhow, as answers come."""

    __slots__ = ("_failure", "_success", "cohorts", "dead_until", "deaths", "limit", "shortest", "window")

    def __init__(self, limit: int, shortest: float = SHORTEST) -> None:
        self.limit, self.shortest = limit, shortest
        self.window = limit
        self.cohorts = 0.0
        self.deaths = 0
        self.dead_until = 0.0
        self._success = self._failure = 0.0

    @property
    def whole(self) -> bool:
        """Whether nothing speaks against the site, so that a good answer changes nothing."""
        return self.window == self.limit and not self.cohorts and not self.deaths

    def bound(self, limit: int) -> None:
        """The most connections that the provider allows, from now on; one that had room keeps it."""
        self.window = limit if self.whole else min(self.window, limit)
        self.limit = limit

    def succeeded(self) -> None:
        """A mail was answered: the failed cohorts are forgotten, and the window grows by a fraction."""
        if self.whole:
            return
        self.cohorts, self.deaths = 0.0, 0
        if self.window >= self.limit:
            return
        self._success += 1 / self.window
        while self._success + _ROUNDING >= 1 and self.window < self.limit:
            self.window += 1
            self._success -= 1
            self._failure = 0.0  # only a whole step up begins a new cycle: a failure acts at the start of its own

    def failed(self, now: float, cohort: bool = False) -> bool:
        """A delivery failed for reasons of the site, or with `cohort` the only way to it; True when it is dead by that."""
        if now < self.dead_until:
            return False
        self.cohorts += 1.0 if cohort else 1 / self.window
        if self.cohorts + _ROUNDING >= COHORTS:
            self.die(now)
            return True
        self._failure -= 1 / self.window
        while self._failure + _ROUNDING < 0:
            self.window -= 1
            self._success = 0.0
            self._failure += 1
        self.window = max(1, self.window)
        return False

    def die(self, now: float) -> None:
        """Leave the site alone for a while, longer each time, and come back with one connection."""
        self.dead_until = now + min(LONGEST, self.shortest * 2 ** min(self.deaths, 10))
        self.deaths += 1
        self.restart()

    def restart(self) -> None:
        """Begin again with one connection."""
        self.window, self.cohorts = 1, 0.0
        self._success = self._failure = 0.0
