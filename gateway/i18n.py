"""Words, numbers and dates as people read them, in French (default) and English.

In: a locale, a dotted key and values; the words stand in `gateway/locales/LOCALE/ROOM.toml`, one file a room, all rooms
merged. Out: text, French with its unbreakable spaces. A key or a value that is missing raises KeyError (a test holds both
languages to the same keys and places); an unknown locale is French. Nothing is logged.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

LOCALES = ("fr", "en")
DEFAULT = "fr"
NARROW = "\u202f"  # narrow no-break space: French thousands, and before % : ; ? !
UNBROKEN = "\u00a0"  # no-break space: before : and », behind «
_ASCII = "smtp."  # what servers say to servers
_HIGH, _COLON, _OPENING = re.compile(r" (?=[;!?])"), re.compile(r" (?=[:»])"), re.compile(r"(?<=«) ")
_FOLDER = Path(__file__).parent / "locales"
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def known(locale: str) -> str:
    """Return `locale` when we speak it, else French."""
    short = locale[:2].lower()
    return short if short in LOCALES else DEFAULT


@cache
def catalogue(locale: str) -> Mapping[str, str]:
    """Return every key of one language with its text; KeyError when two rooms define the same key."""
    words: dict[str, str] = {}
    for file in sorted((_FOLDER / known(locale)).glob("*.toml")):
        for key, value in _flat(tomllib.loads(file.read_text("utf-8"))):
            if key in words:
                raise KeyError(f"{key} is defined twice ({file.name})")
            words[key] = value if key.startswith(_ASCII) else spaced(locale, value)
    return words


def spaced(locale: str, words: str) -> str:
    """Words whose French punctuation cannot begin a line, nor « end one; the files may be written with plain spaces."""
    if known(locale) != "fr":
        return words
    return _OPENING.sub(UNBROKEN, _COLON.sub(UNBROKEN, _HIGH.sub(NARROW, words)))


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


def text(locale: str, key: str, **values: object) -> str:
    """Return the text of `key` with its {places} filled; KeyError when the key or a value is missing."""
    words = catalogue(known(locale))[key]
    return words.format_map(values) if "{" in words else words


def has(locale: str, key: str) -> bool:
    """Tell whether `key` has a text, for keys that are made from data (a reply's class)."""
    return key in catalogue(known(locale))


def plural(locale: str, key: str, n: int, **values: object) -> str:
    """Return KEY.one or KEY.other by the language's rule (0 is singular in French), {n} written as a number."""
    singular = n < 2 if known(locale) == "fr" else n == 1
    return text(locale, f"{key}.{'one' if singular else 'other'}", n=number(locale, n), **values)


def number(locale: str, n: int) -> str:
    """Return 12430 as `12 430` (narrow no-break space) or `12,430`."""
    grouped = f"{n:,}"
    return grouped.replace(",", NARROW) if known(locale) == "fr" else grouped


def decimal(locale: str, n: float) -> str:
    """Return 2.3 as `2,3` or `2.3`."""
    return str(n).replace(".", ",") if known(locale) == "fr" else str(n)


def duration(locale: str, ms: int) -> str:
    """Return a length of time to its two largest units: `42 min`, `4 h 8 min`, `3 j 4 h`."""
    minutes = ms // 60_000
    day_ = "j" if known(locale) == "fr" else "d"
    units = [(minutes // 1_440, day_), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    first = next((at for at, (n, _) in enumerate(units) if n), 2)
    told = [f"{n}{UNBROKEN}{unit}" for n, unit in units[first : first + 2] if n] or [f"0{UNBROKEN}min"]
    return UNBROKEN.join(told)


def percent(locale: str, ratio: float | None, digits: int = 1) -> str:
    """Return 0.3821 as `38,2 %` or `38.2%`, and a dash where there is nothing to divide by (None)."""
    if ratio is None:
        return "–"
    figure = f"{ratio * 100:.{digits}f}"
    if ratio and float(figure) == 0:  # some, but too few to show: never written as none
        least = f"{10**-digits:.{digits}f}"
        figure = f"<{NARROW}{least}" if known(locale) == "fr" else f"<{least}"
    return f"{figure.replace('.', ',')}{NARROW}%" if known(locale) == "fr" else f"{figure}%"


def instant(locale: str, zone: str, ms: int | None, seconds: bool = False) -> str:
    """Return an instant (UTC ms) in `zone`: `09/10/2026 14:15` or `9 Oct 2026 14:15`; a dash for None."""
    if ms is None:
        return "–"
    at = local(zone, ms)
    clock = f"{at:%H:%M:%S}" if seconds else f"{at:%H:%M}"
    return f"{day(locale, zone, ms)} {clock}"


def day(locale: str, zone: str, ms: int) -> str:
    """Return the day of an instant (UTC ms) in `zone`: `09/10/2026` or `9 Oct 2026`."""
    return written(locale, local(zone, ms))


def written(locale: str, at: datetime) -> str:
    """Return the day of a date: `09/10/2026` or `9 Oct 2026`."""
    return f"{at:%d/%m/%Y}" if known(locale) == "fr" else f"{at.day} {_MONTHS_EN[at.month - 1]} {at.year}"


def town(zone: str) -> str:
    """Return a zone as people name it: `Paris` for Europe/Paris."""
    return zone.rpartition("/")[2].replace("_", " ")


def local(zone: str, ms: int) -> datetime:
    """Return an instant (UTC ms) as a date and time of `zone` (UTC when there is no such zone)."""
    return datetime.fromtimestamp(ms / 1000, _zone(zone))


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # an account's zone that this machine no longer knows
        return ZoneInfo("UTC")


def iso(ms: int | None) -> str | None:
    """Return an instant (UTC ms) as ISO 8601 in UTC, for programs."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")


def negotiate(asked: str | None, accept_language: str, default: str) -> str:
    """Choose the language: `?lang=`, else the best of Accept-Language (RFC 9110 12.5.4), else the default."""
    if asked and asked.lower() in LOCALES:
        return asked.lower()
    best, weight = known(default), 0.0
    for item in accept_language[:400].split(","):
        tag, _, parameters = item.strip().partition(";")
        name, _, value = parameters.strip().partition("=")
        try:
            quality = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if tag.strip()[:2].lower() in LOCALES and quality > weight:  # the first of equals wins
            best, weight = tag.strip()[:2].lower(), quality
    return best
