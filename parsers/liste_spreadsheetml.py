"""Lists in SpreadsheetML 2003 ("XML Spreadsheet"), which old programs name .xls.

In: the bytes of the XML; out: a `Book` with shown and raw text. Raises and logs nothing: damage is `Unreadable`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from parsers.archive import BadArchive, Elements, parse_xml
from parsers.cells import plain, raw, shown
from parsers.sheet import Book, Collector, Limits, Sheet, TooMuch, Unreadable, UnreadableReason

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d:\d\d:\d\d))?.*")
_NAMED_FORMATS = {
    "Fixed": "0.00", "Standard": "#,##0.00", "Percent": "0.00%", "Scientific": "0.00E+00", "Currency": "#,##0.00 €",
    "Euro Currency": "#,##0.00 €",
}  # fmt: skip
_SKIPPABLE = 16_384


def read(data: bytes, limits: Limits) -> Book | Unreadable:
    """Open a SpreadsheetML workbook."""
    names: list[str] = []

    def visit(name: str, attributes: dict[str, str]) -> None:
        if name == "Worksheet":
            names.append(_attribute(attributes, "Name"))

    try:
        parse_xml(_chunks(data), Elements(visit))
    except BadArchive as trouble:
        return Unreadable(UnreadableReason.CORRUPT, str(trouble))
    return Book("spreadsheetml", tuple(names), _loader(data, names, limits))


def _chunks(data: bytes) -> Iterator[bytes]:
    data = data.lstrip()
    return (data[offset : offset + 65536] for offset in range(0, len(data), 65536))


def _loader(data: bytes, names: list[str], limits: Limits) -> Callable[[int], Sheet | Unreadable]:
    def load(index: int) -> Sheet | Unreadable:
        worksheet = _Worksheet(names[index], index, limits)
        try:
            parse_xml(_chunks(data), worksheet)
        except TooMuch as too_much:
            return too_much.refusal
        except BadArchive as trouble:
            return Unreadable(UnreadableReason.CORRUPT, str(trouble))
        return worksheet.collector.sheet()

    return load


def _attribute(attributes: dict[str, str], name: str) -> str:
    return next((value for label, value in attributes.items() if label.rpartition(":")[2] == name), "")


def _index(attributes: dict[str, str], name: str, default: int) -> int:
    text = _attribute(attributes, name)
    return int(text) if text.isdigit() and 0 < len(text) < 8 else default


class _Worksheet:
    """Builds the one worksheet asked for, with the number formats of the styles before it."""

    def __init__(self, name: str, wanted: int, limits: Limits) -> None:
        self.collector = Collector(name, limits)
        self._limits, self._wanted, self._sheet = limits, wanted, -1
        self._formats: dict[str, str] = {}
        self._style = self._cell_style = self._kind = ""
        self._row = self._column = self._across = 0
        self._cells: list[str] = []
        self._raw: list[str] = []
        self._text: list[str] = []
        self._inside = False
        self._length = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        name = name.rpartition(":")[2]  # Excel writes rich texts as <ss:Data xmlns="…REC-html40">
        if name == "Style":
            self._style = _attribute(attributes, "ID")
        elif name == "NumberFormat":
            code = _attribute(attributes, "Format")
            self._formats[self._style] = _NAMED_FORMATS.get(code, code)
        elif name == "Worksheet":
            self._sheet += 1
        elif self._sheet == self._wanted:
            self._open(name, attributes)

    def _open(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Row":
            self._row = _index(attributes, "Index", self._row + 1)
            self._cells, self._raw, self._column = [], [], 0
        elif name == "Cell":
            self._column = _index(attributes, "Index", self._column + 1)
            self._across = _index(attributes, "MergeAcross", 0)
            self._cell_style = _attribute(attributes, "StyleID")
        elif name == "Data":
            self._inside, self._text, self._length = True, [], 0
            self._kind = _attribute(attributes, "Type")

    def end(self, name: str) -> None:
        """An element closes."""
        if self._sheet != self._wanted:
            return
        name = name.rpartition(":")[2]
        if name == "Data":
            self._inside = False
            self._put("".join(self._text))
        elif name == "Cell":
            self._column += min(self._across, _SKIPPABLE)
        elif name == "Row":
            self.collector.add(self._row, self._cells, self._raw)

    def text(self, data: str) -> None:
        """Characters of a value."""
        if self._inside:
            self._length += len(data)
            if self._length > 8 * self._limits.cell:
                raise TooMuch(UnreadableReason.CELL_TOO_LONG, str(self._limits.cell))
            self._text.append(data)

    def _put(self, value: str) -> None:
        if not value:
            return
        if self._column > self._limits.columns:
            raise TooMuch(UnreadableReason.TOO_MANY_COLUMNS, str(self._limits.columns))
        text, unformatted = _texts(self._kind, value, self._formats.get(self._cell_style, ""))
        gap = self._column - 1 - len(self._cells)
        self._cells += [""] * gap + [text]
        self._raw += [""] * gap + [unformatted]


def _texts(kind: str, value: str, code: str) -> tuple[str, str]:
    """Shown and raw text of a value by its declared type."""
    if kind == "Number":
        try:
            number = float(value)
        except ValueError:
            return value, value
        return shown(number, code or "General"), raw(number, code) if code else plain(number)
    if kind == "Error":
        return value, ""
    if kind == "Boolean":
        return ("VRAI", "TRUE") if value.strip() == "1" else ("FAUX", "FALSE")
    if kind == "DateTime" and (match := _ISO.fullmatch(value.strip())) is not None:
        year, month, day, clock = match.groups()
        time = "" if clock in (None, "00:00:00") else f" {clock}"
        if (year, month, day) == ("1899", "12", "31") and time:
            return time[1:6], time[1:]
        return f"{day}/{month}/{year}{time[:6]}", f"{year}-{month}-{day}{time}"
    return value, value
