"""The warm-up of new local addresses: how much each may send on its days, hours and to each provider.

In: the rules (`warmup.toml` beside this file, or the operator's copy), where an address stands in its calendar, what left
it today, and the time (UTC ms). Out: how many more mails may leave, when to ask again, and where the address stands next.
It lives on the lowest floor because the store counts with it, the senders obey it and the gateway forecasts with it.
Pure but for reading the file; `load` raises ValueError with a sentence that names what is wrong.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

HOUR = 3_600_000
DAY = 24 * HOUR
SPREAD = 600_000  # ms of an hour over which mails come back that waited for it


@dataclass(frozen=True, slots=True)
class Rules:
    """The numbers of warmup.toml; parts are ratios from 0 to 1."""

    calendar: tuple[int, ...]
    then: int
    counts_from: float
    provider_share: float
    first_hour: int
    last_hour: int
    catch_up: int
    least: int
    back_answers: int
    back_deferred: float
    back_refused: float
    advice: tuple[int, ...]
    advice_more: int
    shares: Mapping[str, float] = field(default_factory=dict)

    def share(self, provider: str) -> float:
        """The part of a day's allowance that a provider may get; "" is no provider, and has no bound of its own."""
        return self.shares.get(provider, self.provider_share) if provider else 1.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an address stands: `step` in the calendar (from 0), the day on which this step is sent, and the day on which
    it was last taken back (days since 1970-01-01, UTC)."""

    step: int
    step_day: int
    back_day: int = -1


@dataclass(frozen=True, slots=True)
class Used:
    """What was claimed today: in all, within this hour, and for the provider that asks."""

    total: int = 0
    hour: int = 0
    provider: int = 0


@dataclass(frozen=True, slots=True)
class Answers:
    """What one provider answered on a day; deferrals and refusals are those that speak of our address."""

    accepted: int = 0
    deferred: int = 0
    refused: int = 0


def load(path: Path | None = None) -> Rules:
    """The rules as shipped, with what the operator's file changes; ValueError says what is wrong with it."""
    shipped: dict[str, Any] = tomllib.loads(resources.files("config").joinpath("warmup.toml").read_text("utf-8"))
    try:
        own = tomllib.loads(path.read_text("utf-8")) if path else {}
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    unknown = own.keys() - {each.name for each in fields(Rules)}
    if unknown:
        raise ValueError(f"{path}: no such key: {', '.join(sorted(unknown))}")
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in (shipped | own).items()
    }
    rules = Rules(**values)
    fault = _fault(rules)
    if fault:
        raise ValueError(f"{path or 'warmup.toml'}: {fault}")
    return rules


def _fault(rules: Rules) -> str:
    def whole(values: tuple[int, ...]) -> bool:
        return bool(values) and all(type(n) is int and n > 0 for n in values) and list(values) == sorted(set(values))

    parts = (rules.counts_from, rules.provider_share, rules.back_deferred, rules.back_refused, *rules.shares.values())
    numbers = (rules.then, rules.catch_up, rules.least, rules.back_answers, rules.advice_more)
    if not whole(rules.calendar) or not whole(rules.advice):
        return "calendar and advice must be rising lists of whole numbers"
    if not all(isinstance(part, int | float) and 0 < part <= 1 for part in parts):
        return "parts must lie between 0 and 1"
    if not all(type(n) is int and n > 0 for n in numbers):
        return "then, catch_up, least, back_answers and advice_more must be whole numbers above 0"
    if not 0 <= rules.first_hour < rules.last_hour <= 24:
        return "first_hour must lie before last_hour, both between 0 and 24"
    if rules.provider_share < rules.counts_from:
        return "provider_share is below counts_from: an address that sends to one provider would never go up"
    return ""


def day_of(now: int) -> int:
    """The day of an instant: days since 1970-01-01, UTC."""
    return now // DAY


def hour_of(now: int) -> int:
    """The hour of the day of an instant, UTC."""
    return now % DAY // HOUR


def allowance(rules: Rules, step: int) -> int:
    """Mails that an address may send on one day of the calendar (from 0)."""
    more = step - len(rules.calendar) + 1
    return rules.calendar[max(0, step)] if more <= 0 else rules.calendar[-1] + more * rules.then


def part(rules: Rules, total: int) -> int:
    """Mails that every hour opens of a day's allowance."""
    return max(rules.least, _up(total, rules.last_hour - rules.first_hour))


def opened(rules: Rules, total: int, hour: int) -> int:
    """Mails of a day's allowance that are open by the start of an hour (0 to 23), those of earlier hours included."""
    begun = min(hour, rules.last_hour - 1) - rules.first_hour + 1
    return min(total, max(0, begun) * part(rules, total)) if begun < rules.last_hour - rules.first_hour else total


def cap(rules: Rules, provider: str, mails: int) -> int:
    """The part of so many mails that one provider may get, rounded up."""
    return _up(mails * round(rules.share(provider) * 1000), 1000)


def grant(rules: Rules, step: int, used: Used, provider: str, wanted: int, now: int) -> tuple[int, int]:
    """How many of `wanted` mails to a provider may leave now, and when to ask for more (UTC ms; 0 when all may)."""
    total, hour = allowance(rules, step), hour_of(now)
    open_now = opened(rules, total, hour) if hour < rules.last_hour else 0
    room = min(
        open_now - used.total,
        part(rules, total) * rules.catch_up - used.hour,
        cap(rules, provider, open_now) - used.provider,
    )
    granted = max(0, min(wanted, room))
    if granted == wanted:
        return granted, 0
    spent = used.total + granted >= total or used.provider + granted >= cap(rules, provider, total)
    return granted, _next_part(rules, spent, now)


def _next_part(rules: Rules, spent: bool, now: int) -> int:
    """The start of the next hour that opens something; tomorrow's first one when today is spent."""
    start, hour = now - now % DAY, hour_of(now) + 1
    if spent or hour >= rules.last_hour:
        return start + DAY + rules.first_hour * HOUR
    return start + max(hour, rules.first_hour) * HOUR


def rolled(rules: Rules, standing: Standing, claimed: int, today: int, *, frozen: bool = False) -> Standing:
    """Where an address stands today, `claimed` mails having left on its step's day.

    The next step follows a sending day that brought no step back; a frozen address keeps its step. A clock that went back
    by a day changes nothing (what was sent stays counted); one that went back further was wrong before.
    """
    if standing.step_day - 1 <= today <= standing.step_day:
        return standing
    counted = claimed >= rules.counts_from * allowance(rules, standing.step)
    up = counted and not frozen and standing.back_day != standing.step_day and today > standing.step_day
    return replace(standing, step=standing.step + up, step_day=today)


def troubled(rules: Rules, answers: Mapping[str, Answers]) -> str | None:
    """The provider whose deferrals or refusals are above the thresholds ("" is all together); None when none is."""
    for provider, told in sorted(answers.items(), reverse=True):
        count = told.accepted + told.deferred + told.refused
        bad = told.deferred >= rules.back_deferred * count or told.refused >= rules.back_refused * count
        if count >= rules.back_answers and bad:
            return provider
    return None


def taken_back(standing: Standing, today: int) -> Standing:
    """One day back, once a day."""
    if standing.back_day == today:
        return standing
    return replace(standing, step=max(0, standing.step - 1), back_day=today)


def advised(rules: Rules, volume: int) -> int:
    """How many addresses a daily volume asks for."""
    for count, most in enumerate(rules.advice, start=1):
        if volume <= most:
            return count
    return len(rules.advice) + _up(volume - rules.advice[-1], rules.advice_more)


def _up(number: int, by: int) -> int:
    return -(-number // by)
