"""Tables as files, made while they are sent: XLSX and CSV in bounded memory.

In: a header and rows of text, whole numbers, dates (naive, in the reader's zone) or None. Out: bytes, piece by piece.
Text is always text: a value that begins with `=` stays what it is in XLSX, and gets an apostrophe in CSV, where a
spreadsheet would compute it. Characters that XML forbids are dropped. Nothing is raised or logged.

openpyxl writes a workbook only once it is whole (10 s and a temporary file for 100,000 lines); a download should start at
once, and the part of the format that a table needs (ECMA-376 part 1, 18.3: sheetData, inline strings) is this small.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import IO, Protocol, cast

Cell = str | int | datetime | None

CELL = 32_767  # characters of a cell, Excel's own bound
ROWS = 1_048_576  # lines of a sheet, Excel's own bound
SHEET = 1_500_000_000  # bytes of a sheet's XML before another one is begun: zip without its 64-bit form ends at 2 GiB
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")  # what Excel would read as an escape (ECMA-376 part 1, 22.9.2.19)
_PLAIN = re.compile("[ !#$%()*+,./0-9:;=?@A-Z\\[\\]^`a-z{|}~\u00a0-\u017f-]{0,32767}")  # the common case, at once
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
EPOCH = datetime(1899, 12, 30)

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="dd/mm/yyyy\\ hh:mm:ss"/>'
    '</numFmts><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/>'
    '<name val="Calibri"/></font></fonts><fills count="2"><fill><patternFill patternType="none"/></fill><fill>'
    '<patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="4">'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs><cellStyles count="1">'
    '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_DATE, _BOLD, _TEXT = 1, 2, 3


class Writer(Protocol):
    """A file in the making; each call returns the bytes that are ready."""

    media_type: str

    def start(self, header: Sequence[str]) -> bytes: ...
    def rows(self, rows: Iterable[Sequence[Cell]]) -> bytes: ...
    def finish(self) -> bytes: ...


class _Pipe(io.RawIOBase):
    """Where zipfile writes: forwards only, taken away piece by piece."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(cast(bytes, data))
        self._parts.append(piece)
        return len(piece)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


class Xlsx:
    """A workbook; sheets follow one another where one cannot hold all."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def __init__(self, name: str, widths: Sequence[int] = ()) -> None:
        self._widths = widths
        self._name = re.sub(r"[\[\]:*?/\\']", " ", name)[:25] or "Table"
        self._pipe = _Pipe()
        self._zip = zipfile.ZipFile(cast(IO[bytes], self._pipe), "w", zipfile.ZIP_DEFLATED, compresslevel=4)
        self._header: Sequence[str] = ()
        self._letters: list[str] = []
        self._sheet: IO[bytes] | None = None
        self._sheets = self._row = self._size = 0

    def start(self, header: Sequence[str]) -> bytes:
        """Begin the first sheet."""
        self._header, self._letters = header, [letters(i) for i in range(len(header))]
        self._begin()
        return self._pipe.take()

    def rows(self, rows: Iterable[Sequence[Cell]]) -> bytes:
        """Add lines."""
        ready: list[str] = []
        for row in rows:
            if self._row >= ROWS or self._size >= SHEET:
                self._put("".join(ready))
                ready.clear()
                self._end()
                self._begin()
            ready.append(self._line(row))
        self._put("".join(ready))
        return self._pipe.take()

    def finish(self) -> bytes:
        """End the workbook."""
        self._end()
        numbers = range(1, self._sheets + 1)
        names = [self._name if n == 1 else f"{self._name} {n}" for n in numbers]
        sheets = "".join(f'<sheet name="{_attribute(names[n - 1])}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
        links = "".join(
            f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
        )
        links += f'<Relationship Id="rId{self._sheets + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
        parts = "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPE}.worksheet+xml"/>' for n in numbers
        )
        root = f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
        book = f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        for path, text in (
            ("xl/styles.xml", _STYLES),
            ("xl/workbook.xml", f"{book}<sheets>{sheets}</sheets></workbook>"),
            ("xl/_rels/workbook.xml.rels", _relations(links)),
            ("_rels/.rels", _relations(root)),
            ("[Content_Types].xml", _types(parts)),
        ):
            self._zip.writestr(path, text)
        self._zip.close()
        return self._pipe.take()

    def _begin(self) -> None:
        self._sheets, self._row, self._size = self._sheets + 1, 0, 0
        self._sheet = self._zip.open(f"xl/worksheets/sheet{self._sheets}.xml", "w")
        columns = "".join(
            f'<col min="{i}" max="{i}" width="{self._width(i)}" customWidth="1"/>'
            for i in range(1, len(self._header) + 1)
        )
        frozen = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        self._put(
            f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">{frozen}</sheetView>'
            f"</sheetViews><cols>{columns}</cols><sheetData>"
        )
        self._put(self._line(self._header, _BOLD))

    def _width(self, column: int) -> int:
        return self._widths[column - 1] if column <= len(self._widths) else 24 if column < 5 else 18

    def _end(self) -> None:
        if self._sheet is not None:
            last = f"{self._letters[-1]}{self._row}" if self._letters else "A1"
            self._put(f'</sheetData><autoFilter ref="A1:{last}"/></worksheet>')
            self._sheet.close()
            self._sheet = None

    def _line(self, row: Sequence[Cell], style: int = _TEXT) -> str:
        self._row += 1
        n = self._row
        cells = [
            _cell(f"{letter}{n}", value, style)
            for letter, value in zip(self._letters, row, strict=True)
            if value is not None and value != ""
        ]
        return f'<row r="{n}">{"".join(cells)}</row>'

    def _put(self, text: str) -> None:
        data = text.encode()
        self._size += len(data)
        assert self._sheet is not None  # between _begin and _end
        self._sheet.write(data)


def _cell(place: str, value: Cell, style: int) -> str:
    if isinstance(value, str):
        text = value if _PLAIN.fullmatch(value) else escape(_ESCAPED.sub("_x005F_", clean(value)), quote=False)
        return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
    if isinstance(value, datetime):
        since = value - EPOCH
        return f'<c r="{place}" s="{_DATE}"><v>{since.days + since.seconds / 86400:.12f}</v></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def _attribute(text: str) -> str:
    return escape(clean(text))


def _relations(links: str) -> str:
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'


def _types(parts: str) -> str:
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{parts}'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>'
    )


def clean(text: str) -> str:
    """Text that XML can carry (whose readers make every line end LF), cut at what a cell can hold."""
    return _ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))[:CELL]


def letters(index: int) -> str:
    """The name of a column: 0 is A, 26 is AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(65 + rest) + name
    return name


class Csv:
    """Semicolons and a byte order mark: what French Excel opens with a double click."""

    media_type = "text/csv; charset=utf-8"

    def start(self, header: Sequence[str]) -> bytes:
        """The mark and the header."""
        return b"\xef\xbb\xbf" + self.rows([list(header)])

    def rows(self, rows: Iterable[Sequence[Cell]]) -> bytes:
        """Add lines."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
        writer.writerows([[_plain(value) for value in row] for row in rows])
        return text.getvalue().encode()

    def finish(self) -> bytes:
        """Nothing ends a CSV."""
        return b""


def _plain(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%d/%m/%Y %H:%M:%S}"
    text = clean(str(value))
    return f"'{text}" if isinstance(value, str) and text.startswith(_RISKY) else text
