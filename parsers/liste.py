"""LISTE, the list of recipients: every line of it judged, none lost.

In: the bytes of the attachment; out: a `Liste` (columns and lines, each good or with its fault) or `Unreadable`.
Raises and logs nothing. Suppressed addresses and domains without mail are found later, by who knows of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from parsers.address import Fault, a_label, key, looks_like, parse, plain_domain, typo_hint
from parsers.book import open_book
from parsers.columns import Layout, arrange, canonical
from parsers.sheet import Book, Limits, Sheet, Unreadable, UnreadableReason

__all__ = ["Fault", "Limits", "Line", "Liste", "Unreadable", "UnreadableReason", "read", "table"]


@dataclass(frozen=True, slots=True)
class Line:
    """One address of the list, or one row that has none."""

    number: int
    part: int
    address: str
    name: str
    values: tuple[str, ...]
    fault: Fault | None
    detail: str
    hint: str

    @property
    def label(self) -> str:
        """The number people see: "12", or "12.1" when the row holds several addresses."""
        return f"{self.number}.{self.part}" if self.part else str(self.number)


@dataclass(frozen=True, slots=True)
class Liste:
    """A list that could be read; `kind` is xls, xlsx, xlsb, ods, html, spreadsheetml or text."""

    columns: tuple[str, ...]
    address_column: int
    lines: tuple[Line, ...]
    pj_column: int | None
    suivi_column: int | None
    sheet: str
    kind: str


# A list that is neither named LISTE nor among the first sheets is nobody's list.
_SHEETS_TRIED = 64
_DEFAULT_LIMITS = Limits()
# The table for `explain` shows A1:P40 whatever lies to the right of it.
_TABLE_LIMITS = Limits(columns=16_384, cell=1 << 20)


def read(
    data: bytes, *, own_domains: frozenset[str] = frozenset(), limits: Limits = _DEFAULT_LIMITS, strict: bool = True
) -> Liste | Unreadable:
    """Read a list; own_domains are A-labels; strict refuses a sheet that speaks of no address at all."""
    book = open_book(data, limits)
    if isinstance(book, Unreadable):
        return _nothing("text", strict) if book.reason is UnreadableReason.EMPTY else book
    sheet = _chosen(book)
    if isinstance(sheet, Unreadable):
        return sheet
    if not sheet.rows:
        return _nothing(book.kind, strict)
    layout = arrange(sheet.rows)
    if strict and not layout.certain:
        return Unreadable(UnreadableReason.NO_ADDRESS_COLUMN)
    # a cell may hold many addresses, each a line of its own
    lines = tuple(islice(_lines(sheet, layout, own_domains), limits.lines + 1))
    if len(lines) > limits.lines:
        return Unreadable(UnreadableReason.TOO_MANY_LINES, str(limits.lines))
    if not lines and strict:
        return Unreadable(UnreadableReason.EMPTY)
    return Liste(layout.columns, layout.address, lines, layout.pj, layout.suivi, sheet.name, book.kind)


def _nothing(kind: str, strict: bool) -> Liste | Unreadable:
    """A file that can be read and holds nothing."""
    return Unreadable(UnreadableReason.EMPTY) if strict else Liste((), 0, (), None, None, "", kind)


def table(data: bytes) -> list[list[str]]:
    """Raw cells of the chosen sheet from A1, 40 rows by 16 columns at most; empty when it cannot be read."""
    book = open_book(data, _TABLE_LIMITS)
    sheet = book if isinstance(book, Unreadable) else _chosen(book)
    return [] if isinstance(sheet, Unreadable) else [list(row) for row in sheet.raw]


def _chosen(book: Book) -> Sheet | Unreadable:
    """The sheet named LISTE, else the first with an address, else the first."""
    named = [index for index, name in enumerate(book.names) if canonical(name) == "liste"]
    if named:
        return book.load(named[0])
    first: Sheet | None = None
    trouble: Unreadable | None = None
    for index in range(min(len(book.names), _SHEETS_TRIED)):
        sheet = book.load(index)
        if isinstance(sheet, Unreadable):
            trouble = trouble or sheet
        elif any(looks_like(cell) for row in sheet.rows for cell in row):
            # A sheet before it that could not be read may have been the real list.
            return trouble or sheet
        else:
            first = first or sheet
    return trouble or first or Unreadable(UnreadableReason.EMPTY)


def _lines(sheet: Sheet, layout: Layout, own_domains: frozenset[str]) -> Iterator[Line]:
    seen: dict[str, str] = {}
    start = 0 if layout.header is None else layout.header + 1
    width, column = len(layout.columns), layout.address
    for index in range(start, len(sheet.rows)):
        row, number = sheet.rows[index], sheet.numbers[index]
        values = tuple(row) if len(row) == width else (*row[:width], *[""] * (width - len(row)))
        cell = values[column]
        domain = plain_domain(cell)
        if domain and domain not in own_domains:
            yield _good(seen, number, 0, cell, "", values, domain)
        else:
            yield from _expanded(seen, number, cell, values, own_domains)


def _expanded(
    seen: dict[str, str], number: int, cell: str, values: tuple[str, ...], own_domains: frozenset[str]
) -> Iterator[Line]:
    found = parse(cell, own_domains)
    for part, one in enumerate(found, 1):
        part = part if len(found) > 1 else 0
        if one.fault is None:
            domain = a_label(one.address.rpartition("@")[2])
            yield _good(seen, number, part, one.address, one.name, values, domain)
        else:
            yield Line(number, part, one.address, one.name, values, one.fault, "", "")


def _good(
    seen: dict[str, str], number: int, part: int, address: str, name: str, values: tuple[str, ...], domain: str
) -> Line:
    mailbox = key(address)
    label = f"{number}.{part}" if part else str(number)
    first = seen.setdefault(mailbox, label)
    if first is not label:
        return Line(number, part, address, name, values, Fault.DUPLICATE, first, "")
    meant = typo_hint(domain)
    hint = f"{address.rpartition('@')[0]}@{meant}" if meant else ""
    return Line(number, part, address, name, values, None, "", hint)
