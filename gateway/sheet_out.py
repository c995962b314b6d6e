"""Writing plain .xlsx files: one sheet of texts, as a stream.

In: rows of texts and a file to write to. Out: a workbook (ECMA-376) whose every cell is an inline string, so that no
value of a list can become a formula, a number or a date. Memory stays flat: rows go through a deflater one by one.
Raises OSError when the file cannot be written; values above Excel's 32,767 characters are cut.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import IO
from xml.sax.saxutils import escape

MAX_ROWS = 1_048_576
_CELL = 32_767
_BATCH = 500
# XML 1.0 has no way to write these, not even escaped
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")  # what Excel would read as an escape (ECMA-376 part 1, 22.9.2.19)
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TYPES = (
    f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
_RELATIONS = (
    f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
_BOOK_RELATIONS = (
    f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
)


def write(file: IO[bytes], title: str, rows: Iterable[Sequence[str]], widths: Sequence[int] = ()) -> int:
    """Write one sheet and return how many rows it got; rows beyond Excel's last are left out."""
    count = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as book:
        book.writestr("[Content_Types].xml", _TYPES)
        book.writestr("_rels/.rels", _RELATIONS)
        book.writestr("xl/_rels/workbook.xml.rels", _BOOK_RELATIONS)
        name = escape(title[:31], {'"': "&quot;"})
        book.writestr(
            "xl/workbook.xml",
            f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
            f'<sheets><sheet name="{name}" sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}">{_columns(widths)}<sheetData>'.encode())
            batch: list[str] = []
            for row in rows:
                if count == MAX_ROWS:
                    break
                count += 1
                batch.append(_row(count, row))
                if len(batch) == _BATCH:
                    sheet.write("".join(batch).encode())
                    batch.clear()
            sheet.write(("".join(batch) + "</sheetData></worksheet>").encode())
    return count


def _columns(widths: Sequence[int]) -> str:
    cells = "".join(
        f'<col min="{at}" max="{at}" width="{width}" customWidth="1"/>' for at, width in enumerate(widths, 1)
    )
    return f"<cols>{cells}</cols>" if cells else ""


def _row(number: int, row: Sequence[str]) -> str:
    cells = [
        f'<c r="{_letters(at)}{number}" t="inlineStr"><is><t xml:space="preserve">{_clean(value)}</t></is></c>'
        for at, value in enumerate(row)
        if value
    ]
    return f'<row r="{number}">{"".join(cells)}</row>'


def _clean(value: str) -> str:
    # cut before escaping: an entity must stay whole
    return (
        value
        if value.isalnum() and len(value) < _CELL
        else escape(_ESCAPED.sub("_x005F_", _FORBIDDEN.sub("", value[:_CELL])))
    )


@lru_cache(maxsize=20_000)
def _letters(at: int) -> str:
    """The name of column `at` (from 0): A, B … Z, AA."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(65 + rest) + name
    return name
