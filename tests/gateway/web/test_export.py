"""Downloads: every recipient once, text as text, dates as dates, other people's spreadsheet reader agrees."""

from __future__ import annotations

import csv
import io
import tracemalloc
from datetime import datetime

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web_fixture import Web

from gateway import sheet
from gateway.sheet import Csv, Xlsx
from parsers.tokens import Purpose


def read_back(data: bytes, index: int = 0) -> list[tuple[object, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    return [tuple(row) for row in book.worksheets[index].iter_rows(values_only=True)]


async def test_the_workbook_holds_every_recipient_as_the_list_shows_it(web: Web) -> None:
    await web.reader.get(f"/c/{web.token(Purpose.CLICK)}")
    await web.judged()
    answer = await web.reader.get(f"/r/{web.word}/export.xlsx")
    assert answer.status == 200 and 'filename="Rentree-export.xlsx"' in answer.headers["content-disposition"]
    header, *rows = read_back(answer.body)
    assert header[:6] == ("Ligne", "Statut", "Date", "E-mail", "Nom", "Lien")
    assert [row[3] for row in rows] == ["r2@d.test", "r3@d.test", "r4@d.test"]
    assert rows[0][1] == "Cliqué" and rows[0][4] == "Dupont & fils" and rows[0][header.index("Clics")] == 1
    assert isinstance(rows[0][2], datetime) and isinstance(rows[0][header.index("Cliqué le")], datetime)
    assert rows[1][4] == "=1+1"
    cell = openpyxl.load_workbook(io.BytesIO(answer.body)).worksheets[0]["E3"]
    assert cell.data_type in ("s", "inlineStr"), "a formula stays text"


async def test_a_view_is_exported_as_it_is_filtered(web: Web) -> None:
    await web.reader.get(f"/o/{web.token(Purpose.OPEN, 1)}.gif")
    await web.judged()
    answer = await web.reader.get(f"/r/{web.word}/export.xlsx?tab=engaged&sort=email&down=1&lang=en")
    header, *rows = read_back(answer.body)
    assert header[1] == "Status" and [row[3] for row in rows] == ["r3@d.test"]


async def test_csv_opens_in_excel_and_computes_nothing(web: Web) -> None:
    answer = await web.reader.get(f"/r/{web.word}/export.csv")
    assert answer.body.startswith(b"\xef\xbb\xbf") and answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.body.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert len(rows) == 4 and rows[2][4] == "'=1+1" and rows[1][4] == "Dupont & fils"


async def test_the_lines_that_were_not_sent_are_a_file_too(web: Web) -> None:
    _, *rows = read_back((await web.reader.get(f"/r/{web.word}/lines.xlsx")).body)
    assert rows == [(5, "x@", "Adresse incorrecte", None, None)]
    assert (await web.reader.get(f"/r/{web.word}/lines.pdf")).status == 404


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(max_size=50), min_size=1, max_size=4))
def test_any_text_comes_back_as_text(values: list[str]) -> None:
    book = Xlsx("x")
    data = book.start(["c"] * len(values)) + book.rows([values]) + book.finish()
    rows = read_back(data)[1:]
    got = [value or "" for value in rows[0]] if rows else [""] * len(values)
    assert got == [sheet.clean(value) for value in values]


@settings(deadline=None)
@given(st.text(max_size=30))
def test_no_csv_cell_begins_a_formula(value: str) -> None:
    text = Csv().rows([[value]]).decode()
    (row,) = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    assert not (row and row[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n")))


def test_columns_are_named_as_excel_names_them() -> None:
    assert [sheet.letters(i) for i in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_sheets_follow_one_another_where_one_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "ROWS", 3)
    book = Xlsx("Rentrée: 2026/été [x]")
    data = book.start(["n"]) + book.rows([[i] for i in range(5)]) + book.finish()
    assert [row[0] for i in range(3) for row in read_back(data, i)[1:]] == [0, 1, 2, 3, 4]


def test_memory_stays_flat() -> None:
    book = Xlsx("x")
    book.start(["a", "b"])
    row = ["Société à responsabilité limitée", "06 12 34 56 78"]
    book.rows([row] * 1000)
    tracemalloc.start()
    for _ in range(5):
        book.rows([row] * 1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
