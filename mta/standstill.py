"""How long this process itself stood still: stopped, starved by others on a busy machine, or in one long step of its own.

In: the loop's clock, and a call at each turn of a task that sleeps for `pause` seconds between two. Out: the seconds lost so
far. Whoever waited with a time limit meanwhile learns that the limit says nothing of the other side: servers and name
servers are asked again, and nobody's mails are put off for it. Nothing is raised but what the question raises.
"""

from __future__ import annotations

from collections.abc import Callable

LONG = 1.0  # seconds beyond the pause from which on it counts
SHARE = 0.25  # of a wait, from which on its end says nothing
AGAIN = 10.0  # seconds after which is tried again what came to nothing meanwhile


class Standstill:
    """One a pool; `turned` is called at each turn."""

    __slots__ = ("_clock", "_lost", "_pause", "_turned_at")

    def __init__(self, clock: Callable[[], float], pause: float) -> None:
        self._clock, self._pause = clock, pause
        self._turned_at = clock()
        self._lost = 0.0

    def mark(self) -> tuple[float, float]:
        """Where a wait begins."""
        return self._clock(), self.seconds

    def spoilt(self, begun: tuple[float, float]) -> bool:
        """Whether a wait that began there was ours to a good part: not the other side was silent."""
        lost = self.seconds - begun[1]
        return lost > 0 and lost >= SHARE * (self._clock() - begun[0])

    @property
    def seconds(self) -> float:
        """The seconds lost so far, the one under way included."""
        return self._lost + self._under_way()

    def turned(self) -> float:
        """The loop has turned; returns the seconds for which it had not, 0 where that is nothing unusual."""
        gap = self._under_way()
        self._lost += gap
        self._turned_at = self._clock()
        return gap

    def _under_way(self) -> float:
        gap = self._clock() - self._turned_at - self._pause
        return gap if gap >= LONG else 0.0
