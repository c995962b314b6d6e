"""Tables as .xls files (BIFF8 in an OLE2 container) in bounded memory, in as many sheets as it takes.

In: a header and rows of text, whole numbers, dates (naive, in the reader's zone) or None, at most MOST rows of at most
COLUMNS cells. Out: the file's bytes, piece by piece, once all rows are there: its parts name each other's places, so sheets
and texts wait in temporary files until then. Raises ValueError for more than a .xls can hold; logs nothing.

Why our own: xlwt keeps every cell in memory (1.5 GB for 250,000 rows of twelve) and is no longer kept; the part of the
format that a table needs ([MS-XLS] 2.4, [MS-CFB]) is this small, and xlrd and LibreOffice judge it in the tests.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import IO

from gateway.sheet import EPOCH, Cell, clean

MOST = 250_000  # rows of a file; above, .xlsx is the better one
SHEET = 65_535  # rows of a sheet beside its header
COLUMNS = 256
_SHARED = 200_000  # texts that are remembered, so that each is written once
_SHORT = 80  # characters of a text that is worth remembering
_RECORD = 8_224  # bytes of a record, without its head
_PIECE = 1 << 16
_SECTOR, _END, _FAT, _DIFAT, _FREE = 512, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC, 0xFFFFFFFF
_PLAIN, _DATE, _BOLD, _TEXT = 15, 16, 17, 18  # formats of cells
_DATES = 164


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _text(text: str, wide: str = "<H") -> bytes:
    """A text with its length, one byte a character where that is enough."""
    try:
        return struct.pack(wide, len(text)) + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        data = text.encode("utf-16-le")
        return struct.pack(wide, len(data) // 2) + b"\1" + data


class Xls:
    """A workbook; sheets follow one another where one cannot hold all."""

    media_type = "application/vnd.ms-excel"

    def __init__(self, name: str, widths: Sequence[int] = ()) -> None:
        self._name = "".join(" " if char in "[]:*?/\\'" else char for char in clean(name))[:25] or "Table"
        self._header: Sequence[str] = ()
        self._cells: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 they live as long as the writer
        self._starts: list[int] = []
        self._row = self._total = self._rows = 0
        self._texts = _Texts()

    def start(self, header: Sequence[str]) -> bytes:
        """Begin the first sheet."""
        if len(header) > COLUMNS:
            raise ValueError(f"{len(header)} columns are more than the {COLUMNS} of a .xls")
        self._header = header
        self._begin()
        return b""

    def rows(self, rows: Iterable[Sequence[Cell]]) -> bytes:
        """Add rows."""
        for row in rows:
            if self._rows == MOST:
                raise ValueError(f"more than the {MOST} rows of a .xls")
            if self._row > SHEET:
                self._end()
                self._begin()
            self._rows += 1
            self._line(row, _TEXT)
        return b""

    def finish(self) -> bytes:
        """The whole file; `pieces` gives it without holding it."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The file."""
        self._end()
        texts = self._texts.finish(self._total)
        size = texts.tell() + self._cells.tell()
        globals_ = self._globals(0)
        first = len(globals_) + texts.tell() + 4
        globals_ = self._globals(first)
        length = max(4096, first + self._cells.tell())
        yield from _container(length)
        yield globals_
        yield from _spooled(texts)
        yield _record(0x000A, b"")
        yield from _spooled(self._cells)
        written = len(globals_) + 4 + size
        yield bytes(max(0, 4096 - written) + -max(4096, written) % _SECTOR)
        self._cells.close()
        texts.close()

    def _begin(self) -> None:
        self._starts.append(self._cells.tell())
        self._row = 0
        last = max(1, len(self._header))
        widths = b"".join(
            _record(0x007D, struct.pack("<HHHHHH", i, i, (24 if i < 4 else 18) * 256, _PLAIN, 0, 0))
            for i in range(last)
        )
        frozen = _record(0x023E, struct.pack("<HHHHHHHL", 0x06BE, 0, 0, 0x40, 0, 0, 0, 0))
        pane = _record(0x0041, struct.pack("<HHHHBB", 0, 1, 1, 0, 2, 0))
        size = _record(0x0200, struct.pack("<LLHHH", 0, SHEET + 1, 0, last, 0))
        self._cells.write(_begin_of(0x0010) + widths + size + frozen + pane)
        self._line(self._header, _BOLD)

    def _end(self) -> None:
        self._cells.write(_record(0x000A, b""))

    def _line(self, row: Sequence[Cell], style: int) -> None:
        cells = []
        for column, value in enumerate(row):
            if isinstance(value, datetime):
                since = value - EPOCH
                at = since.days + (since.seconds + since.microseconds / 1e6) / 86_400
                cells.append(struct.pack("<HHHHHd", 0x0203, 14, self._row, column, _DATE, at))
            elif isinstance(value, int):
                cells.append(struct.pack("<HHHHHd", 0x0203, 14, self._row, column, _PLAIN, value))
            elif value:
                self._total += 1
                number = self._texts.number(clean(value))
                cells.append(struct.pack("<HHHHHL", 0x00FD, 10, self._row, column, style, number))
        self._cells.write(b"".join(cells))
        self._row += 1

    def _globals(self, first: int) -> bytes:
        """The workbook's own records; `first` is where its first sheet lies."""
        fonts = [struct.pack("<HHHHHBBBB", 220, 0, 0x7FFF, weight, 0, 0, 2, 0, 0) + _text("Calibri", "<B")
                 for weight in (400, 400, 400, 400, 700)]  # fmt: skip
        style = struct.pack("<HHHBBBBLLH", 0, 0, 0xFFF5, 0x20, 0, 0, 0, 0, 0, 0x20C0)
        cells = [struct.pack("<HHHBBBBLLH", font, form, 1, 0x20, 0, 0, 0xFC if font or form else 0, 0, 0, 0x20C0)
                 for font, form in ((0, 0), (0, _DATES), (5, 0), (0, 49))]  # fmt: skip
        parts = [
            _begin_of(0x0005), _record(0x0042, struct.pack("<H", 1200)),
            _record(0x003D, struct.pack("<HHHHHHHHH", 0, 0, 0x4000, 0x2000, 0x38, 0, 0, 1, 600)),
            _record(0x0022, b"\0\0"), *(_record(0x0031, font) for font in fonts),
            _record(0x041E, struct.pack("<H", _DATES) + _text("dd/mm/yyyy\\ hh:mm:ss")),
            *[_record(0x00E0, style)] * 15, *(_record(0x00E0, cell) for cell in cells),
            _record(0x0293, struct.pack("<HBB", 0x8000, 0, 0xFF)),
        ]  # fmt: skip
        for i, start in enumerate(self._starts, 1):
            name = _text(self._name if i == 1 else f"{self._name} {i}", "<B")
            parts.append(_record(0x0085, struct.pack("<LH", first + start, 0) + name))
        return b"".join(parts)


