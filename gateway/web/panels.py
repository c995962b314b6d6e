"""The panels of a report below its head: way of the list, curve, providers, programs, zones.

In: a look and the language. Out: values for the templates, every number still a number. Pure but for the names of providers;
nothing is raised or logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.providers import Providers
from gateway import i18n
from gateway.figures import drawing, stats, zones
from gateway.figures.pivot import pivot
from gateway.intake.destinations import name_of
from gateway.web import bars, halted
from gateway.web.look import Look, is_over
from store.pauses import Kind, Pause
from store.states import DELIVERED_TAB
from store.values import CampaignState

ZONES = 12  # links in the table


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the way from the list to a click; `part` is its share of the step before."""

    key: str
    count: int
    part: float | None
    width: float


@dataclass(frozen=True, slots=True)
class Provider:
    """What one mailbox provider took; `waiting` and `recipients` None where they are not known by provider."""

    name: str
    recipients: int | None
    delivered: int
    waiting: int | None
    tone: str
    state: str


def values(locale: str, look: Look, providers: Providers, now: int) -> dict[str, Any]:
    """All panels."""
    agents, seen = pivot(look.agents), look.ledger.measures
    robots = {kind: seen.get(f"machine_{kind}", 0) for kind in ("open", "click")}
    return {
        "robots": {"opens": robots["open"], "clicks": robots["click"], "any": any(robots.values())},
        "funnel": funnel(look),
        "hours": _hours(locale, look),
        "days": _days(look),
        "providers": by_provider(locale, look, providers, now),
        "pivot": agents,
        "agent_opens": sum(group.opens for group in agents),
        "agent_clicks": sum(group.clicks for group in agents),
        "zones": by_zone(look),
    }


def funnel(look: Look) -> list[Step]:
    """From the lines of the list to the people who clicked."""
    ledger, seen = look.ledger, look.ledger.measures
    delivered = sum(ledger.statuses.get(status, 0) for status in DELIVERED_TAB)
    counts = [
        ("lines", ledger.lines), ("recipients", ledger.recipients), ("sent", seen.get("sent", 0)), ("delivered", delivered),
        ("opened", seen.get("opened", 0)), ("clicked", seen.get("clicked", 0)),
    ]  # fmt: skip
    most = max(1, ledger.lines)
    before = [None, *(n for _, n in counts[:-1])]
    return [
        Step(key, n, n / last if last else None, round(100 * n / most, 2))
        for (key, n), last in zip(counts, before, strict=True)
    ]


def _hours(locale: str, look: Look) -> bars.Bars | None:
    if look.span is None:
        return None
    start, zone = look.first_hour, look.campaign.timezone
    return bars.hours(look.hours, look.last_hour, lambda i: i18n.instant(locale, zone, start + i * bars.HOUR))


def _days(look: Look) -> bars.Bars | None:
    """Days, where there are more hours than are shown one by one."""
    if look.span is None or look.last_hour < bars.FIRST:
        return None

    def at(i: int) -> datetime:
        return i18n.local(look.campaign.timezone, look.first_hour + i * bars.HOUR)

    return bars.days(look.hours, at, look.last_hour)


def by_zone(look: Look) -> list[dict[str, Any]]:
    """The links that are clicked most; those never clicked stand last."""
    found = zones.document(look.campaign.links, look.clicks, look.uncounted)
    rows: list[dict[str, Any]] = [one | {"n": _int(one["clicks"]) + _int(one["anonymous"])} for one in found]
    whole, most = sum(one["n"] for one in rows), max((one["n"] for one in rows), default=0)
    both = {one["part"] for one in rows if one["n"]} >= {"text"}
    rows = [one for one in rows if both or one["part"] == "html"] or rows
    rows.sort(key=lambda one: -one["n"])
    return [one | {"share": one["n"] / whole if whole else None, "heat": drawing.heat(one["n"], most)} for one in rows]


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


def by_provider(locale: str, look: Look, providers: Providers, now: int) -> list[Provider]:
    """Who took how much, the largest first; the one that stands for all others last."""
    ahead, ledger = look.ahead, look.ledger
    taken = {one.provider: one.delivered for one in look.taken}
    paused = {one.provider: one for one in look.paused}
    counts = dict(ahead.remaining) if ahead is not None else {}
    open_ = ledger.recipients - stats.done(ledger)
    found = []
    for key in counts.keys() | taken.keys():
        whole = counts[key][0] if key in counts else None
        waiting = None
        if is_over(look.campaign):
            waiting = 0
        elif ahead is not None and key in counts:
            waiting = min(open_, counts[key][1] + ahead.tried.get(key, 0))
        tone, state = _state(locale, look, paused.get(key), waiting, now)
        name = name_of(providers, key) or i18n.text(locale, "providers.others")
        found.append((key, Provider(name, whole, taken.get(key, 0), waiting, tone, state)))
    found.sort(key=lambda one: (one[0] == "", -(one[1].recipients or one[1].delivered), one[1].name))
    return [one for _, one in found]


def _state(locale: str, look: Look, pause: Pause | None, waiting: int | None, now: int) -> tuple[str, str]:
    """What a provider is doing with our mails: a tone and a sentence."""
    state = look.campaign.state
    if pause is not None and waiting != 0:
        tone = "error" if pause.kind is Kind.PAUSE else "deferred"
        return tone, halted.short(locale, look.campaign.timezone, pause, now)
    if waiting == 0:
        return "delivered", i18n.text(locale, "providers.over" if is_over(look.campaign) else "providers.done")
    return (
        ("opened", i18n.text(locale, "providers.going"))
        if state is CampaignState.SENDING and not look.suspended
        else ("stopped", i18n.text(locale, "providers.still"))
    )


def sentences(locale: str, look: Look, providers: Providers, now: int) -> list[str]:
    """That the account is suspended, and the pauses in force, with how many wait for each."""
    ahead = look.ahead
    waiting = {} if ahead is None else {key: two[1] + ahead.tried.get(key, 0) for key, two in ahead.remaining.items()}
    first = [i18n.text(locale, "halted.suspended")] if look.suspended else []
    return first + halted.sentences(locale, look.campaign.timezone, look.paused, now, waiting)
