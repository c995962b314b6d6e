"""When mails that have no room in the warm-up of today will be due: each hour is booked up to what it will open.

In: the sources in a calendar, a provider, how many mails wait. Out: an instant for each, spread over the first minutes of
the hour that has room for it, so that a list of a million waits for weeks without being touched every hour. Other senders
book for themselves; who comes too early is booked again. Pure but for the dice; nothing is raised.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence

from config import warmup
from config.warmup import HOUR, SPREAD, Rules
from store.sources import Source

HORIZON = 60 * 24  # hours that are booked; what has no room in them comes back in the last of them


class Bookings:
    """One a sender process."""

    def __init__(self) -> None:
        self._hours: dict[str, Counter[int]] = {}  # pool -> start of an hour -> mails
        self._providers: dict[tuple[str, str], Counter[int]] = {}
        self._full: dict[tuple[str, str], int] = {}  # until when there is no room

    def due(
        self, rules: Rules, pool: str, provider: str, sources: Sequence[Source], count: int, begin: int
    ) -> list[int]:
        """When each of `count` mails is due, none before `begin` (all UTC ms)."""
        found: list[int] = []
        total = self._hours.setdefault(pool, Counter())
        own = self._providers.setdefault((pool, provider), Counter())
        first = max(begin, self._full.get((pool, provider), 0))
        for hour in _hours(first, begin):
            room = capacity(rules, sources, hour)
            share = warmup.cap(rules, provider, room)
            last = hour >= begin + HORIZON * HOUR
            take = count - len(found) if last else min(count - len(found), room - total[hour], share - own[hour])
            if take > 0:
                total[hour] += take
                own[hour] += take
                found += [max(begin, hour) + int(SPREAD * random.random()) for _ in range(take)]
            if len(found) == count:
                break
            self._full[pool, provider] = hour + HOUR
        return found

    def prune(self, now: int) -> None:
        """Forget the hours that have passed."""
        for booked in (*self._hours.values(), *self._providers.values()):
            for hour in [hour for hour in booked if hour + HOUR <= now]:
                del booked[hour]
        self._full = {key: until for key, until in self._full.items() if until > now}

    def clear(self) -> None:
        """The sources have changed: book anew."""
        for booked in (self._hours, self._providers, self._full):
            booked.clear()


def _hours(first: int, begin: int) -> Iterator[int]:
    hour, last = first - first % HOUR, begin - begin % HOUR + HORIZON * HOUR + HOUR
    while hour < last:
        yield hour
        hour += HOUR
    yield last


def capacity(rules: Rules, sources: Sequence[Source], hour: int) -> int:
    """Mails that sources in their calendars will open at an hour (its start, UTC ms), going a step up every day."""
    begun = warmup.hour_of(hour)
    if not rules.first_hour <= begun < rules.last_hour:
        return 0
    parts = 0
    for source in sources:
        ahead = 0 if source.step_day is None else max(0, warmup.day_of(hour) - source.step_day)
        total = warmup.allowance(rules, source.step + ahead)
        parts += warmup.opened(rules, total, begun) - warmup.opened(rules, total, begun - 1)
    return parts