def _begin_of(what: int) -> bytes:
    return _record(0x0809, struct.pack("<HHHHLL", 0x0600, what, 0x0DBB, 0x07CC, 0xC1, 0x06))


class _Texts:
    """The shared strings: one record and its continuations, written as they come."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._known: dict[str, int] = {}
        self._count = 0
        self._buffer = bytearray(8)  # the two counts, known at the end
        self._kind = 0x00FC

    def number(self, text: str) -> int:
        """The place of a text among them."""
        if (found := self._known.get(text)) is not None:
            return found
        self._add(text)
        number, self._count = self._count, self._count + 1
        if len(text) <= _SHORT and len(self._known) < _SHARED:
            self._known[text] = number
        return number

    def _add(self, text: str) -> None:
        data = _text(text)
        if len(self._buffer) + len(data) > _RECORD:
            self._flush()
        head, wide, chars = data[:2], data[2:3], data[3:]
        self._buffer += head + wide
        room = (_RECORD - 8) // 2 * 2
        while len(chars) > room:  # a text that goes on tells again how wide its characters are
            self._buffer += chars[:room]
            chars = chars[room:]
            self._flush()
            self._buffer += wide
        self._buffer += chars

    def _flush(self) -> None:
        self._file.write(_record(self._kind, bytes(self._buffer)))
        self._kind = 0x003C
        self._buffer.clear()

    def finish(self, total: int) -> IO[bytes]:
        """All of them, at the end of the file that is returned."""
        self._flush()
        end = self._file.tell()
        self._file.seek(4)
        self._file.write(struct.pack("<LL", total, self._count))
        self._file.seek(end)
        return self._file


def _spooled(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_PIECE):
        yield piece


def _container(length: int) -> Iterator[bytes]:
    """Everything of the container that stands before its one stream of `length` bytes."""
    stream = -(-length // _SECTOR)
    tables = more = 0
    while True:
        needed = -(-(stream + 1 + tables + more) // 128)
        chained = max(0, -(-(needed - 109) // 127))
        if (needed, chained) == (tables, more):
            break
        tables, more = needed, chained
    numbers = list(range(more, more + tables))
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<LLLLLLLLL", 0, tables, more + tables, 0, 4096, _END, 0, 0 if more else _END, more)
    yield head + struct.pack("<109L", *(numbers[:109] + [_FREE] * (109 - len(numbers[:109]))))
    for i in range(more):
        some = numbers[109 + i * 127 : 109 + (i + 1) * 127]
        yield struct.pack("<128L", *some, *[_FREE] * (127 - len(some)), i + 1 if i + 1 < more else _END)
    chain = [_DIFAT] * more + [_FAT] * tables + [_END]
    begin = len(chain)
    chain += [*range(begin + 1, begin + stream), _END]
    chain += [_FREE] * (-len(chain) % 128)
    yield struct.pack(f"<{len(chain)}L", *chain)
    yield (
        _entry("Root Entry", 5, 1, _END, 0)
        + _entry("Workbook", 2, _FREE, begin, length)
        + _entry("", 0, _FREE, 0, 0) * 2
    )


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    told = name.encode("utf-16-le")
    length = len(told) + 2 if name else 0
    return struct.pack("<64sHBBLLL36xLQ", told, length, kind, 1, _FREE, _FREE, child, start, size)
