"""Our reader of .xlsx against openpyxl, on workbooks that openpyxl wrote and on other people's."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.liste import table

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "spreadsheets"

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: round(x, 6)),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"], exclude_characters="_"), max_size=20).filter(
        lambda text: not text.startswith(("=", "#"))
    ),
    st.dates(datetime.date(1950, 1, 1), datetime.date(2090, 1, 1)),
)


def said(value: Any) -> str:
    """How `explain` writes a raw cell (SPEC 10)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat()
    return str(value)


def cut(rows: list[list[str]]) -> list[list[str]]:
    """Rows without blanks at their ends, and without blank rows at the end of the table."""
    out = []
    for row in rows:
        while row and row[-1] == "":
            row = row[:-1]
        out.append(row)
    while out and not out[-1]:
        out.pop()
    return out


def oracle(data: bytes, rows: int = 40, columns: int = 16) -> list[list[str]]:
    """The first sheet as openpyxl reads it."""
    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    sheet = book[book.sheetnames[0]]
    return cut([[said(value) for value in row] for row in sheet.iter_rows(1, rows, 1, columns, values_only=True)])


@pytest.mark.slow
@given(st.lists(st.lists(cells, max_size=8), max_size=12))
@settings(max_examples=60, deadline=None)
def test_any_sheet_reads_as_openpyxl_reads_it(rows: list[list[Any]]) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    data = buffer.getvalue()
    assert [[c.strip() for c in r] for r in table(data)] == [[c.strip() for c in r] for r in oracle(data)]


@pytest.mark.slow
def test_other_peoples_workbooks_read_as_openpyxl_reads_them() -> None:
    if not CASES.is_dir():
        pytest.skip("the shared cases are not beside this checkout")
    rows = [json.loads(line) for line in (CASES / "expected.jsonl").read_text().splitlines()]
    names = [row["file"] for row in rows if row["verdict"] == "agree" and row["file"].endswith(".xlsx")]
    compared = same = 0
    for name in names:
        data = (CASES.parent / name).read_bytes()
        if len(data) > 500_000:
            continue
        try:
            expected = oracle(data)
        except Exception:  # openpyxl trips over some files that others read: no oracle there
            continue
        compared += 1
        same += len(expected) == len(cut(table(data)))
    assert compared > 30
    assert same >= compared * 0.9
