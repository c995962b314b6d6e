"""Lists in the OpenDocument format (.ods of LibreOffice), streamed from content.xml within bounds.

In: a checked zip archive; out: a `Book`; shown text is the text LibreOffice stored, raw text its typed value.
Raises and logs nothing: damage is `Unreadable`, a password is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from parsers.archive import Archive, BadArchive, Elements, parse_xml
from parsers.cells import plain
from parsers.sheet import RAW_COLUMNS, RAW_ROWS, Book, Collector, Limits, Sheet, TooMuch, Unreadable, UnreadableReason

_DURATION = re.compile(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,]\d+)?S)?")
_MIMETYPE = b"application/vnd.oasis.opendocument.spreadsheet"
_ROWS_MAX = 1_048_576
_SPACES_MAX = 1000
# Cells that a file may make of nothing by repeating filled rows; in a list every row has its own address.
_COPIED_MAX = 200_000


def is_spreadsheet(archive: Archive) -> bool:
    """Whether a zip archive is an OpenDocument spreadsheet."""
    if archive.find("mimetype") is not None:
        return archive.whole("mimetype", 1 << 20).strip().startswith(_MIMETYPE)
    return archive.find("content.xml") is not None


def read(archive: Archive, limits: Limits) -> Book | Unreadable:
    """Open a spreadsheet; a password (manifest with encryption data) is refused."""
    try:
        if _is_encrypted(archive):
            return Unreadable(UnreadableReason.ENCRYPTED)
        names: list[str] = []
        hidden: set[int] = set()
        unseen: set[str] = set()  # styles of tables that are not displayed; they stand before the tables
        style = ""

        def visit(name: str, attributes: dict[str, str]) -> None:
            nonlocal style
            if name == "style":
                style = _attribute(attributes, "name")
            elif name == "table-properties" and _attribute(attributes, "display") == "false":
                unseen.add(style)
            elif name == "table":
                if _attribute(attributes, "style-name") in unseen:
                    hidden.add(len(names))
                names.append(_attribute(attributes, "name"))

        parse_xml(archive.chunks("content.xml"), Elements(visit))
    except TooMuch as too_much:
        return too_much.refusal
    except BadArchive as trouble:
        return Unreadable(UnreadableReason.CORRUPT, str(trouble))
    return Book("ods", tuple(names), _loader(archive, names, limits), frozenset(hidden))


def _is_encrypted(archive: Archive) -> bool:
    found = False

    def visit(name: str, _attributes: dict[str, str]) -> None:
        nonlocal found
        found = found or name == "encryption-data"

    if archive.find("META-INF/manifest.xml") is not None:
        try:
            parse_xml(archive.chunks("META-INF/manifest.xml"), Elements(visit))
        except BadArchive:
            return False
    return found


def _loader(archive: Archive, names: list[str], limits: Limits) -> Callable[[int], Sheet | Unreadable]:
    def load(index: int) -> Sheet | Unreadable:
        table = _Table(names[index], index, limits)
        try:
            parse_xml(archive.chunks("content.xml"), table)
        except TooMuch as too_much:
            return too_much.refusal
        except BadArchive as trouble:
            return Unreadable(UnreadableReason.CORRUPT, str(trouble))
        return table.collector.sheet()

    return load


def _attribute(attributes: dict[str, str], name: str) -> str:
    return next((value for label, value in attributes.items() if label.rpartition(":")[2] == name), "")


def _repeat(attributes: dict[str, str], name: str) -> int:
    text = attributes.get(f"table:{name}", "1")
    return max(min(int(text[:12]), _ROWS_MAX), 1) if text.isdigit() else 1


class _Table:
    """Builds the one table asked for; repeated cells and rows are written out only where they hold something."""

    def __init__(self, name: str, wanted: int, limits: Limits) -> None:
        self.collector = Collector(name, limits)
        self._limits, self._wanted, self._table = limits, wanted, -1
        self._row = self._repeat_rows = self._repeat_cells = 0
        self._cells: list[tuple[str, str, int]] = []
        self._text: list[str] = []
        self._value = ("", "")
        self._in_cell = self._in_text = False
        self._skipped = self._length = self._copied = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        if name == "table":
            self._table += 1
        if self._table != self._wanted:
            return
        if name == "table-row":
            self._cells, self._repeat_rows = [], _repeat(attributes, "number-rows-repeated")
        elif name in ("table-cell", "covered-table-cell"):
            self._in_cell, self._text, self._length = True, [], 0
            self._repeat_cells = _repeat(attributes, "number-columns-repeated")
            self._value = _typed(attributes)
        elif name in ("annotation", "shape", "frame"):
            self._skipped += 1
        elif self._in_cell and not self._skipped:
            self._inline(name, attributes)

    def _inline(self, name: str, attributes: dict[str, str]) -> None:
        """Paragraphs and the blanks, tabs and breaks that OpenDocument writes as elements (part 3, 6.1)."""
        if name == "p":
            if self._text:
                self._text.append("\n")
            self._in_text = True
        elif name == "s":
            count = attributes.get("text:c", "1")
            self._text.append(" " * min(int(count) if count.isdigit() and len(count) < 6 else 1, _SPACES_MAX))
        elif name == "tab":
            self._text.append("\t")
        elif name == "line-break":
            self._text.append("\n")

    def end(self, name: str) -> None:
        """An element closes."""
        if self._table != self._wanted:
            return
        if name == "table-row":
            self._finish_row()
        elif name in ("table-cell", "covered-table-cell"):
            self._in_cell = self._in_text = False
            text = "".join(self._text)
            kind, value = self._value
            self._cells.append((text or value, _raw(kind, value, text), self._repeat_cells))
        elif name in ("annotation", "shape", "frame"):
            self._skipped = max(self._skipped - 1, 0)
        elif name == "p":
            self._in_text = False

    def text(self, data: str) -> None:
        """Characters of a paragraph."""
        if self._in_text and not self._skipped and self._table == self._wanted:
            self._length += len(data)
            if self._length > 8 * self._limits.cell:
                raise TooMuch(UnreadableReason.CELL_TOO_LONG, str(self._limits.cell))
            self._text.append(data)

    def _finish_row(self) -> None:
        while self._cells and not self._cells[-1][0] and not self._cells[-1][1]:
            self._cells.pop()
        width = sum(count for _, _, count in self._cells)
        if width > self._limits.columns:
            raise TooMuch(UnreadableReason.TOO_MANY_COLUMNS, str(self._limits.columns))
        shown = [text for text, _, count in self._cells for _ in range(count)]
        raw = [value for _, value, count in self._cells for _ in range(count)][:RAW_COLUMNS]
        number = self._row + 1
        self._row = min(self._row + self._repeat_rows, _ROWS_MAX)
        last = self._row if shown else min(self._row, RAW_ROWS)
        self._copied += (last - number) * len(shown)
        if self._copied > _COPIED_MAX:
            raise TooMuch(UnreadableReason.TOO_BIG, "repeated rows")
        for current in range(number, last + 1):
            self.collector.add(current, list(shown), raw)


def _typed(attributes: dict[str, str]) -> tuple[str, str]:
    """Type and value of a cell (OpenDocument 1.3 part 3, 19.385 and following)."""
    kind = _attribute(attributes, "value-type")
    names = {"date": "date-value", "time": "time-value", "boolean": "boolean-value", "string": "string-value"}
    return kind, _attribute(attributes, names.get(kind, "value"))


def _raw(kind: str, value: str, text: str) -> str:
    if not value or kind == "string":
        return text or value
    if kind == "boolean":
        return "TRUE" if value == "true" else "FALSE"
    if kind == "date":
        day, _, clock = value.partition("T")
        clock = clock.partition(".")[0]
        return day if clock in ("", "00:00:00") else f"{day} {clock}"
    if kind == "time":
        match = _DURATION.fullmatch(value)
        days, hours, minutes, seconds = (int(group or 0) for group in match.groups()) if match else (0, 0, 0, 0)
        return f"{days * 24 + hours:02}:{minutes:02}:{seconds:02}" if match else value
    try:
        return plain(float(value))
    except (ValueError, OverflowError):
        return value
