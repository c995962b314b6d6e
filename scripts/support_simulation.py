"""Queues under providers' limits and the warm-up of addresses, in steps of a minute: what `scripts/simulate.py` asks.

In: a volume a day with the hours in which it comes, sites with their share and what they take from one address, addresses,
the speed of the machines, a calendar (config.warmup) or none. Out: a `Day` for each day, with what was left at its end and
when the last mail of it went. Deterministic, no I/O; nothing is raised.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from config import warmup
from config.warmup import Rules

HOURS = 24
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Site:
    """Where a part of the mail goes: `per_address` mails a second it takes from one of our addresses (inf: any number), and
    `burst` of them at once when it had none for long (0: no more than in any step); the part of first attempts that it puts
    off, and for how many seconds. Once it has had `pause_at` mails it may take nothing for `pause` seconds.
    """

    key: str
    share: float
    per_address: float = inf
    deferred: float = 0.0
    retry: float = 300.0
    burst: float = 0.0
    pause_at: float = inf
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be sent: mails a day, in the hours from `first` to `last`; `pace` mails a second of all machines."""

    volume: int
    sites: Sequence[Site]
    addresses: int
    pace: float
    first: int = 8
    last: int = 18
    days: int = 1
    step: float = 60.0
    calendar: Rules | None = None
    until: float = inf  # seconds after which nothing more comes (a single campaign)


@dataclass(slots=True)
class Day:
    """What became of a day."""

    sent: float = 0.0
    left: float = 0.0  # at its end
    last_at: float = 0.0  # seconds from the beginning of the run until the last mail that went on it
    by_site: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    last_of: dict[str, float] = field(default_factory=dict)  # the same as last_at for each site


