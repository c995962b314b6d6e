"""The example list that comes with an answer: a workbook to fill in, made by openpyxl.

In: a language. Out: a file to attach: a header, two invented people, columns that hold text, so that a telephone number
keeps its zero. Nothing is raised.
"""

from __future__ import annotations

import io
from functools import lru_cache

from gateway.i18n import text
from gateway.sheet import Xlsx
from mail.system import File

_ROWS = (
    ("Email", "Nom", "Prénom", "Téléphone"),
    ("marie.durand@exemple.fr", "Durand", "Marie", "0612345678"),
    ("paul.martin@exemple.fr", "Martin", "Paul", "0698765432"),
)
_WIDTHS = (30, 16, 16, 16)
_FILLED = 200  # lines whose cells are text before anything is typed into them


@lru_cache(maxsize=4)
def example(locale: str) -> File:
    """A small list to start from."""
    # read on first use: every process of a gateway would pay 80 ms for it at its start
    from openpyxl import Workbook
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet = book.active
    assert sheet is not None  # a new workbook has one
    sheet.title = "LISTE"
    for row in _ROWS:
        sheet.append(row)
    for column, width in enumerate(_WIDTHS, 1):
        sheet.column_dimensions[get_column_letter(column)].width = width
        for line in range(1, _FILLED + 1):
            sheet.cell(line, column).number_format = "@"
        head = sheet.cell(1, column)
        head.font, head.fill = Font(bold=True), PatternFill("solid", fgColor="FFE8EEF7")
    sheet.freeze_panes = "A2"
    file = io.BytesIO()
    book.save(file)
    return File(text(locale, "answer.example_name"), Xlsx.media_type, file.getvalue())
