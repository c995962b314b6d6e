"""Config, the options that a sender attaches to a campaign.

In: the bytes of the attachment (text or sheet), the instant now and the account's zone; out: a `Config` with the
`Options` that were given, every `Problem` (line, key, value, what is accepted) and notes. Whether an address is
declared or a mode granted is the caller's to judge. Raises and logs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from parsers import option_values as values
from parsers import schedule
from parsers.book import open_book
from parsers.columns import canonical
from parsers.liste_text import decode
from parsers.option_keys import Key, accepted, key_names, key_of
from parsers.option_values import Attachments, CampaignType, Tracking
from parsers.sheet import Limits, Unreadable, UnreadableReason

__all__ = ["Attachments", "CampaignType", "Config", "Options", "Problem", "ProblemKind", "Tracking", "read"]

SIZE_MAX = 1 << 20
_LIMITS = Limits(lines=2000, columns=100, cell=8192, unpacked=64 << 20)
_SHOWN_MAX = 120
_PROBLEMS_MAX = 30  # what is no Config at all has one a line


class ProblemKind(StrEnum):
    """What is wrong with a line of Config; FOLD is only ever a note."""

    UNREADABLE = "unreadable"
    UNKNOWN_KEY = "unknown_key"
    BAD_VALUE = "bad_value"
    NO_TIME = "no_time"
    AMBIGUOUS = "ambiguous"
    PAST = "past"
    GAP = "gap"
    REPEATED = "repeated"
    FOLD = "fold"


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that cannot be followed; line 0 is the file itself, `accepted` says what would be."""

    kind: ProblemKind
    line: int
    key: str
    value: str
    accepted: str


@dataclass(frozen=True, slots=True)
class Options:
    """What Config asks for; None (or nothing) where it says nothing. Times are ms since the epoch."""

    sender_name: str | None = None
    sender_address: str | None = None
    reply_to: str | None = None
    send_at: int | None = None
    zone: str | None = None
    campaign: str | None = None
    type: CampaignType | None = None
    locale: str | None = None
    tracking: Tracking | None = None
    unsubscribe: bool | None = None
    attachments: Attachments | None = None
    validation: bool | None = None
    test: tuple[str, ...] = ()
    rate: int | None = None
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """A Config as read: its options hold only where there is no problem."""

    options: Options
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    line: int
    name: str
    key: Key | None
    value: str


def read(data: bytes, *, now: int, zone: str, locale: str = "fr") -> Config:
    """Read a Config; dates must lie after now (ms) and are in `zone` unless it names another."""
    pairs = _pairs(data)
    if isinstance(pairs, Unreadable):
        return Config(Options(), (Problem(ProblemKind.UNREADABLE, 0, "", pairs.detail, accepted(None, locale)),))
    reader = _Reader(locale)
    entries = reader.entries(pairs)
    for entry in entries.values():
        reader.take(entry)
    reader.take_date(entries, now, zone)
    problems = sorted(reader.problems, key=lambda one: one.line)
    return Config(reader.options, tuple(problems[:_PROBLEMS_MAX]), tuple(reader.notes))


def _pairs(data: bytes) -> list[tuple[int, str, str | None]] | Unreadable:
    """Line number, key and value of each line; the value is None where nothing parts the two."""
    book = open_book(data, _LIMITS) if len(data) <= 8 * SIZE_MAX else Unreadable(UnreadableReason.TOO_BIG)
    if isinstance(book, Unreadable):
        return [] if book.reason is UnreadableReason.EMPTY else book
    if book.kind == "text" and not data.startswith(b"PK"):
        if len(data) > SIZE_MAX:
            return Unreadable(UnreadableReason.TOO_BIG)
        lines = decode(data).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if len(lines) > _LIMITS.lines:
            return Unreadable(UnreadableReason.TOO_MANY_LINES)
        return [_parted(number, line) for number, line in enumerate(lines, 1) if _speaks(line)]
    named = [index for index, name in enumerate(book.names) if canonical(name) == "config"]
    sheet = book.load(named[0] if named else 0) if book.names else Unreadable(UnreadableReason.EMPTY)
    if isinstance(sheet, Unreadable):
        return sheet
    return [pair for number, row in zip(sheet.numbers, sheet.rows, strict=True) if (pair := _row(number, row))]


