"""The expected end in words: "12 430 destinataires, fin estimée demain 11 h 40 : Orange limité par le rodage".

In: a locale, a zone, how many recipients, a forecast, the time (UTC ms). Out: a sentence without a full stop; its parts for
pages and programs. Pure but for the names of the providers; nothing is raised.
"""

from __future__ import annotations

from config.providers import Providers
from gateway.figures.forecast import Reason
from gateway.figures.stats import done
from gateway.i18n import day, iso, known, local, plural, text
from gateway.intake.destinations import name_of
from store.forecasts import Row
from store.values import Campaign, CampaignState, Ledger

_MINUTE = 60_000
_UNDER_WAY = (CampaignState.SENDING, CampaignState.SCHEDULED)


def sentence(locale: str, zone: str, recipients: int, row: Row, providers: Providers, now: int) -> str:
    """How many recipients, when the last will have been written to, and what holds them back."""
    line = plural(locale, "forecast.line", recipients, when=when(locale, zone, row.ends_at, now))
    said = reason(locale, row, providers)
    return text(locale, "forecast.because", line=line, reason=said) if said else line


def when(locale: str, zone: str, ends_at: int | None, now: int) -> str:
    """The end as people say it; to the minute, never earlier than it is."""
    if ends_at is None:
        return text(locale, "forecast.beyond")
    if ends_at <= now + _MINUTE:
        return text(locale, "forecast.soon")
    ends_at = -(-ends_at // _MINUTE) * _MINUTE
    at, days = local(zone, ends_at), (local(zone, ends_at).date() - local(zone, now).date()).days
    clock = f"{at.hour} h {at.minute:02}" if known(locale) == "fr" else f"{at:%H:%M}"
    key = "today" if days == 0 else "tomorrow" if days == 1 else "later"
    return text(locale, f"forecast.{key}", clock=clock, day=day(locale, zone, ends_at))


def until(locale: str, zone: str, ms: int, now: int) -> str:
    """How long something lasts, as people say it: the hour alone where it is today's (`jusqu'à 16 h 05`)."""
    at, today = local(zone, ms), local(zone, now).date()
    hour = f"{at.hour} h {at.minute:02}" if known(locale) == "fr" else f"{at:%H:%M}"
    key = "until_hour" if at.date() == today else "until_day"
    return text(locale, f"forecast.{key}", day=day(locale, zone, ms), clock=hour)


def reason(locale: str, row: Row, providers: Providers) -> str:
    """What holds the slowest part back; empty for the speed of the machine."""
    if not row.reason:
        return ""
    if row.reason == Reason.WARMUP and not row.provider:
        return text(locale, "forecast.reason.warmup_all")
    name = name_of(providers, row.provider) or text(locale, "forecast.others")
    return text(locale, f"forecast.reason.{row.reason}", provider=name)


def shown(
    locale: str, campaign: Campaign, ledger: Ledger, row: Row | None, providers: Providers, now: int
) -> dict[str, str | None]:
    """What a page and a program are told of a campaign under way: a line, the end in UTC, the reason in words; all of them
    None where there is no end to expect, the last two also where it cannot be told or nothing special holds it back."""
    if row is None or campaign.state not in _UNDER_WAY or done(ledger) == ledger.recipients:
        return {"line": None, "end": None, "reason": None}
    said = reason(locale, row, providers)
    line = f"{text(locale, 'forecast.title')} {when(locale, campaign.timezone, row.ends_at, now)}"
    return {
        "line": text(locale, "forecast.because", line=line, reason=said) if said else line,
        "end": iso(None if row.ends_at is None else max(row.ends_at, now)),
        "reason": said or None,
    }
