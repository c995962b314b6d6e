"""Handlers for the two big parts of a workbook: shared strings and the rows of a sheet.

In: XML events (ECMA-376 part 1, 18.3 and 18.4); out: strings, and a `Sheet` of shown and raw text.
Raises `TooMuch` past a limit, for the reader alone; logs nothing.
"""

from __future__ import annotations

import re

from parsers.cells import raw, shown
from parsers.sheet import RAW_COLUMNS, RAW_ROWS, Collector, Limits, Sheet, TooMuch, UnreadableReason

# ECMA-376 part 1, 22.4.2.4 (ST_Xstring): control characters are written _xHHHH_.
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_COLUMN_MAX, _ROW_MAX = 16_384, 1_048_576
_BOOLEANS = {"1": ("VRAI", "TRUE"), "0": ("FAUX", "FALSE"), "true": ("VRAI", "TRUE"), "false": ("FAUX", "FALSE")}
_ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.\d+)?Z?)?")


def unescaped(text: str) -> str:
    """Text with _xHHHH_ put back to the characters they stand for."""
    return _ESCAPED.sub(_char, text) if "_x" in text else text


def _char(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return match[0] if 0xD800 <= code <= 0xDFFF else chr(code)


class SharedStrings:
    """Collects the strings of a workbook; phonetic guides are left out."""

    def __init__(self, limits: Limits) -> None:
        self.strings: list[str] = []
        self._limit = limits.cell
        self._parts: list[str] = []
        self._inside = False
        self._guide = 0
        self._length = 0

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        """An element opens."""
        if name == "t":
            self._inside = not self._guide
        elif name == "si":
            self._parts, self._length = [], 0
        elif name == "rPh":
            self._guide += 1

    def end(self, name: str) -> None:
        """An element closes."""
        if name == "t":
            self._inside = False
        elif name == "si":
            self.strings.append(unescaped("".join(self._parts)))
        elif name == "rPh":
            self._guide -= 1

    def text(self, data: str) -> None:
        """Characters of a run."""
        if self._inside:
            self._length += len(data)
            if self._length > 8 * self._limit:
                raise TooMuch(UnreadableReason.CELL_TOO_LONG, str(self._limit))
            self._parts.append(data)


class Rows:
    """Builds a sheet from the events of its XML; cells and rows without reference follow the last one."""

    def __init__(self, name: str, limits: Limits, strings: list[str], formats: list[str], date1904: bool) -> None:
        self._collector = Collector(name, limits)
        self._strings, self._formats, self._date1904 = strings, formats, date1904
        self._limits = limits
        self._row = self._column = 0
        self._cells: list[str] = []
        self._raw: list[str] = []
        self._value: list[str] = []
        self._length = 0
        self._inside = False
        self._kind = self._style = ""
        self._in_cell = self._guide = False
        self._columns: dict[str, int] = {}

    def sheet(self) -> Sheet:
        """The finished sheet."""
        return self._collector.sheet()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element opens."""
        if name == "c":
            self._in_cell = True
            reference = attributes.get("r")
            self._column = self._column_of(reference) if reference else self._column + 1
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "")
            self._value, self._length = [], 0
        elif name == "v" or name == "t":
            # An inline string is its <is><t> alone (18.3.1.53); what programs put beside it Excel does not show.
            self._inside = self._in_cell and not self._guide and (name == "t" or self._kind != "inlineStr")
        elif name == "row":
            number = attributes.get("r", "")
            self._row = min(int(number), _ROW_MAX) if number.isdigit() and len(number) < 9 else self._row + 1
            self._column, self._cells, self._raw = 0, [], []
        elif name == "rPh":
            self._guide = True

    def end(self, name: str) -> None:
        """An element closes."""
        if name == "v" or name == "t":
            self._inside = False
        elif name == "c":
            self._in_cell = False
            if self._value:
                self._put("".join(self._value))
        elif name == "row":
            self._collector.add(self._row, self._cells, self._raw)
        elif name == "rPh":
            self._guide = False

    def text(self, data: str) -> None:
        """Characters of a value."""
        if self._inside:
            self._length += len(data)
            if self._length > 8 * self._limits.cell:
                raise TooMuch(UnreadableReason.CELL_TOO_LONG, str(self._limits.cell))
            self._value.append(data)

    def _column_of(self, reference: str) -> int:
        letters = reference.rstrip("0123456789")
        column = self._columns.get(letters)
        if column is None:
            column = 0
            for letter in letters.upper()[:4]:
                column = column * 26 + max(ord(letter) - 64, 0) if letter.isalpha() else column
            column = self._columns[letters] = min(column, _COLUMN_MAX) or self._column + 1
        return column

    def _put(self, value: str) -> None:
        text, unformatted = self._texts(value)
        if not text and not unformatted:
            return
        if self._column > self._limits.columns and text.strip():
            raise TooMuch(UnreadableReason.TOO_MANY_COLUMNS, str(self._limits.columns))
        _place(self._cells, self._column, text)
        if self._row <= RAW_ROWS and self._column <= RAW_COLUMNS:
            _place(self._raw, self._column, unformatted)

    def _texts(self, value: str) -> tuple[str, str]:
        """Shown and raw text of a value by its cell's type (18.18.11)."""
        match self._kind:
            case "s":
                index = int(value) if value.strip().isdigit() else -1
                text = self._strings[index] if 0 <= index < len(self._strings) else ""
                return text, text
            case "n" | "":
                return self._numeric(value)
            case "b":
                return _BOOLEANS.get(value.strip().lower(), (value, value))
            case "e":
                return value, ""
            case "d":
                return _iso(value)
            case _:
                text = unescaped(value)
                return text, text

    def _numeric(self, value: str) -> tuple[str, str]:
        style = int(self._style) if self._style.isdigit() else 0
        code = self._formats[style] if style < len(self._formats) else "General"
        if code == "General" and value.isdigit() and value.isascii() and len(value) < 16 and value[0] != "0":
            return value, value
        try:
            number = float(value)
        except ValueError:
            return value, value
        return shown(number, code, self._date1904), raw(number, code, self._date1904)


def _place(cells: list[str], column: int, text: str) -> None:
    while len(cells) < column - 1:
        cells.append("")
    if len(cells) < column:
        cells.append(text)
    else:
        cells[column - 1] = text


def _iso(value: str) -> tuple[str, str]:
    match = _ISO_DATE.fullmatch(value.strip())
    if match is None:
        return value, value
    time = "" if (match[4] or "00:00") + (match[5] or ":00") == "00:00:00" else f" {match[4]}{match[5] or ':00'}"
    return f"{match[3]}/{match[2]}/{match[1]}{time}", f"{match[1]}-{match[2]}-{match[3]}{time}"
