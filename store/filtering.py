"""A filter of recipients as SQL, for SQLite and PostgreSQL alike.

In: a `parsers.filters.Filter`, a search of words and the campaign's zone. Out: one expression over `recipients`, and the
statuses that it can hold for (an open implies one of four), by which a walk may pass most of a list over. Text is compared
without regard to case and accents (store.searched); nothing that a stranger wrote is a pattern: it is escaped, and hours are
reckoned with the zone's own changes. Nothing is raised or logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import JSON, ColumnElement, Text, and_, case, cast, func, literal_column, not_, or_, true

from parsers import filters
from parsers.filters import Condition, Filter, Kind
from parsers.folding import fold
from parsers.provider_domains import DOMAINS
from store.haystacks import WORDS
from store.states import PEOPLE, Status
from store.tables import recipients

ALL = frozenset(Status)
_MOMENTS = {
    "date": recipients.c.last_at, "delivered": recipients.c.delivered_at, "opened": recipients.c.opened_at,
    "clicked": recipients.c.clicked_at, "unsubscribed": recipients.c.unsubscribed_at,
}  # fmt: skip
_NUMBERS = {"clicks": recipients.c.clicks, "attempts": recipients.c.attempts, "line": recipients.c.line}
_FOLDED = recipients.c.folded
# only these can have the moment: whoever clicked has opened
_IMPLIED = {
    "opened": frozenset(PEOPLE),
    "clicked": frozenset({Status.CLICKED, Status.UNSUBSCRIBED, Status.COMPLAINED}),
    "unsubscribed": frozenset({Status.UNSUBSCRIBED, Status.COMPLAINED}),
}


@dataclass(frozen=True, slots=True)
class Where:
    """What a database and a campaign make of a filter: `sqlite`, and the zone in which its reader's clock runs."""

    sqlite: bool
    zone: str = "UTC"


def expression(where: Where, asked: Filter, search: str = "") -> ColumnElement[bool]:
    """What must hold for a recipient to be shown; `true()` when nothing is asked."""
    parts = [_found(where, word) for word in search.split()[:WORDS]]
    if asked:
        conditions = [_condition(where, one) for one in asked.conditions]
        parts.append(or_(*conditions) if asked.any else and_(*conditions))
    return and_(*parts) if parts else true()


def statuses(asked: Filter) -> frozenset[Status]:
    """The statuses that recipients of this filter can have."""
    found = [_statuses(one) for one in asked.conditions]
    if not found:
        return ALL
    return frozenset.union(*found) if asked.any else frozenset.intersection(*found)


def _statuses(one: Condition) -> frozenset[Status]:
    if one.column == "status":
        told = frozenset({Status[one.value.upper()]})
        return told if one.operator == "is" else ALL - told
    if one.column in _IMPLIED and one.operator != "empty":
        return _IMPLIED[one.column]
    many = one.column == "clicks" and one.operator in ("equals", "least", "between") and int(one.value) > 0
    return _IMPLIED["clicked"] if many else ALL


def _condition(where: Where, one: Condition) -> ColumnElement[bool]:
    match one.kind:
        case Kind.TEXT:
            return _text(where, one)
        case Kind.MOMENT:
            return _moment(where, one)
        case Kind.NUMBER:
            return _number(one)
        case Kind.CHOICE:
            return _choice(where, one)


def _choice(where: Where, one: Condition) -> ColumnElement[bool]:
    if one.column == "status":
        told: ColumnElement[bool] = recipients.c.status == int(Status[one.value.upper()])
    else:
        told = or_(*(holds(where, recipients.c.address, "%@", domain, None) for domain in DOMAINS[one.value]))
    return told if one.operator == "is" else not_(told)


def _text(where: Where, one: Condition) -> ColumnElement[bool]:
    place, lead = _place(where, one), "%@" if one.column == "domain" else ""
    match one.operator:
        case "empty":
            return place == ""
        case "filled":
            return place != ""
        case "equals" | "differs":
            before, after = lead or None, None
        case "starts":
            before, after = lead or None, ""
        case "ends":
            before, after = f"{lead}%" if lead else "", None
        case _:
            before, after = f"{lead}%" if lead else "", ""
    hold = _replied if one.column == "reply" else holds
    told = hold(where, place, before, one.value, after)
    return not_(told) if one.operator in ("lacks", "differs") else told


def _place(where: Where, one: Condition) -> ColumnElement[str]:
    if one.own is not None:
        return own(where, one.own)
    if one.column == "email":  # a domain is ASCII always, what stands before it need not be
        return func.coalesce(func.nullif(_element(where, _FOLDED, 0), ""), recipients.c.address)
    return recipients.c.reply if one.column == "reply" else recipients.c.address


def own(where: Where, index: int) -> ColumnElement[str]:
    """A column of LISTE, folded where it is more than ASCII; empty where a line is shorter."""
    plain = _element(where, recipients.c.fields, index)
    return func.coalesce(case((_FOLDED.is_(None), plain), else_=_element(where, _FOLDED, index + 1)), "")


