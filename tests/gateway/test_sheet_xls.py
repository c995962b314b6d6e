"""The .xls files are what xlrd and LibreOffice read: every text, number and date, over several sheets and long texts."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
import xlrd
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import sheet_xls
from gateway.sheet import Cell, Csv, Writer, Xlsx
from gateway.sheet_xls import COLUMNS, Xls

AT = datetime(2026, 10, 9, 14, 15, 16)
HEADER = ["Nom", "Tél", "Quand", "N"]
ROWS: list[list[Cell]] = [
    ["=1+1", "0612000000", AT, 7], ["Noël 漢字 😀", "+33", datetime(2026, 3, 29, 2, 30), 0], [None, "", None, -3],
    ['a;"b"\nc', "00012", datetime(1999, 12, 31, 23, 59, 59), 2**31], ["é" * 9_000, "漢" * 9_000, None, 1],
]  # fmt: skip


def written(writer: Writer, rows: list[list[Cell]], header: list[str] = HEADER) -> bytes:
    return writer.start(header) + writer.rows(rows) + writer.finish()


def read(data: bytes) -> list[list[list[object]]]:
    book = xlrd.open_workbook(file_contents=data)
    return [
        [
            [
                xlrd.xldate_as_datetime(cell.value, book.datemode) if cell.ctype == xlrd.XL_CELL_DATE else cell.value
                for cell in sheet.row(i)
            ]
            for i in range(sheet.nrows)
        ]
        for sheet in book.sheets()
    ]


def plain(row: list[Cell]) -> list[object]:
    return ["" if value is None else value for value in row]


def test_everything_comes_back_as_it_was() -> None:
    (sheet,) = read(written(Xls("Rentrée [1]"), ROWS))
    assert sheet[0] == HEADER and sheet[1:] == [plain(row) for row in ROWS]


_texts = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=40)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.one_of(st.none(), st.integers(-(2**40), 2**40), _texts), min_size=3, max_size=3), max_size=30),
       st.integers(0, 9_000))  # fmt: skip
def test_any_table_comes_back(rows: list[list[Cell]], filler: int) -> None:
    rows = [["x" * filler, 1, None], *rows]
    (sheet,) = read(written(Xls("t"), rows, ["a", "b", "c"]))
    while not any(plain(rows[-1])) and rows[-1].count(0) == 0:
        rows.pop()  # where a sheet ends is told by its last cell
    assert sheet[1:] == [plain(row) for row in rows]


def test_sheets_follow_one_another_and_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_xls, "SHEET", 3)
    monkeypatch.setattr(sheet_xls, "MOST", 8)
    rows: list[list[Cell]] = [[f"r{i}"] for i in range(8)]
    found = read(written(Xls("t"), rows, ["a"]))
    assert [len(sheet) for sheet in found] == [4, 4, 3] and [sheet[0] for sheet in found] == [["a"]] * 3
    assert [row[0] for sheet in found for row in sheet[1:]] == [f"r{i}" for i in range(8)]
    with pytest.raises(ValueError, match="8 rows"):
        written(Xls("t"), [*rows, ["more"]], ["a"])
    with pytest.raises(ValueError, match="256"):
        Xls("t").start(["x"] * (COLUMNS + 1))


@pytest.mark.slow
def test_a_large_file_needs_little_memory_and_its_tables_are_chained() -> None:
    writer = Xls("t")
    writer.start(["n", "text"])
    for start in range(0, 120_000, 1_000):
        writer.rows([[i, f"texte numéro {i} " + "y" * 60] for i in range(start, start + 1_000)])
    sizes = []
    with io.BytesIO() as file:
        for piece in writer.pieces():
            sizes.append(len(piece))
            file.write(piece)
        assert file.tell() > 8_000_000 and max(sizes) < 200_000, "more than 109 tables, in small pieces"
        book = xlrd.open_workbook(file_contents=file.getvalue(), on_demand=True)
    assert [book.sheet_by_index(i).nrows for i in range(2)] == [65_536, 120_000 - 65_535 + 1]
    assert book.sheet_by_index(1).cell_value(100, 1).startswith("texte numéro 65634 ")


@pytest.mark.peers
@pytest.mark.slow
def test_libreoffice_opens_all_three_kinds_as_they_are_meant(tmp_path: Path) -> None:
    office = shutil.which("soffice") or shutil.which("libreoffice")
    assert office is not None, "LibreOffice is missing: install Debian's package `libreoffice-calc`"
    for kind, writer in (("xls", Xls("t")), ("xlsx", Xlsx("t")), ("csv", Csv())):
        (tmp_path / f"as_{kind}.{kind}").write_bytes(written(writer, ROWS))

    def convert(into: str, folder: Path, *files: str, read_by: tuple[str, ...] = ()) -> None:
        """One start of the program for all files of a kind: it takes seconds."""
        profile = f"-env:UserInstallation=file://{tmp_path}/profile"
        command = [office, profile, "--headless", *read_by, "--convert-to", into, "--outdir", str(folder), *files]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=300)

    convert("ods", tmp_path, "as_xls.xls", "as_xlsx.xlsx")
    convert("ods", tmp_path, "as_csv.csv", read_by=("--infilter=CSV:59,34,76,1",))
    spoken = "csv:Text - txt - csv (StarCalc):59,34,76,1,,0,false,true,false"
    convert(spoken, tmp_path / "told", "as_xls.ods", "as_xlsx.ods", "as_csv.ods")
    for kind in ("xls", "xlsx", "csv"):
        content = zipfile.ZipFile(tmp_path / f"as_{kind}.ods").read("content.xml")
        assert b"=1+1" in content and b"table:formula" not in content
        if kind != "csv":  # whose dates are read as the reader's country writes them
            assert b'office:date-value="2026-10-09T14:15:16"' in content, "a date, and not a text"
        rows = list(
            csv.reader((tmp_path / "told" / f"as_{kind}.csv").read_text("utf-8").splitlines(True), delimiter=";")
        )
        assert rows[0] == HEADER
        assert rows[1][0] in ("=1+1", "'=1+1") and rows[1][3] == "7"
        if kind != "csv":
            assert rows[1][1] == "0612000000" and rows[4][1] == "00012", "zeros are kept"
            assert rows[2][:2] == ["Noël 漢字 😀", "+33"] and rows[5][0] == "é" * 9_000
