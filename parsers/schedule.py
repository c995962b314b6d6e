"""When a campaign is to be sent: a strict grammar of French and English dates, in a time zone.

In: a text such as `25/12/2026 9h30`, `demain 9h` or ISO 8601, the instant now and a zone's name; out: a `Moment`
(ms since the epoch, and whether the clock shows that hour twice) or a `Trouble`. Raises nothing, logs nothing.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from zoneinfo import ZoneInfo


class Trouble(StrEnum):
    """Why a text is no usable date."""

    UNREADABLE = "unreadable"
    NO_TIME = "no_time"
    AMBIGUOUS = "ambiguous"
    PAST = "past"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant in ms since the epoch; `folded` when the wall clock shows it twice and the first was taken."""

    at: int
    folded: bool = False


_TEXT_MAX = 80
_MONTH_NAMES = (
    "janvier january jan janv", "fevrier february feb fev fevr", "mars march mar", "avril april apr avr", "mai may",
    "juin june jun", "juillet july jul juil", "aout august aug", "septembre september sep sept",
    "octobre october oct", "novembre november nov", "decembre december dec",
)  # fmt: skip
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_DAY_NAMES = (
    "lundi monday", "mardi tuesday", "mercredi wednesday", "jeudi thursday", "vendredi friday", "samedi saturday",
    "dimanche sunday",
)  # fmt: skip
_WEEKDAYS = {name: number for number, names in enumerate(_DAY_NAMES) for name in names.split()}
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[t ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d{1,9})?)? ?(z|utc|[+-]\d\d:?\d\d)?")
_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?: ?(?:h|heures?) ?(?P<m1>\d\d)?(?: ?(?:min|mn|m))?|:(?P<m2>\d\d)(?::(?P<second>\d\d))?)?"
    r"(?: ?(?P<half>[ap]\.?m\.?))?"
)
_NUMERIC = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})")
_ISO_DAY = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})")
_WORDED = re.compile(r"(\d{1,2})(?:er|st|nd|rd|th)? (?:of )?([a-z]+)\.?,? (\d{4})")
_SOON = re.compile(r"(?:dans|in) (\d{1,4}) ?(minutes?|min|mn|heures?|hours?|h|jours?|days?)")
_TODAY = frozenset(("aujourd'hui", "aujourdhui", "today", "ce jour"))
_TOMORROW = frozenset(("demain", "tomorrow"))
_AFTER = frozenset(("apres-demain", "apres demain", "apresdemain", "day after tomorrow", "the day after tomorrow"))


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of a name such as `Europe/Paris`, `paris` or `UTC`, or None."""
    cleaned = name.strip().replace(" ", "_")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]{1,30}(?:/[A-Za-z0-9_+-]{1,30}){0,2}", cleaned):
        return None
    titled = "/".join("_".join(word.capitalize() for word in part.split("_")) for part in cleaned.split("/"))
    for candidate in (cleaned, titled, cleaned.upper(), f"Europe/{titled}", f"America/{titled}", f"Indian/{titled}"):
        try:
            return ZoneInfo(candidate)
        except (KeyError, ValueError, OSError):
            continue
    return None


def read(text: str, *, now: int, zone: ZoneInfo) -> Moment | Trouble:
    """The instant that a text means in a zone; it must lie after now (ms since the epoch)."""
    plain = _plain(text)
    if not plain or len(plain) > _TEXT_MAX:
        return Trouble.UNREADABLE
    if (match := _SOON.fullmatch(plain)) is not None:
        unit = {"m": 60_000, "h": 3_600_000, "j": 86_400_000, "d": 86_400_000}[match[2][0]]
        return Moment(now + int(match[1]) * unit) if int(match[1]) else Trouble.PAST
    if (match := _ISO.fullmatch(plain)) is not None and match[5]:
        return _absolute(match, now)
    try:
        today = datetime.fromtimestamp(now / 1000, zone)
        wall = _wall(plain, today.replace(tzinfo=None))
        return wall if isinstance(wall, Trouble) else _placed(wall, now, zone)
    except (ValueError, OverflowError, OSError):
        return Trouble.UNREADABLE


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKD", text).casefold().replace("’", "'").replace("‐", "-").replace("‑", "-")
    text = "".join(char for char in text if not unicodedata.combining(char))
    return " ".join(text.replace(",", " ").split()).strip(" .")


def _absolute(match: re.Match[str], now: int) -> Moment | Trouble:
    """An ISO 8601 date with its own offset from UTC."""
    day, hour, minute, second, offset = match.groups()
    shift = timedelta()
    if offset not in ("z", "utc"):
        sign = -1 if offset[0] == "-" else 1
        shift = sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[-2:]))
    try:
        when = datetime.fromisoformat(f"{day}T{hour}:{minute}:{second or '00'}").replace(tzinfo=timezone(shift))
    except ValueError:
        return Trouble.UNREADABLE
    at = int(when.timestamp() * 1000)
    return Moment(at) if at > now else Trouble.PAST


def _wall(text: str, today: datetime) -> datetime | Trouble:
    """Date and hour on the wall clock; the longest beginning that is a day, the rest must be an hour."""
    words = text.split(" ") if "t" not in text or not _ISO.fullmatch(text) else text.split("t")
    for cut in range(len(words), 0, -1):
        day = _day(" ".join(words[:cut]), today)
        if day is None:
            continue
        rest = words[cut:]
        if rest and rest[0] in ("a", "at", "vers"):
            rest = rest[1:]
        if not rest:
            return Trouble.NO_TIME
        clock = _clock(" ".join(rest))
        return Trouble.UNREADABLE if clock is None else _joined(day, clock, today)
    return Trouble.UNREADABLE


def _joined(day: date | int, clock: tuple[int, int, int], today: datetime) -> datetime | Trouble:
    hour, minute, second = clock
    if isinstance(day, date):
        return datetime(day.year, day.month, day.day, hour, minute, second)
    ahead = (day - today.weekday()) % 7
    when = (today + timedelta(days=ahead)).replace(hour=hour, minute=minute, second=second, microsecond=0)
    if ahead:
        return when
    # "lundi 9h" said on a Monday at 8: today or in a week? At 10 it can only be in a week.
    return Trouble.AMBIGUOUS if when > today else when + timedelta(days=7)


def _day(text: str, today: datetime) -> date | int | None:
    """A date, or the number of a weekday (0 Monday), or None."""
    if text in _TODAY:
        return today.date()
    if text in _TOMORROW:
        return today.date() + timedelta(days=1)
    if text in _AFTER:
        return today.date() + timedelta(days=2)
    first, _, rest = text.partition(" ")
    if first in _WEEKDAYS:
        if rest in ("", "prochain", "next"):
            return _WEEKDAYS[first]
        exact = _dated(rest.removeprefix("le "))
        # "lundi 26/12/2026" that is no Monday is a mistake in one of the two.
        return exact if exact is not None and exact.weekday() == _WEEKDAYS[first] else None
    if first == "next" and rest in _WEEKDAYS:
        return _WEEKDAYS[rest]
    return _dated(text.removeprefix("le "))


def _dated(text: str) -> date | None:
    try:
        if (match := _NUMERIC.fullmatch(text)) is not None:
            year = int(match[4]) + (2000 if len(match[4]) == 2 else 0)
            return date(year, int(match[3]), int(match[1]))
        if (match := _ISO_DAY.fullmatch(text)) is not None:
            return date(int(match[1]), int(match[2]), int(match[3]))
        if (match := _WORDED.fullmatch(text)) is not None and match[2] in _MONTHS:
            return date(int(match[3]), _MONTHS[match[2]], int(match[1]))
    except ValueError:
        return None
    return None


def _clock(text: str) -> tuple[int, int, int] | None:
    """Hour, minute and second of `9h`, `9 h 30`, `09:30`, `midi`, `2:30 pm`; a bare number is no hour."""
    if text in ("midi", "noon"):
        return 12, 0, 0
    match = _TIME.fullmatch(text)
    if match is None or text.isdigit():
        return None
    hour, minute, second = int(match["hour"]), int(match["m1"] or match["m2"] or 0), int(match["second"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match["half"][0] == "p" else 0)
    return (hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _placed(wall: datetime, now: int, zone: ZoneInfo) -> Moment | Trouble:
    """A wall-clock time in its zone (PEP 495): refused in the gap of spring, the first of autumn's two."""
    first = wall.replace(tzinfo=zone, fold=0)
    instant = first.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != wall:
        return Trouble.GAP
    at = int(instant.timestamp() * 1000)
    folded = first.utcoffset() != wall.replace(tzinfo=zone, fold=1).utcoffset()
    return Moment(at, folded) if at > now else Trouble.PAST
