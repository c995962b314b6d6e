"""Workbooks of texts: other people's readers see exactly what went in, as text."""

import io
import json
import re
import zipfile
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sheet import EPOCH, Xlsx
from parsers import liste


def written(rows: list[list[str]], title: str = "LISTE & co") -> bytes:
    book, width = Xlsx(title, [20, 30]), max(len(row) for row in rows)
    rows = [[*row, *[""] * (width - len(row))] for row in rows]
    return book.start(rows[0]) + book.rows(rows[1:]) + book.finish()


def back(rows: list[list[str]]) -> list[list[object]]:
    sheet = openpyxl.load_workbook(io.BytesIO(written(rows))).active
    assert sheet.title == "LISTE & co"
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None}
    assert kinds <= {"s", "inlineStr"}
    return [[cell.value or "" for cell in row] for row in sheet.iter_rows()]


def test_cells_come_back_as_text() -> None:
    rows = [["Nom", "", "  a  "], ["0612345678", "=1+1", "<b>&é😀"], ["25/12/2026", "x" * 32_000, "a\nb"]]
    assert back(rows) == rows
    wide = [[str(at) for at in range(800)]]
    assert back(wide) == wide


def test_dates_keep_their_second() -> None:
    moments = [datetime(2026, 1, 1) + timedelta(seconds=at) for at in range(0, 366 * 86_400, 7_919)]
    book = Xlsx("dates")
    data = book.start(["date"]) + book.rows([[one] for one in moments]) + book.finish()
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        days = re.findall(rb'<c r="A\d+" s="\d"><v>([\d.]+)</v>', file.read("xl/worksheets/sheet1.xml"))
    seconds = [Fraction(day.decode()) * 86_400 for day in days]
    wanted = [int((one - EPOCH).total_seconds()) for one in moments]
    # LibreOffice cuts what is below a second, where it is more than a few microseconds
    assert max(abs(have - want) for have, want in zip(seconds, wanted, strict=True)) < Fraction(1, 1_000_000)


def test_our_own_reader_reads_a_corrected_list_as_it_was() -> None:
    rows = [["Email", "Code"], ["a@b.example", "_x0041_ & _x00e9_"], ["c@d.example", "x_41_"]]
    found = liste.read(written(rows))
    assert isinstance(found, liste.Liste)
    assert [line.values[1] for line in found.lines] == ["_x0041_ & _x00e9_", "x_41_"]


@given(st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_text_can_be_written(rows: list[list[str]]) -> None:
    back(rows)


def test_no_formula_of_the_hostile_ones_lives() -> None:
    cases = Path("../shared/cases/hostile/formula_injection.jsonl")
    if not cases.exists():
        pytest.skip("the shared cases are not here")
    rows = [[json.loads(line)["value"]] for line in cases.read_text().splitlines()]
    assert [row[0] for row in back(rows)] == [row[0] for row in rows]
