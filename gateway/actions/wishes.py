"""What exactly is asked for: the fields of a form, of a command or of a program, read into one shape.

In: texts by name, the clock, the campaign. Out: a wish (a JSON-ready dictionary that an action keeps), or a `Doubt` that
names the field and why it was not understood. Whether a sender is declared is asked of the database later. Pure; raises
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from gateway.figures import stats
from parsers import filters, schedule
from parsers.address import parse
from parsers.fields import Field, Place, lookup, split
from parsers.filters import FilterError
from parsers.schedule import Moment, zone_of
from store.actions import Power
from store.replays import Target
from store.values import Campaign

Wish = dict[str, Any]
SHARED_DAYS, MOST_DAYS = 30, 365
AHEAD = 366 * 86_400_000  # ms that a date may lie ahead
_SUBJECT = 998
_SEARCH = 100
_NOW = frozenset(("", "now", "maintenant", "tout de suite", "immediatement", "immédiatement"))


@dataclass(frozen=True, slots=True)
class Doubt:
    """A field that was not understood: `why` is a word of the catalogue, `text` what stood there."""

    field: str
    why: str
    text: str = ""


def read(power: Power, said: Mapping[str, str], campaign: Campaign, now: int, listed: bool = False) -> Wish | Doubt:
    """Read the fields of one kind of action; `listed`: a list comes with it."""
    match power:
        case Power.REPLAY:
            return _replay(said, campaign, now, listed)
        case Power.MODIFY:
            return _modify(said, campaign, now, listed)
        case Power.SHARE:
            return _share(said)
        case Power.REVOKE:
            serial = said.get("serial", "")
            return {"serial": int(serial)} if serial.isdecimal() and len(serial) < 9 else Doubt("serial", "unknown")
        case Power.EXTRACT:
            return _view(said, campaign)
        case _:
            return {}


def _view(said: Mapping[str, str], campaign: Campaign) -> Wish | Doubt:
    tab = said.get("tab", "")
    words = " ".join(said.get("q", "")[:_SEARCH].replace("\0", "").split())
    try:
        narrowed = filters.unpack(said.get("filter", ""), len(campaign.columns)).packed()
    except FilterError:  # never everybody instead of those who were meant
        return Doubt("to", "unknown", said.get("filter", "")[:40])
    wish: Wish = {"tab": tab if tab in stats.TABS else "all", "q": words}
    return wish | ({"filter": narrowed} if narrowed else {})


def _replay(said: Mapping[str, str], campaign: Campaign, now: int, listed: bool) -> Wish | Doubt:
    asked = said.get("to", "")
    if asked not in tuple(Target):
        return Doubt("to", "missing" if not asked else "unknown", asked[:40])
    target = Target(asked)
    if (target is Target.LIST) is not listed:
        return Doubt("list", "missing" if target is Target.LIST else "needless")
    at = _date(said.get("date", ""), campaign, now)
    if isinstance(at, Doubt):
        return at
    view = _view(said, campaign) if target is Target.FILTER else {}
    return view if isinstance(view, Doubt) else {"to": target.value, "send_at": at} | view


def _modify(said: Mapping[str, str], campaign: Campaign, now: int, listed: bool) -> Wish | Doubt:
    wish: Wish = {"list": True} if listed else {}
    if date := said.get("date", "").strip():
        at = _date(date, campaign, now)
        if isinstance(at, Doubt):
            return at
        wish["send_at"] = at or now
    subject = " ".join(said.get("subject", "").replace("\0", "").split())
    if subject and subject != campaign.subject:
        if doubt := subject_doubt(subject, campaign.columns):
            return doubt
        wish["subject"] = subject
    sender = said.get("sender", "").strip().casefold()
    if sender and sender != campaign.from_address.casefold():
        wish["sender"] = sender[:320]
    return wish or Doubt("date", "nothing")


def subject_doubt(subject: str, columns: tuple[str, ...]) -> Doubt | None:
    """What keeps a text from being the subject of a list with these columns."""
    if len(subject) > _SUBJECT:
        return Doubt("subject", "long")
    parts, bad = split(subject, lookup(columns), Place.HEADER)
    if bad:
        return Doubt("subject", "tag", bad[0].text[:60])
    if any(isinstance(part, Field) and part.index < 0 for part in parts):
        return Doubt("subject", "unsubscribe")
    return None


def _date(text: str, campaign: Campaign, now: int) -> int | Doubt | None:
    """The instant that a text means in the campaign's zone; None for at once."""
    if text.strip().casefold() in _NOW:
        return None
    zone = zone_of(campaign.timezone) or ZoneInfo("UTC")
    found = schedule.read(text[:100], now=now, zone=zone)
    if not isinstance(found, Moment):
        return Doubt("date", found.value, text[:60])
    return found.at if found.at <= now + AHEAD else Doubt("date", "far", text[:60])


def _share(said: Mapping[str, str]) -> Wish | Doubt:
    found = parse(said.get("address", "")[:400])
    if len(found) != 1 or found[0].fault is not None:
        return Doubt("address", "address", said.get("address", "")[:80])
    days = said.get("days", "").strip() or str(SHARED_DAYS)
    if not days.isdecimal() or len(days) > 3 or not 1 <= int(days) <= MOST_DAYS:
        return Doubt("days", "days", days[:20])
    return {"address": found[0].address, "days": int(days)}
