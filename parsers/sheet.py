"""What every reader of a list hands over: a book of sheets, or why it cannot be read.

`Sheet` holds the shown text of the non-blank rows with their numbers, and the raw cells of its first rows.
Pure values; `Limits` bounds all that a stranger controls. Raises and logs nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

RAW_ROWS, RAW_COLUMNS = 40, 16


class UnreadableReason(StrEnum):
    """Why a list as a whole cannot be read."""

    ENCRYPTED = "encrypted"
    TOO_BIG = "too_big"
    TOO_MANY_LINES = "too_many_lines"
    TOO_MANY_COLUMNS = "too_many_columns"
    CELL_TOO_LONG = "cell_too_long"
    CORRUPT = "corrupt"
    UNKNOWN_KIND = "unknown_kind"
    ARCHIVE = "archive"  # several files packed into one, none of them named LISTE
    EMPTY = "empty"
    NO_ADDRESS_COLUMN = "no_address_column"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A refusal: the reason, and a short technical detail (sheet, figure, kind) that may be empty."""

    reason: UnreadableReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a list: rows, columns, characters a cell, bytes unpacked, packing ratio, cells in all."""

    lines: int = 1_000_000
    columns: int = 500
    cell: int = 32 * 1024
    unpacked: int = 1 << 30
    ratio: int = 200
    cells: int = 60_000_000


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: `rows[i]` is the shown text of the row numbered `numbers[i]`; `raw` is dense from A1."""

    name: str
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int]
    raw: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Book:
    """An opened list: its kind, the names of its sheets, and how to read one of them."""

    kind: str
    names: tuple[str, ...]
    load: Callable[[int], Sheet | Unreadable]
    hidden: frozenset[int] = frozenset()  # sheets that nobody sees who opens the book


class TooMuch(Exception):
    """Raised inside a reader when a bound is passed; the reader turns it into an `Unreadable`."""

    def __init__(self, reason: UnreadableReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.refusal = Unreadable(reason, detail)


@dataclass(slots=True)
class Collector:
    """Builds a sheet row by row within the limits; blank rows are skipped but keep their numbers."""

    name: str
    limits: Limits
    rows: list[tuple[str, ...]] = field(default_factory=list)
    numbers: array[int] = field(default_factory=lambda: array("q"))  # 8 bytes each
    raw: list[list[str]] = field(default_factory=list)
    cells: int = 0

    def add(self, number: int, shown: list[str], raw: list[str] | None = None) -> None:
        """Take one row (numbered from 1); `raw` may be left out where it is the shown text itself."""
        while shown and not shown[-1].strip():
            shown.pop()
        if number <= RAW_ROWS:
            self._keep_raw(number, shown if raw is None else raw)
        if not shown:
            return
        self._check(shown)
        self.rows.append(tuple(shown))
        self.numbers.append(number)

    def _check(self, shown: list[str]) -> None:
        limits = self.limits
        self.cells += len(shown)
        if len(self.rows) > limits.lines:
            raise TooMuch(UnreadableReason.TOO_MANY_LINES, str(limits.lines))
        if len(shown) > limits.columns:
            raise TooMuch(UnreadableReason.TOO_MANY_COLUMNS, str(limits.columns))
        if self.cells > limits.cells:
            raise TooMuch(UnreadableReason.TOO_BIG, f"{limits.cells} cells")
        if len(max(shown, key=len)) > limits.cell:
            raise TooMuch(UnreadableReason.CELL_TOO_LONG, str(limits.cell))

    def _keep_raw(self, number: int, raw: list[str]) -> None:
        while len(self.raw) < number:
            self.raw.append([])
        self.raw[number - 1] = list(raw[:RAW_COLUMNS])

    def sheet(self) -> Sheet:
        """The finished sheet, trailing blanks of its raw table cut."""
        table = [tuple(_cut(row)) for row in self.raw]
        while table and not table[-1]:
            table.pop()
        return Sheet(self.name, self.rows, self.numbers, tuple(table))


def _cut(row: list[str]) -> list[str]:
    end = len(row)
    while end and row[end - 1] == "":
        end -= 1
    return row[:end]
