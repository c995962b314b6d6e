"""Mails an hour: tokens that all senders share, claimed in batches in the background, spent one by one without asking.

In: meters of the lines that have a limit, and the function that claims for them in one transaction. Out: meters with
tokens left. A site without a limit has no meter. A claim that fails is made again at the next turn; logs, never raises.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from store.allowances import Claim, Wish

AHEAD = 10.0  # seconds' worth of tokens that are claimed at once


class Meter:
    """The tokens of one key in this process; `wanted` mails wait for them."""

    __slots__ = ("again_at", "burst", "key", "left", "per_hour", "wanted")

    def __init__(self, key: str, per_hour: int, burst: int) -> None:
        self.key, self.per_hour, self.burst = key, per_hour, burst
        self.left = 0
        self.wanted = 0
        self.again_at = 0  # UTC ms before which there are none

    @property
    def batch(self) -> int:
        """Tokens that are worth one claim."""
        return max(1, int(self.per_hour * AHEAD / 3600))


Ask = Callable[[Sequence[Wish]], Awaitable[Mapping[str, Claim]]]  # all of one turn in one short transaction


class Claims:
    """The meters of one process; `now` is in UTC ms."""

    def __init__(self, ask: Ask, now: Callable[[], int]) -> None:
        self._ask, self._now = ask, now
        self.meters: dict[str, Meter] = {}

    def meter(self, key: str, per_hour: int, burst: int) -> Meter:
        """The meter of a key, at this rate from now on."""
        found = self.meters.get(key)
        if found is None:
            found = self.meters[key] = Meter(key, per_hour, burst)
        elif (found.per_hour, found.burst) != (per_hour, burst):
            found.per_hour, found.burst, found.again_at = per_hour, burst, 0
            found.left = min(found.left, found.batch)
        return found

    def forget(self, used: set[str]) -> None:
        """Drop the meters that no line needs; what they had left is lost, so it is never sent twice as fast."""
        for key in self.meters.keys() - used:
            del self.meters[key]

    async def turn(self) -> bool:
        """Claim for every meter that runs low; True when there are new tokens."""
        now = self._now()
        low = [meter for meter in self.meters.values() if meter.left < min(meter.wanted, meter.batch)]
        wishes = [
            Wish(meter.key, meter.per_hour, meter.burst, min(meter.wanted, meter.batch) - meter.left)
            for meter in low
            if meter.again_at <= now
        ]
        if not wishes:
            return False
        granted = await self._ask(wishes)
        for key, claim in granted.items():
            meter = self.meters.get(key)
            if meter is not None:
                meter.left += claim.granted
                meter.again_at = claim.again_at
        return any(claim.granted for claim in granted.values())