class Run:
    """One run over some days."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.waiting = {site.key: 0.0 for site in load.sites}
        self.fresh = dict.fromkeys(self.waiting, 0.0)  # of these, those that were never tried
        self.later: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))  # step -> site -> mails
        self.steps_up = 0  # where every address stands in the calendar
        self.used = 0.0
        self.used_by: dict[str, float] = defaultdict(float)
        self.saved = {site.key: site.burst * load.addresses for site in load.sites}  # of what a site takes at once
        self.paused: dict[str, int] = {}  # site -> the step at which it takes mail again

    def run(self) -> list[Day]:
        """All days."""
        load, days = self.load, list[Day]()
        per_day = round(DAY_S / load.step)
        for number in range(load.days):
            day = Day()
            self.used, self.used_by = 0.0, defaultdict(float)
            for step in range(per_day):
                self._step(number * per_day + step, step * load.step, day)
                if number * DAY_S + step * load.step > load.until and not self._anything(number * per_day + step):
                    break
            day.left = sum(self.waiting.values()) + sum(sum(some.values()) for some in self.later.values())
            days.append(day)
            self._next_day()
        return days

    def _anything(self, step: int) -> bool:
        return sum(self.waiting.values()) >= 0.5 or any(
            at > step and sum(some.values()) for at, some in self.later.items()
        )

    def _step(self, number: int, of_day: float, day: Day) -> None:
        load = self.load
        self._arrive(number, of_day)
        for key, mails in self.later.pop(number, {}).items():
            self.waiting[key] += mails
        self._save()
        wants = {site.key: self._want(site, number, of_day) for site in load.sites}
        room = max(0.0, min(load.pace * load.step, self._opened("", of_day) - self.used))
        for site, tries in zip(load.sites, _shared([wants[site.key] for site in load.sites], room), strict=True):
            if tries > 0:
                self._send(site, tries, number, day)

    def _arrive(self, number: int, of_day: float) -> None:
        load = self.load
        begins, ends = load.first * 3600, load.last * 3600
        if begins <= of_day < ends and number * load.step < load.until:
            mails = load.volume * load.step / (min(ends - begins, load.until))
            for site in load.sites:
                self.waiting[site.key] += mails * site.share
                self.fresh[site.key] += mails * site.share

    def _save(self) -> None:
        """Sites that take some at once have room for them again, at their rate."""
        load = self.load
        for site in load.sites:
            if site.burst:
                more = site.per_address * load.addresses * load.step
                self.saved[site.key] = min(site.burst * load.addresses, self.saved[site.key] + more)

    def _want(self, site: Site, number: int, of_day: float) -> float:
        load = self.load
        most = self.saved[site.key] if site.burst else site.per_address * load.addresses * load.step
        left = site.pause_at - self.used_by[site.key]  # until it pauses
        if left > 0.5:
            most = min(most, left)
        elif number < self._again(site, number):
            return 0.0
        allowed = self._opened(site.key, of_day) - self.used_by[site.key]
        return max(0.0, min(self.waiting[site.key], most, allowed))

    def _again(self, site: Site, number: int) -> int:
        """The step at which a site that pauses takes mail again."""
        return self.paused.setdefault(site.key, number + round(site.pause / self.load.step))

    def _send(self, site: Site, tries: float, number: int, day: Day) -> None:
        load = self.load
        self.saved[site.key] -= tries
        fresh = min(self.fresh[site.key], tries)  # first attempts go first
        put_off = fresh * site.deferred
        self.fresh[site.key] -= fresh
        self.waiting[site.key] -= tries
        self.later[number + max(1, round(site.retry / load.step))][site.key] += put_off
        self.used += tries
        self.used_by[site.key] += tries
        day.sent += tries - put_off
        day.by_site[site.key] += tries - put_off
        day.last_at = day.last_of[site.key] = (number + 1) * load.step

    def _opened(self, key: str, of_day: float) -> float:
        rules = self.load.calendar
        if rules is None:
            return inf
        hour = int(of_day // 3600)
        if hour >= rules.last_hour:
            return 0.0
        total = warmup.allowance(rules, self.steps_up)
        mails = warmup.opened(rules, total, hour)
        return self.load.addresses * (warmup.cap(rules, key, mails) if key else mails)

    def _next_day(self) -> None:
        rules = self.load.calendar
        if rules is not None:
            whole = self.load.addresses * warmup.allowance(rules, self.steps_up)
            self.steps_up += self.used >= rules.counts_from * whole


def _shared(wants: Sequence[float], room: float) -> list[float]:
    """Divide room evenly, none above what it wants: a site that takes little gets it, as in a sender's lines."""
    gives = [0.0] * len(wants)
    open_ = [at for at, want in enumerate(wants) if want > 0]
    for at in sorted(open_, key=lambda at: wants[at]):
        gives[at] = min(wants[at], room / len(open_))
        room -= gives[at]
        open_.remove(at)
    return gives


def fewest(load: Load, most: int = 1_000_000) -> int | None:
    """The smallest number of addresses with which a day's mail goes out on its day, every day; None beyond `most`."""
    low, high = 1, 1
    while not _drains(load, high):
        low, high = high + 1, high * 2
        if high > most:
            return None
    while low < high:
        middle = (low + high) // 2
        if _drains(load, middle):
            high = middle
        else:
            low = middle + 1
    return low


def _drains(load: Load, addresses: int) -> bool:
    days = Run(_with(load, addresses)).run()
    return days[-1].left < max(1.0, load.volume * 1e-6)


def _with(load: Load, addresses: int) -> Load:
    return Load(
        load.volume, load.sites, addresses, load.pace, load.first, load.last, load.days, load.step, load.calendar
    )


def warm_days(load: Load) -> int | None:
    """On which day (from 1) new addresses first send all of the day's mail and nothing is left; None when they never do."""
    for number, day in enumerate(Run(load).run(), 1):
        if day.left < max(1.0, load.volume * 1e-6):
            return number
    return None


def normal(sites: Mapping[str, float]) -> dict[str, float]:
    """Shares that add up to one."""
    whole = sum(sites.values())
    return {key: share / whole for key, share in sites.items()}