def _element(where: Where, place: ColumnElement[Any], index: int) -> ColumnElement[str]:
    """A text of a JSON list."""
    if where.sqlite:
        return func.json_extract(place, f"$[{int(index)}]")
    return cast(place, JSON).op("->>", return_type=Text())(literal_column(str(int(index))))


def _found(where: Where, word: str) -> ColumnElement[bool]:
    """A word of a search, anywhere in a line or its address."""
    quoted = orjson.dumps(fold(word)).decode()[1:-1]  # as it stands in JSON
    lines = holds(where, func.coalesce(_FOLDED, recipients.c.fields), "", quoted, "")
    return or_(lines, holds(where, recipients.c.address, "", word, ""))


def holds(
    where: Where, place: ColumnElement[str], before: str | None, text: str, after: str | None
) -> ColumnElement[bool]:
    """`text`, folded, anywhere in `place`, which is folded or ASCII; `before` and `after` are patterns of our own that stand
    beside it: "" for anything, None for nothing."""
    return _like(where, place, f"{_any(before)}{_escaped(fold(text))}{_any(after)}")


def _replied(
    where: Where, place: ColumnElement[str], before: str | None, text: str, after: str | None
) -> ColumnElement[bool]:
    """The same for what servers say, of which no copy is kept: SQLite folds the case of ASCII alone, so that other letters
    are asked for in both."""
    shapes = dict.fromkeys((fold(text), text, text.lower(), text.upper(), text.title()))
    shown = (text,) if text.isascii() else shapes
    return or_(*(_like(where, place, f"{_any(before)}{_escaped(shape)}{_any(after)}") for shape in shown))


def _like(where: Where, place: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    return place.like(pattern, escape="\\") if where.sqlite else place.ilike(pattern, escape="\\")


def _any(pattern: str | None) -> str:
    return "%" if pattern == "" else pattern or ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _number(one: Condition) -> ColumnElement[bool]:
    place, value = _NUMBERS[one.column], int(one.value)
    match one.operator:
        case "equals":
            return place == value
        case "least":
            return place >= value
        case "most":
            return place <= value
        case _:
            return place.between(value, int(one.other))


def _moment(where: Where, one: Condition) -> ColumnElement[bool]:
    place = _MOMENTS[one.column]
    if one.operator == "empty":
        return place.is_(None)
    if one.operator == "filled":
        return place.is_not(None)
    if one.operator == "hours":
        return and_(place.is_not(None), _hours(where.zone, place, one))
    first, last = filters.span(one)
    bounds: list[ColumnElement[bool]] = [place.is_not(None)]
    bounds += [place >= _instant(where.zone, first)] if first else []
    bounds += [place < _instant(where.zone, last)] if last else []
    return and_(*bounds)


def _hours(zone: str, place: ColumnElement[int | None], one: Condition) -> ColumnElement[bool]:
    clock = (place // 60_000 + _offset(zone, place)) % (24 * 60)
    first, last = filters.minutes(one.value), filters.minutes(one.other)
    if first < last:
        return and_(clock >= first, clock < last)
    return or_(clock >= first, clock < last)  # over midnight


def _offset(zone: str, place: ColumnElement[int | None]) -> ColumnElement[int]:
    """Minutes that the zone's clocks are ahead of UTC at an instant."""
    changes = _changes(zone)
    if len(changes) == 1:
        return literal_column(str(changes[0][1]))
    until: list[tuple[Any, Any]] = [
        (place < at, literal_column(str(before))) for (_, before), (at, _) in pairwise(changes)
    ]
    return case(*until, else_=literal_column(str(changes[-1][1])))


@lru_cache(maxsize=64)
def _changes(zone: str) -> list[tuple[int, int]]:
    """The offsets of a zone in the years that reports speak of, each with the instant (ms) from which it holds."""
    here, now = _zone(zone), datetime.now(UTC)
    at = datetime(now.year - 2, 1, 1, tzinfo=UTC)
    found: list[tuple[int, int]] = []
    while at < datetime(now.year + 1, 2, 1, tzinfo=UTC):  # zones change on the hour, some at its half
        told = int((at.astimezone(here).utcoffset() or timedelta()).total_seconds()) // 60
        if not found or found[-1][1] != told:
            found.append((_settled(here, at, told) if found else 0, told))
        at += timedelta(days=1)
    return found


def _settled(here: ZoneInfo, day: datetime, told: int) -> int:
    """The instant of the day before at which an offset came to hold."""
    at = day - timedelta(days=1)
    while int((at.astimezone(here).utcoffset() or timedelta()).total_seconds()) // 60 != told:
        at += timedelta(minutes=15)
    return int(at.timestamp()) * 1000


def _instant(zone: str, local: datetime) -> int:
    return int(local.replace(tzinfo=_zone(zone)).timestamp()) * 1000


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