def _speaks(line: str) -> bool:
    return bool(line.strip(" \t\u00a0;,\"'")) and not line.lstrip(" \t\u00a0\"'").startswith("#")


def _row(number: int, row: Sequence[str]) -> tuple[int, str, str | None] | None:
    cells = [cell.strip() for cell in row if cell.strip()]
    if not cells or cells[0].startswith("#"):
        return None
    if len(cells) == 1:
        return _parted(number, cells[0])
    return number, cells[0].rstrip(" :="), cells[1]


def _parted(number: int, line: str) -> tuple[int, str, str | None]:
    """A line cut at its first `:` or `=` (or `;` or tab, where a sheet was saved as text)."""
    line = line.replace("：", ":").strip().strip('"')
    places = [place for sign in ":=;\t" if (place := line.find(sign)) > 0]
    if not places:
        return number, line, None
    cut = min(places)
    return number, line[:cut].strip(" \u00a0\"'"), line[cut + 1 :].strip(' \u00a0\t;"')


class _Reader:
    """Collects options, problems and notes while the entries are taken one by one."""

    def __init__(self, locale: str) -> None:
        self.options = Options()
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self._locale = locale

    def _problem(self, kind: ProblemKind, entry: _Entry) -> None:
        what = key_names(self._locale) if kind is ProblemKind.UNKNOWN_KEY else accepted(entry.key, self._locale)
        self.problems.append(Problem(kind, entry.line, entry.name[:_SHOWN_MAX], entry.value[:_SHOWN_MAX], what))

    def entries(self, pairs: list[tuple[int, str, str | None]]) -> dict[Key, _Entry]:
        """The entries by key; unknown keys, lines without value and keys said twice become problems."""
        found: dict[Key, _Entry] = {}
        for number, name, value in pairs:
            entry = _Entry(number, name, key_of(name), values.without_comment(value or ""))
            if entry.key is None:
                if not values.is_title(name, value):
                    self._problem(ProblemKind.UNKNOWN_KEY, entry)
            elif value is None:
                self._problem(ProblemKind.BAD_VALUE, entry)
            elif not entry.value:
                continue  # a template's empty line asks for nothing
            elif entry.key in found and found[entry.key].value != entry.value:
                self._problem(ProblemKind.REPEATED, entry)
            else:
                found.setdefault(entry.key, entry)
        return found

    def take(self, entry: _Entry) -> None:
        """Read one value into the options, or note that it cannot be."""
        changes = _changes(entry)
        if changes is None:
            self._problem(ProblemKind.BAD_VALUE, entry)
        else:
            self.options = replace(self.options, **changes)

    def take_date(self, entries: dict[Key, _Entry], now: int, zone: str) -> None:
        """Put together the date of sending from its keys, in the zone that holds."""
        where = schedule.zone_of(self.options.zone or zone) or ZoneInfo("UTC")
        day = entries.get(Key.SEND_AT) or entries.get(Key.DATE)
        hour = entries.get(Key.TIME)
        if Key.SEND_AT in entries and Key.DATE in entries:
            self._problem(ProblemKind.REPEATED, entries[Key.DATE])
            return
        if day is None:
            if hour is not None:
                self._problem(ProblemKind.BAD_VALUE, hour)
            return
        text = f"{values.without_midnight(day.value)} {hour.value}" if hour is not None else day.value
        found = schedule.read(text, now=now, zone=where)
        if isinstance(found, schedule.Trouble):
            kind = ProblemKind.BAD_VALUE if found is schedule.Trouble.UNREADABLE else ProblemKind(found.value)
            self._problem(kind, replace(day, value=text))
            return
        self.options = replace(self.options, send_at=found.at)
        if found.folded:
            self.notes.append(Problem(ProblemKind.FOLD, day.line, day.name, text, accepted(Key.SEND_AT, self._locale)))


def _changes(entry: _Entry) -> dict[str, Any] | None:
    """The option fields that an entry sets, or None where its value cannot be read."""
    if entry.key is None or entry.key in (Key.SEND_AT, Key.DATE, Key.TIME):
        return {}
    field, reading = values.READERS[entry.key]
    value = reading(entry.value)
    if value is None:
        return None
    if entry.key is Key.SENDER and isinstance(value, tuple):
        name, address = value
        return {name_: part for name_, part in (("sender_name", name), ("sender_address", address)) if part}
    return {field: value}
