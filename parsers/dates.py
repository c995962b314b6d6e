"""Dates and times of sheets in French: full dates always as dd/mm/yyyy, parts of dates as their format says.

In: the tokens of a number format, a date, and the seconds since the serial's zero (for durations); out: text.
Pure; raises nothing, logs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

_MONTHS = (
    ("janvier", "janv."), ("février", "févr."), ("mars", "mars"), ("avril", "avr."), ("mai", "mai"), ("juin", "juin"),
    ("juillet", "juil."), ("août", "août"), ("septembre", "sept."), ("octobre", "oct."), ("novembre", "nov."),
    ("décembre", "déc."),
)  # fmt: skip
_DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
Tokens = Sequence[tuple[str, str]]


def date_text(tokens: Tokens, when: datetime, seconds: int) -> str:
    """The text of a date in its format; a midnight beside a full date is a date without time."""
    parts = _minutes_told_apart(tokens)
    letters = [text for kind, text in parts if kind == "date"]
    first = {text[0] for text in letters}
    if {"y", "d"} <= first and any(text[0] == "m" for text in letters) and not _in_words(letters):
        clock = [part for part in parts if part[0] in ("elapsed", "ampm") or part[1][:1] in ("h", "s", "n")]
        day = f"{when.day:02}/{when.month:02}/{when.year:04}"
        if not any(text[:1] in ("h", "s", "n") for _, text in clock) or not (when.hour or when.minute or when.second):
            return day
        with_seconds = any(text[0] == "s" for text in letters)
        return f"{day} {when.hour:02}:{when.minute:02}" + (f":{when.second:02}" if with_seconds else "")
    half = any(kind == "ampm" for kind, _ in parts)
    return "".join(_piece(kind, text, when, seconds, half) for kind, text in parts).strip()


def _in_words(letters: Sequence[str]) -> bool:
    """Formats that spell the month or the day in full are letters' dates: "vendredi 25 décembre 2026"."""
    return any(text in ("mmmm", "dddd") for text in letters)


def _minutes_told_apart(tokens: Tokens) -> list[tuple[str, str]]:
    """Tokens in lower case with minutes (`m` after hours or before seconds) renamed to `n`."""
    parts = [(kind, text.lower() if kind in ("date", "ampm") else text) for kind, text in tokens]
    units = [index for index, (kind, _) in enumerate(parts) if kind in ("date", "elapsed")]
    for place, index in enumerate(units):
        kind, text = parts[index]
        if kind != "date" or text not in ("m", "mm"):
            continue
        before = parts[units[place - 1]][1] if place else ""
        after = parts[units[place + 1]][1] if place + 1 < len(units) else ""
        if before[:1] == "h" or after[:1] == "s":
            parts[index] = (kind, "n" * len(text))
    return parts


def _piece(kind: str, text: str, when: datetime, seconds: int, half: bool) -> str:
    if kind == "elapsed":
        total = {"h": seconds // 3600, "m": seconds // 60, "s": seconds}[text[0]]
        return str(total).rjust(len(text), "0")
    if kind == "ampm":
        return "AM" if when.hour < 12 else "PM"
    if kind == "date":
        return _unit(text, when, half)
    return text if kind in ("literal", "sign") else ""


def _unit(text: str, when: datetime, half: bool) -> str:
    match text[0], len(text):
        case "y" | "e", size:
            return f"{when.year % 100:02}" if size <= 2 and text[0] == "y" else f"{when.year:04}"
        case "m", 1 | 2:
            return str(when.month).rjust(len(text), "0")
        case "m", size:
            return _MONTHS[when.month - 1][1 if size == 3 else 0][: 1 if size == 5 else None]
        case "d", 1 | 2:
            return str(when.day).rjust(len(text), "0")
        case "d", size:
            return _DAYS[when.weekday()][: 3 if size == 3 else None] + ("." if size == 3 else "")
        case "h", size:
            hour = (when.hour % 12 or 12) if half else when.hour
            return str(hour).rjust(min(size, 2), "0")
        case "n", size:
            return str(when.minute).rjust(size, "0")
        case "s", _:
            return str(when.second).rjust(min(len(text.partition(".")[0]), 2), "0")
        case _:
            return ""
