"""How many requests a key may make: fixed minutes, told with every answer (draft-ietf-httpapi-ratelimit-headers).

In: a key's id and a monotonic clock in seconds. Out: what is left, and headers. One process serves the API, so a dictionary
is exact; it is bounded. Nothing is raised or logged.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

WINDOW = 60
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Left:
    """What a key has left of its minute; `over` when this request was one too many."""

    limit: int
    remaining: int
    reset: int
    over: bool

    def headers(self) -> dict[str, str]:
        """The draft's two fields, and the three that its earlier versions had."""
        return {
            "RateLimit-Policy": f'"key";q={self.limit};w={WINDOW}',
            "RateLimit": f'"key";r={self.remaining};t={self.reset}',
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


class Pace:
    """Counts the requests of each key."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self._limit, self._clock = limit, clock
        self._seen: OrderedDict[int, tuple[float, int]] = OrderedDict()

    def count(self, key: int) -> Left:
        """Count one request."""
        now = self._clock()
        start, count = self._seen.pop(key, (now, 0))
        if now - start >= WINDOW:
            start, count = now, 0
        count += 1
        self._seen[key] = (start, count)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        reset = max(1, int(start + WINDOW - now + 0.999))
        return Left(self._limit, max(0, self._limit - count), reset, count > self._limit)
