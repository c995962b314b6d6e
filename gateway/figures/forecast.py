"""When a campaign will have gone out, and which part of it is the slowest (SPEC 4).

In: what remains by provider with what each takes an hour, pauses, the warm-up of the local addresses, the account's quota,
the rate that was asked for, the speed of the senders, and other campaigns on the same ways. Out: a `Forecast`. The future is
gone through hour by hour, at most HORIZON of them: in each, mails go out in proportion to what remains, within the tightest
bound, and the bound that held the last mails back is the reason. Pure; nothing is raised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from config import warmup
from config.warmup import HOUR, SPREAD, Rules

HORIZON = 60 * 24  # hours looked ahead


class Reason(StrEnum):
    """What holds the slowest part back; NONE is the speed of the machine alone."""

    NONE = ""
    WARMUP = "warmup"
    RATE = "rate"  # of the provider
    CONNECTIONS = "connections"
    PAUSE = "pause"
    QUOTA = "quota"  # of the account
    ASKED = "asked"  # the sender's own Débit
    RETRIES = "retries"


@dataclass(frozen=True, slots=True)
class Part:
    """The mails of one provider ("" for sites of no known one) that wait, how many it takes an hour and why no more, until
    when it is paused, when the last retry known is due (UTC ms), mails of other campaigns that wait for it, and how many
    retries one mail costs there as far as is known, the first after `retry` ms."""

    provider: str
    remaining: int
    per_hour: float = inf
    limit: Reason = Reason.NONE
    opens_at: int = 0
    again_at: int = 0
    rivals: int = 0
    retries: float = 0.0
    retry: int = 300_000

    @property
    def speed(self) -> float:
        """Mails an hour that it takes for good."""
        return self.per_hour / (1 + self.retries)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Warming addresses: their steps on `day`, and what was claimed on it, in all and by provider."""

    rules: Rules
    steps: Sequence[int]
    day: int
    used: int = 0
    by_provider: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a forecast is made from; speeds in mails an hour, `quota` is (left today, a day), `rivals` are campaigns."""

    now: int
    begins: int
    parts: Sequence[Part]
    pace: float
    calendar: Calendar | None = None
    quota: tuple[int, int] | None = None
    asked: float = inf
    rivals: int = 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the last mail will have been tried (UTC ms; None: beyond the horizon), what holds it back, and to whom."""

    ends_at: int | None
    reason: Reason = Reason.NONE
    provider: str = ""


def forecast(scene: Scene) -> Forecast:
    """The expected end of a campaign."""
    run = _Run(scene)
    for _ in range(HORIZON):
        if not run.left:
            break
        run.hour()
    slowest = run.slowest()
    if run.left:
        return Forecast(None, *slowest)
    last = max(scene.parts, key=lambda part: part.again_at, default=None)
    if last is not None and last.again_at > run.end:
        return Forecast(last.again_at, Reason.RETRIES, last.provider)
    return Forecast(run.end, *slowest)


