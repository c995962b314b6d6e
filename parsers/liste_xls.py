"""Lists in the old Excel format (BIFF2 to BIFF8), by xlrd.

In: the bytes of a .xls file; out: a `Book` whose sheets hold shown and raw text, dates by the file's own epoch.
Raises and logs nothing: whatever xlrd stumbles over is `Unreadable`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import xlrd
from xlrd.biffh import error_text_from_code

from parsers.cells import BUILTIN, raw, shown
from parsers.kinds import of_compound
from parsers.sheet import RAW_COLUMNS, RAW_ROWS, Book, Collector, Limits, Sheet, TooMuch, Unreadable, UnreadableReason
from parsers.xls_strings import shared_strings

# Record and stream numbers of [MS-XLS] 2.3 and 2.4.21.
_CONTINUE, _GLOBALS = 0x3C, 0x5
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BOOLEANS = {True: ("VRAI", "TRUE"), False: ("FAUX", "FALSE")}
# A new-style workbook under a password is an OLE2 file with this stream; its name stands in UTF-16 in the directory.
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")


def read(data: bytes, limits: Limits) -> Book | Unreadable:
    """Open a .xls book; a password, damage or another kind of OLE2 file is said."""
    if _ENCRYPTED_PACKAGE in data:
        return Unreadable(UnreadableReason.ENCRYPTED)
    try:
        book = _open(data)
    except MemoryError:
        return Unreadable(UnreadableReason.TOO_BIG, "memory")
    except Exception as trouble:  # a stranger's bytes may break xlrd anywhere: the refusal is a value
        return _refusal(trouble, data)
    hidden = frozenset(index for index, state in enumerate(book._sheet_visibility) if state)
    return Book("xls", tuple(book.sheet_names()), _loader(book, limits), hidden)


class _Book(xlrd.book.Book):  # type: ignore[misc]
    """xlrd's book with shared strings read to their end: a wrong count in the file loses nothing."""

    def handle_sst(self, data: bytes) -> None:
        """Take the shared strings (xlrd calls this when it meets their record)."""
        records = [data]
        while (found := self.get_record_parts_conditional(_CONTINUE))[0] is not None:
            records.append(found[2])
        self._sharedstrings = shared_strings(records)
        self._rich_text_runlist_map: dict[int, list[tuple[int, int]]] = {}


def _open(data: bytes) -> Any:
    """What xlrd.open_workbook does, with our book; Excel 2 to 4 have no shared strings and go the plain way."""
    options = {"logfile": io.StringIO(), "formatting_info": True, "on_demand": True, "ragged_rows": True}
    if not data.startswith(OLE2):
        return xlrd.open_workbook(file_contents=data, **options)
    # programs that write the byte order's mark the wrong way round still write the rest as they must
    data = data[:28] + b"\xfe\xff" + data[30:] if data[28:30] == b"\xff\xfe" else data
    book = _Book()
    book.biff2_8_load(file_contents=data, use_mmap=False, **options)
    book.biff_version = book.getbof(_GLOBALS)
    if not book.biff_version or book.biff_version < 50:
        return xlrd.open_workbook(file_contents=data, **options)
    book.parse_globals()
    book._sheet_list = [None] * len(book._sheet_names)
    book.nsheets = len(book._sheet_list)
    return book


def _refusal(trouble: Exception, data: bytes = b"") -> Unreadable:
    text = str(trouble)
    if "encrypted" in text.lower() or "password" in text.lower():
        return Unreadable(UnreadableReason.ENCRYPTED)
    if "Can't find workbook" in text:
        return Unreadable(UnreadableReason.UNKNOWN_KIND, of_compound(data))
    return Unreadable(UnreadableReason.CORRUPT, f"{type(trouble).__name__}: {text}"[:200])


def _loader(book: Any, limits: Limits) -> Callable[[int], Sheet | Unreadable]:
    def load(index: int) -> Sheet | Unreadable:
        try:
            return _sheet(book, book.sheet_by_index(index), limits)
        except TooMuch as too_much:
            return too_much.refusal
        except MemoryError:
            return Unreadable(UnreadableReason.TOO_BIG, "memory")
        except Exception as trouble:  # as above
            return _refusal(trouble)
        finally:
            book.unload_sheet(index)

    return load


def _sheet(book: Any, sheet: Any, limits: Limits) -> Sheet:
    collector = Collector(sheet.name, limits)
    codes = _Codes(book)
    for index in range(sheet.nrows):
        types, values = sheet.row_types(index), sheet.row_values(index)
        styles = sheet._cell_xf_indexes[index]
        cells = [_cell(kind, value, style, codes) for kind, value, style in zip(types, values, styles, strict=False)]
        unformatted = None
        if index < RAW_ROWS:
            unformatted = [
                _raw(kind, value, style, codes)
                for kind, value, style in zip(types[:RAW_COLUMNS], values, styles, strict=False)
            ]
        collector.add(index + 1, cells, unformatted)
    return collector.sheet()


class _Codes(dict[int, str]):
    """Number format code of each cell style, looked up once."""

    def __init__(self, book: Any) -> None:
        super().__init__()
        self.book, self.date1904 = book, bool(book.datemode)

    def __missing__(self, style: int) -> str:
        code = "General"
        styles = self.book.xf_list
        if 0 <= style < len(styles):
            key = styles[style].format_key
            stored = self.book.format_map.get(key)
            # Excel names its own formats by number, in the order of the reader's country.
            builtin = BUILTIN.get(key) if self.book.biff_version >= 50 else None
            code = builtin or (stored.format_str if stored is not None else "General")
        self[style] = code
        return code


def _cell(kind: int, value: Any, style: int, codes: _Codes) -> str:
    if kind == xlrd.XL_CELL_TEXT:
        return str(value)
    if kind in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
        return shown(value, codes[style], codes.date1904)
    return _other(kind, value, 0)


def _raw(kind: int, value: Any, style: int, codes: _Codes) -> str:
    if kind == xlrd.XL_CELL_TEXT:
        return str(value)
    if kind in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
        return raw(value, codes[style], codes.date1904)
    return _other(kind, value, 1)


def _other(kind: int, value: Any, form: int) -> str:
    if kind == xlrd.XL_CELL_BOOLEAN:
        return _BOOLEANS[bool(value)][form]
    if kind == xlrd.XL_CELL_ERROR:
        return "" if form else str(error_text_from_code.get(value, "#N/A"))
    return ""
