"""Records of a binary workbook (BIFF12): cut out of a part, and the values inside them.

In: the chunks of a part; out: (number, body) of each record, cells as text. Layouts are those of [MS-XLSB] 2.1.4 and 2.5.
Raises `TooMuch` past a bound and `BadArchive` where a record is cut, for the reader alone; logs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import error as StructError
from struct import unpack_from

from xlrd.biffh import error_text_from_code

from parsers.archive import BadArchive
from parsers.cells import raw, shown
from parsers.sheet import RAW_COLUMNS, RAW_ROWS, Collector, Limits, Sheet, TooMuch, UnreadableReason

ROW, STRING_ITEM, FORMAT, XF, BOOK_PROPERTIES, SHEET = 0, 19, 44, 47, 153, 156
BEGIN_CELL_XFS, END_CELL_XFS = 617, 618
# Cells with their column; the short ones (12 to 18) stand behind the cell before them.
_BLANK, _RK, _ERROR, _BOOL, _REAL, _TEXT, _SHARED = range(1, 8)
_FORMULA_TEXT, _FORMULA_NUMBER, _FORMULA_BOOL, _FORMULA_ERROR = range(8, 12)
_SHORT_FIRST, _SHORT_LAST, _RICH_TEXT = 12, 18, 62
_KINDS = {
    _RK: "rk", _ERROR: "error", _BOOL: "bool", _REAL: "real", _TEXT: "text", _SHARED: "shared", _FORMULA_TEXT: "text",
    _FORMULA_NUMBER: "real", _FORMULA_BOOL: "bool", _FORMULA_ERROR: "error", _RICH_TEXT: "rich",
}  # fmt: skip
_RECORD_MAX = 4 << 20
_COLUMN_MAX, _ROW_MAX = 16_384, 1_048_576


def records(chunks: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield number and body of every record of a part."""
    rest = b""
    for chunk in chunks:
        data, at = rest + chunk, 0
        while (head := _head(data, at)) is not None:
            number, size, body = head
            if size > _RECORD_MAX:
                raise TooMuch(UnreadableReason.TOO_BIG, f"record of {size} bytes")
            if body + size > len(data):
                break
            yield number, data[body : body + size]
            at = body + size
        rest = data[at:]
    if rest:
        raise BadArchive("cut record")


def _head(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Number, size and place of the body of the record at `at`; None where its head is not all there (2.1.4)."""
    found = _packed(data, at, 2)
    size = _packed(data, found[1], 4) if found is not None else None
    return (found[0], size[0], size[1]) if found is not None and size is not None else None


def _packed(data: bytes, at: int, most: int) -> tuple[int, int] | None:
    """A number in up to `most` bytes of seven bits each, and the place behind it."""
    value = 0
    for index in range(most):
        if at >= len(data):
            return None
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            break
    return value, at


def wide(data: bytes, at: int) -> tuple[str, int]:
    """A string of UTF-16 behind its length, and the place behind it; an absent one (2.5.166) is empty."""
    (count,) = unpack_from("<I", data, at)
    if count == 0xFFFFFFFF:
        return "", at + 4
    end = at + 4 + 2 * count
    if end > len(data):
        raise StructError("a string is cut")
    return data[at + 4 : end].decode("utf-16-le", "replace"), end


class Cells:
    """Builds a sheet from the records of its part."""

    def __init__(self, name: str, limits: Limits, strings: list[str], formats: list[str], date1904: bool) -> None:
        self._collector = Collector(name, limits)
        self._strings, self._formats, self._date1904 = strings, formats, date1904
        self._limits = limits
        self._row = self._column = 0
        self._cells: list[str] = []
        self._raw: list[str] = []

    def take(self, number: int, body: bytes) -> None:
        """Take one record; those that are neither row nor cell are passed over."""
        if number == ROW:
            self._finish()
            self._row = min(unpack_from("<I", body)[0], _ROW_MAX - 1) + 1
            self._column = 0
        elif _SHORT_FIRST <= number <= _SHORT_LAST:
            self._column += 1
            self._cell(number - _SHORT_FIRST + _BLANK, body, 0)
        elif _BLANK <= number <= _FORMULA_ERROR or number == _RICH_TEXT:
            self._column = min(unpack_from("<I", body)[0], _COLUMN_MAX - 1) + 1
            self._cell(number, body, 4)

    def sheet(self) -> Sheet:
        """The finished sheet."""
        self._finish()
        return self._collector.sheet()

    def _finish(self) -> None:
        if self._row:
            self._collector.add(self._row, self._cells, self._raw)
        self._cells, self._raw = [], []

    def _cell(self, number: int, body: bytes, at: int) -> None:
        kind = _KINDS.get(number)
        if kind is None or not self._row:
            return
        style = unpack_from("<I", body, at)[0] & 0xFFFFFF
        text, unformatted = self._texts(kind, body, at + 4, style)
        if not text and not unformatted:
            return
        if self._column > self._limits.columns and text.strip():
            raise TooMuch(UnreadableReason.TOO_MANY_COLUMNS, str(self._limits.columns))
        _place(self._cells, self._column, text)
        if self._row <= RAW_ROWS and self._column <= RAW_COLUMNS:
            _place(self._raw, self._column, unformatted)

    def _texts(self, kind: str, body: bytes, at: int, style: int) -> tuple[str, str]:
        """Shown and raw text of a cell."""
        match kind:
            case "rk":
                return self._number(_rk(unpack_from("<I", body, at)[0]), style)
            case "real":
                return self._number(unpack_from("<d", body, at)[0], style)
            case "bool":
                return ("VRAI", "TRUE") if body[at : at + 1] != b"\0" else ("FAUX", "FALSE")
            case "error":
                return error_text_from_code.get(body[at], "#N/A"), ""
            case "shared":
                index = unpack_from("<I", body, at)[0]
                text = self._strings[index] if index < len(self._strings) else ""
                return text, text
            case _:
                text = wide(body, at + (kind == "rich"))[0]
                return text, text

    def _number(self, value: float, style: int) -> tuple[str, str]:
        code = self._formats[style] if style < len(self._formats) else "General"
        return shown(value, code, self._date1904), raw(value, code, self._date1904)


def _rk(packed: int) -> float:
    """A number packed into 30 bits (2.5.122)."""
    if packed & 2:
        whole = (packed >> 2) - ((packed & 0x80000000) >> 1)
        return whole / 100 if packed & 1 else float(whole)
    (value,) = unpack_from("<d", b"\0\0\0\0" + (packed & 0xFFFFFFFC).to_bytes(4, "little"))
    return float(value) / 100 if packed & 1 else float(value)


def _place(cells: list[str], column: int, text: str) -> None:
    cells.extend([""] * (column - len(cells)))
    cells[column - 1] = text