class _Run:
    """The hours ahead, one after the other."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.at = max(scene.now, scene.begins)
        self.end = self.at
        self.parts = {part.provider: part for part in scene.parts if part.remaining > 0}
        self.left: dict[str, float] = {provider: part.remaining for provider, part in self.parts.items()}
        self._rivals: dict[str, float] = {provider: part.rivals for provider, part in self.parts.items()}
        self._all_rivals = float(sum(part.rivals for part in scene.parts))
        self._held: dict[str, Counter[Reason]] = {provider: Counter() for provider in self.parts}  # ms by reason
        self._ends: dict[str, int] = {}
        self._waited = False  # mails wait for an hour that opens more
        calendar = scene.calendar
        self._steps = list(calendar.steps) if calendar else []
        self._day = calendar.day if calendar else warmup.day_of(scene.now)
        self._used = calendar.used if calendar else 0
        self._by = dict(calendar.by_provider) if calendar else {}
        self._quota = scene.quota[0] if scene.quota else inf

    def slowest(self) -> tuple[Reason, str]:
        """What holds the last mails back, and whose they are."""
        if self.left:
            provider = max(self.left, key=lambda one: self.left[one])
        elif self._ends:
            provider = max(self._ends, key=lambda one: (self._ends[one], bool(self._cause(one))))
        else:
            return Reason.NONE, ""
        return self._cause(provider), provider

    def _cause(self, provider: str) -> Reason:
        """What held the mails of a provider back for the longest time."""
        return max(self._held[provider].items(), key=lambda held: held[1], default=(Reason.NONE, 0))[0]

    def hour(self) -> None:
        """Let this hour's mails go, and step to the next."""
        self._begin_day()
        stop = self.at - self.at % HOUR + HOUR
        hours = (stop - self.at) / HOUR
        room, why = self._room(hours)
        wants = {provider: self._want(provider, stop) for provider in self.left}
        gives = _shared({provider: want for provider, (want, _) in wants.items()}, self.left, room)
        speed = min(self.scene.pace, self.scene.asked) / (1 + self.scene.rivals)
        pace = sum(gives.values()) / speed * HOUR
        for provider, give in gives.items():
            if self.left[provider] - give >= 0.5:
                self.left[provider] -= give
                self._held[provider][why if give < wants[provider][0] else wants[provider][1]] += stop - self.at
            else:
                self._finish(provider, give, pace)
        sent = sum(gives.values())
        self._used += round(sent)
        self._quota -= sent
        self._all_rivals = max(0.0, self._all_rivals - self.scene.pace * hours + sent)
        for provider, give in gives.items():
            self._by[provider] = self._by.get(provider, 0) + round(give)
        self._waited = self.scene.calendar is not None
        self.at = stop

    def _finish(self, provider: str, give: float, pace: float) -> None:
        """The last mails of a provider leave in this hour."""
        part = self.parts[provider]
        del self.left[provider]
        own = max(self.at, part.opens_at) + give / self._speed(part) * HOUR
        shared = self.at + max(pace, SPREAD if self._waited else 0)
        if own > shared:
            why = Reason.PAUSE if part.opens_at > self.at else part.limit
        else:
            why = Reason.ASKED if self.scene.asked < self.scene.pace else Reason.NONE
        self._held[provider][why] += int(max(own, shared)) - self.at
        again = part.retry if part.retries * part.remaining >= 1 else 0
        self._ends[provider] = int(max(own, shared)) + again
        self.end = max(self.end, self._ends[provider])

    def _speed(self, part: Part) -> float:
        """Mails an hour of this campaign to a provider, beside others."""
        rivals = self.scene.rivals if self._rivals.get(part.provider) else 0
        return part.speed / (1 + rivals)

    def _room(self, hours: float) -> tuple[float, Reason]:
        """How many mails this hour has room for, and what bounds them."""
        scene = self.scene
        pace = scene.pace * hours
        mine = max(pace / (1 + scene.rivals), pace - self._all_rivals) if scene.rivals else pace
        bounds = [(mine, Reason.NONE), (scene.asked * hours, Reason.ASKED), (self._quota, Reason.QUOTA)]
        if scene.calendar is not None:
            bounds.append((self._opened("") - self._used, Reason.WARMUP))
        room, why = min(bounds, key=lambda bound: bound[0])
        return max(0.0, room), why

    def _want(self, provider: str, stop: int) -> tuple[float, Reason]:
        """How many mails to a provider can leave until `stop`, and what bounds them."""
        part = self.parts[provider]
        hours = max(0, stop - max(self.at, part.opens_at)) / HOUR
        cap = part.speed * hours if hours else 0.0
        if self._rivals.get(provider):
            mine = max(cap / (1 + self.scene.rivals), cap - self._rivals[provider])
            self._rivals[provider] = max(0.0, self._rivals[provider] - (cap - mine))
            cap = mine
        bounds = [(self.left[provider], Reason.NONE), (cap, Reason.PAUSE if part.opens_at > self.at else part.limit)]
        if self.scene.calendar is not None and provider:
            bounds.append((self._opened(provider) - self._by.get(provider, 0), Reason.WARMUP))
        want, why = min(bounds, key=lambda bound: bound[0])
        return max(0.0, want), why

    def _opened(self, provider: str) -> int:
        """Mails that the warming addresses have opened by this hour, for a provider or for all."""
        assert self.scene.calendar is not None
        rules, hour = self.scene.calendar.rules, warmup.hour_of(self.at)
        if hour >= rules.last_hour:
            return 0
        totals = [warmup.allowance(rules, step) for step in self._steps]
        caught = sum(rules.catch_up * warmup.part(rules, total) for total in totals)
        opened = sum(warmup.cap(rules, provider, warmup.opened(rules, total, hour)) for total in totals)
        return min(opened, (self._by.get(provider, 0) if provider else self._used) + caught)

    def _begin_day(self) -> None:
        """A new day: the next step of the calendar where the last day counts, and a new quota."""
        today = warmup.day_of(self.at)
        if today <= self._day:
            return
        if self.scene.calendar is not None:
            rules = self.scene.calendar.rules
            whole = sum(warmup.allowance(rules, step) for step in self._steps)
            if self._used >= rules.counts_from * whole:
                self._steps = [step + 1 for step in self._steps]
            self._used, self._by = 0, {}
        if self.scene.quota is not None:
            self._quota = self.scene.quota[1]
        self._day = today


def _shared(wants: Mapping[str, float], left: Mapping[str, float], room: float) -> dict[str, float]:
    """Divide the room of an hour: in proportion to what remains, none above what it can take."""
    gives: dict[str, float] = {}
    open_ = {provider for provider, want in wants.items() if want > 0}
    gives = dict.fromkeys(wants, 0.0)
    if sum(wants.values()) <= room:
        return dict(wants)
    while open_ and room > 1e-6:
        weight = sum(left[provider] for provider in open_)
        full = {one for one in open_ if wants[one] - gives[one] <= room * left[one] / weight}
        for provider in full or open_:
            gives[provider] += min(wants[provider] - gives[provider], room * left[provider] / weight)
        room -= sum(wants[one] for one in full) if full else room
        open_ -= full
        if not full:
            break
    return gives
