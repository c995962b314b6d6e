"""A filter of recipients as a pure value: conditions on any column, all or any of which must hold.

In: the four repeated words of an address's query (`c` column, `o` operator, `v` value, `w` second value), as a plain form
sends them, and `m=any`. Out: a frozen `Filter` that writes the same words back, so that every filter is an address to share.
Dates and hours are the reader's (the campaign's zone); store.filtering makes SQL of it. All that a stranger may write is
bounded: MOST conditions, LONGEST characters. Raises FilterError, whose key names the sentence to answer; logs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import zip_longest
from urllib.parse import parse_qsl, urlencode

from parsers.provider_domains import PROVIDERS

MOST = 8
LONGEST = 100
OWN_COLUMNS = 500
_OWN = re.compile(r"l(0|[1-9][0-9]{0,2})")
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})/(\d{1,2})/(\d{4})")
_HOUR = re.compile(r"(\d{1,2})(?:\s*[:hH]\s*(\d{2})?)?")
_NUMBER = re.compile(r"\d{1,9}")


class Kind(StrEnum):
    """What a column holds, and so what can be asked of it."""

    TEXT = "text"
    CHOICE = "choice"
    MOMENT = "moment"
    NUMBER = "number"


#: The columns that every list has; those of LISTE are `l0`, `l1`…
COLUMNS = {
    "status": Kind.CHOICE, "email": Kind.TEXT, "domain": Kind.TEXT, "provider": Kind.CHOICE, "date": Kind.MOMENT,
    "delivered": Kind.MOMENT, "opened": Kind.MOMENT, "clicked": Kind.MOMENT, "unsubscribed": Kind.MOMENT,
    "clicks": Kind.NUMBER, "attempts": Kind.NUMBER, "line": Kind.NUMBER, "reply": Kind.TEXT,
}  # fmt: skip
#: The statuses by their words; a test holds them to store.states.
STATUSES = (
    "queued", "awaiting", "deferred", "error", "cancelled", "stopped", "delivered", "opened", "clicked", "unsubscribed",
    "complained",
)  # fmt: skip
OPERATORS = {
    Kind.TEXT: ("contains", "lacks", "starts", "ends", "equals", "differs", "empty", "filled"),
    Kind.CHOICE: ("is", "isnt"),
    Kind.MOMENT: ("on", "since", "before", "between", "hours", "empty", "filled"),
    Kind.NUMBER: ("equals", "least", "most", "between"),
}
_BARE = ("empty", "filled")  # take no value
_PAIRS = ("between", "hours")  # take two


class FilterError(ValueError):
    """A filter that cannot be used: `key` names the sentence, `row` the condition (from 1), `value` what was written."""

    def __init__(self, key: str, row: int = 0, value: str = "") -> None:
        super().__init__(f"{key} ({row}): {value}")
        self.key, self.row, self.value = key, row, value


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; values are kept as they are written in addresses: days `2026-10-09`, with an hour
    `2026-10-09T14:30`, hours `09:00`."""

    column: str
    operator: str
    value: str = ""
    other: str = ""

    @property
    def kind(self) -> Kind:
        """What its column holds."""
        return COLUMNS.get(self.column, Kind.TEXT)

    @property
    def own(self) -> int | None:
        """The index of its column in LISTE; None for a column of ours."""
        found = _OWN.fullmatch(self.column)
        return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold or, with `any`, one of them; none at all lets everybody through."""

    conditions: tuple[Condition, ...] = ()
    any: bool = False

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def packed(self) -> str:
        """The filter as one text, for forms and orders that are kept; `unpack` reads it."""
        return urlencode(self.words())

    def words(self) -> list[tuple[str, str]]:
        """The words of the address's query, in order."""
        found = [("m", "any")] if self.any and len(self.conditions) > 1 else []
        for one in self.conditions:
            found += [("c", one.column), ("o", one.operator), ("v", one.value), ("w", one.other)]
        return found


NONE = Filter()


def read(words: Sequence[tuple[str, str]], width: int = OWN_COLUMNS) -> Filter:
    """Make a filter of a query's words; rows without a column are empty rows of the form. `width`: columns of LISTE."""
    lists = [[value.replace("\0", "") for key, value in words if key == name] for name in "covw"]
    rows = enumerate(zip_longest(*lists, fillvalue=""), 1)
    asked = [(number, row) for number, row in rows if row[0].strip()]
    if len(asked) > MOST:
        raise FilterError("many", MOST + 1, str(MOST))
    conditions = tuple(_condition(number, width, *row) for number, row in asked)
    return Filter(conditions, any=("m", "any") in words and len(conditions) > 1)


