"""LISTE, the list of recipients: every line of it judged, none lost.

In: the bytes of the attachment; out: a `Liste` (columns and lines, each good or with its fault) or `Unreadable`.
Raises and logs nothing. Suppressed addresses and domains without mail are found later, by who knows of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from parsers.address import Fault, a_label, key, looks_like, parse, plain_domain, typo_hint
from parsers.book import open_book
from parsers.columns import Layout, arrange, canonical
from parsers.sheet import Book, Limits, Sheet, Unreadable, UnreadableReason

__all__ = ["Fault", "Limits", "Line", "Liste", "Unreadable", "UnreadableReason", "read", "table"]


class Line(NamedTuple):
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


class Lines(Collection[Line]):
    """The lines of a sheet in their order, each made when it is looked at, for a million would be 100 MB. `kept` are those of
    which more is to be said than that they are good, by the index of their row."""

    __slots__ = ("_count", "_kept", "_layout", "_sheet", "good")

    def __init__(self, sheet: Sheet, layout: Layout, kept: Mapping[int, Sequence[Line]]) -> None:
        self._sheet, self._layout, self._kept = sheet, layout, kept
        self._count = len(sheet.rows) - layout.first + sum(len(some) - 1 for some in kept.values())
        self.good = self._count - sum(line.fault is not None for some in kept.values() for line in some)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Line]:
        rows, numbers, kept, column = self._sheet.rows, self._sheet.numbers, self._kept, self._layout.address
        width = len(self._layout.columns)
        for index in range(self._layout.first, len(rows)):
            if (some := kept.get(index)) is not None:
                yield from some
            else:
                values = _values(rows[index], width)
                yield Line(numbers[index], 0, values[column], "", values, None, "", "")

    def hinted(self) -> list[Line]:
        """The good lines whose domain is probably another one's misspelling."""
        return [line for some in self._kept.values() for line in some if line.hint]

    def __contains__(self, line: object) -> bool:
        return any(line == one for one in self)


@dataclass(frozen=True, slots=True)
class Liste:
    """A list that could be read; `kind` is xls, xlsx, xlsb, ods, html, spreadsheetml or text."""

    columns: tuple[str, ...]
    address_column: int
    lines: Lines
    pj_column: int | None
    suivi_column: int | None
    sheet: str
    kind: str


_NO_LINES = Lines(Sheet("", (), (), ()), Layout(None, (), 0, None, None, certain=False), {})
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
    sheet, kind = _chosen(book), book.kind
    del book  # with what it was opened from: not beside the lines
    if isinstance(sheet, Unreadable):
        return sheet
    if not sheet.rows:
        return _nothing(kind, strict)
    layout = arrange(sheet.rows)
    if strict and not layout.certain:
        return Unreadable(UnreadableReason.NO_ADDRESS_COLUMN)
    kept = _kept(sheet, layout, own_domains, limits.lines)
    lines = Lines(sheet, layout, kept)
    if len(lines) > limits.lines:
        return Unreadable(UnreadableReason.TOO_MANY_LINES, str(limits.lines))
    if not lines and strict:
        return Unreadable(UnreadableReason.EMPTY)
    _name_firsts(lines, kept)
    return Liste(layout.columns, layout.address, lines, layout.pj, layout.suivi, sheet.name, kind)


def _nothing(kind: str, strict: bool) -> Liste | Unreadable:
    """A file that can be read and holds nothing."""
    return Unreadable(UnreadableReason.EMPTY) if strict else Liste((), 0, _NO_LINES, None, None, "", kind)


def table(data: bytes) -> list[list[str]]:
    """Raw cells of the chosen sheet from A1, 40 rows by 16 columns at most; empty when it cannot be read."""
    book = open_book(data, _TABLE_LIMITS)
    sheet = book if isinstance(book, Unreadable) else _chosen(book)
    return [] if isinstance(sheet, Unreadable) else [list(row) for row in sheet.raw]