def unpack(text: str, width: int = OWN_COLUMNS) -> Filter:
    """Read a filter that is one text; FilterError as for its words."""
    if len(text) > 8_000:
        raise FilterError("long", 0, str(LONGEST))
    return read(parse_qsl(text, keep_blank_values=True), width)


def _condition(row: int, width: int, column: str, operator: str, value: str, other: str) -> Condition:
    own = _OWN.fullmatch(column)
    if column not in COLUMNS and (own is None or int(own[1]) >= width):
        raise FilterError("column", row, column[:LONGEST])
    kind = COLUMNS.get(column, Kind.TEXT)
    if operator not in OPERATORS[kind]:
        raise FilterError("operator", row, operator[:LONGEST])
    if operator in _BARE:
        return Condition(column, operator)
    value, other = " ".join(value.split()), " ".join(other.split()) if operator in _PAIRS else ""
    if len(value) > LONGEST or len(other) > LONGEST:
        raise FilterError("long", row, str(LONGEST))
    if not value or (operator in _PAIRS and not other):
        raise FilterError("missing", row)
    if kind is Kind.CHOICE:
        return _choice(row, column, operator, value)
    if kind is Kind.TEXT:
        return Condition(column, operator, value.removeprefix("@") if column == "domain" else value)
    return _range(row, column, operator, value, other)


def _choice(row: int, column: str, operator: str, value: str) -> Condition:
    known = STATUSES if column == "status" else PROVIDERS
    if value not in known:
        raise FilterError("choice", row, value)
    return Condition(column, operator, value)


def _range(row: int, column: str, operator: str, value: str, other: str) -> Condition:
    if COLUMNS[column] is Kind.NUMBER:
        write = _number
    else:
        write = _hour if operator == "hours" else _day if operator == "on" else _moment
    first = write(row, value)
    last = write(row, other) if other else ""
    if operator == "between" and _order(first) > _order(last):
        raise FilterError("reversed", row, f"{value} – {other}")
    if operator == "hours" and first == last:
        raise FilterError("reversed", row, f"{value} – {other}")
    return Condition(column, operator, first, last)


def _order(text: str) -> tuple[int, str]:
    return len(text) if text.isdigit() else 0, text


def _number(row: int, text: str) -> str:
    plain = text.replace("\u202f", "").replace(" ", "")
    if not _NUMBER.fullmatch(plain) or not plain.isascii():
        raise FilterError("number", row, text)
    return str(int(plain))


def _hour(row: int, text: str) -> str:
    found = _HOUR.fullmatch(text)
    hour, minute = (int(found[1]), int(found[2] or 0)) if found else (99, 0)
    if hour > 24 or minute > 59 or (hour == 24 and minute):
        raise FilterError("hour", row, text)
    return f"{hour:02}:{minute:02}"


def _day(row: int, text: str) -> str:
    found = _DAY.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        year, month, day = (found[1], found[2], found[3]) if found[1] else (found[6], found[5], found[4])
        told = date(int(year), int(month), int(day))
    except ValueError as error:
        raise FilterError("date", row, text) from error
    if not 2000 <= told.year <= 2200:
        raise FilterError("date", row, text)
    return told.isoformat()


def _moment(row: int, text: str) -> str:
    first, _, second = text.replace("T", " ", 1).partition(" ")
    day = _day(row, first)
    second = second.removeprefix("à ").strip()
    if not second:
        return day
    hour = _hour(row, second)
    if hour == "24:00":
        raise FilterError("hour", row, text)
    return f"{day}T{hour}"


def span(condition: Condition) -> tuple[datetime | None, datetime | None]:
    """The stretch [first, last) of local time that a condition on a moment lets through; None: no bound. Days are whole."""
    first, after = _edges(condition.value)
    match condition.operator:
        case "on":
            return first, after
        case "since":
            return first, None
        case "before":
            return None, first
        case _:
            return first, _edges(condition.other)[1]


def _edges(text: str) -> tuple[datetime, datetime]:
    """Where a day or a minute begins, and where it is over."""
    at = datetime.fromisoformat(text)
    return at, at + (timedelta(minutes=1) if "T" in text else timedelta(days=1))


def minutes(text: str) -> int:
    """The minutes since midnight of `09:30`."""
    told = time.fromisoformat(text) if text != "24:00" else None
    return 24 * 60 if told is None else told.hour * 60 + told.minute