def _chosen(book: Book) -> Sheet | Unreadable:
    """The sheet named LISTE, else the first with an address, else the first; what is hidden only where no other has any."""
    named = [index for index, name in enumerate(book.names) if canonical(name) == "liste"]
    if named:
        return book.load(named[0])
    first: Sheet | None = None
    trouble: Unreadable | None = None
    for index in sorted(range(min(len(book.names), _SHEETS_TRIED)), key=book.hidden.__contains__):
        sheet = book.load(index)
        if isinstance(sheet, Unreadable):
            trouble = trouble or sheet
        elif any(looks_like(cell) for row in sheet.rows for cell in row):
            # A sheet before it that could not be read may have been the real list.
            return trouble or sheet
        else:
            first = first or sheet
    if book.hidden and 0 in book.hidden and trouble is None:
        return book.load(0)
    return trouble or first or Unreadable(UnreadableReason.EMPTY)


def _values(row: Sequence[str], width: int) -> tuple[str, ...]:
    return tuple(row) if len(row) == width else (*row[:width], *[""] * (width - len(row)))


def _kept(sheet: Sheet, layout: Layout, own_domains: frozenset[str], most: int) -> dict[int, tuple[Line, ...]]:
    """The lines of all rows but those with one plain good address; ends where the rows looked at make more than `most`."""
    kept: dict[int, tuple[Line, ...]] = {}
    seen: set[str] = set()
    width, column, count = len(layout.columns), layout.address, 0
    for index in range(layout.first, len(sheet.rows)):
        row = sheet.rows[index]
        cell = row[column] if column < len(row) else ""
        domain = plain_domain(cell)
        if domain and domain not in own_domains:
            count += 1
            again, meant = _again(seen, cell), typo_hint(domain)
            if again or meant:
                kept[index] = (_line(sheet.numbers[index], 0, cell, "", _values(row, width), again, meant),)
        else:
            # a cell may hold many addresses, each a line of its own
            some = tuple(_expanded(seen, sheet.numbers[index], cell, _values(row, width), own_domains))
            kept[index] = some
            count += len(some)
        if count > most:
            break
    return kept


def _again(seen: set[str], address: str) -> bool:
    """Whether a mailbox was there before, and note it."""
    mailbox, before = key(address), len(seen)
    seen.add(address if mailbox == address else mailbox)  # no second text where the cell is its own key
    return len(seen) == before


def _expanded(
    seen: set[str], number: int, cell: str, values: tuple[str, ...], own_domains: frozenset[str]
) -> Iterator[Line]:
    found = parse(cell, own_domains)
    for part, one in enumerate(found, 1):
        part = part if len(found) > 1 else 0
        if one.fault is None:
            meant = typo_hint(a_label(one.address.rpartition("@")[2]))
            yield _line(number, part, one.address, one.name, values, _again(seen, one.address), meant)
        else:
            yield Line(number, part, one.address, one.name, values, one.fault, "", "")


def _line(
    number: int, part: int, address: str, name: str, values: tuple[str, ...], again: bool, meant: str | None
) -> Line:
    """The line of a good address; which other line a duplicate repeats is told by `_name_firsts`."""
    hint = f"{address.rpartition('@')[0]}@{meant}" if meant and not again else ""
    return Line(number, part, address, name, values, Fault.DUPLICATE if again else None, "", hint)


def _name_firsts(lines: Lines, kept: dict[int, tuple[Line, ...]]) -> None:
    """Write into each duplicate which line it repeats; one more walk over all lines where there is any."""
    twice = {key(line.address) for some in kept.values() for line in some if line.fault is Fault.DUPLICATE}
    if not twice:
        return
    first: dict[str, str] = {}
    for line in lines:
        if line.fault is None and (mailbox := key(line.address)) in twice:
            first[mailbox] = line.label
    for index, some in kept.items():
        kept[index] = tuple(
            line._replace(detail=first[key(line.address)]) if line.fault is Fault.DUPLICATE else line for line in some
        )
