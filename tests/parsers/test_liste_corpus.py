"""Real sheets and texts of other projects: what is read, what is refused, nothing that breaks."""

from __future__ import annotations

import json
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from parsers.book import open_book
from parsers.liste import Liste, Unreadable, UnreadableReason, read, table
from parsers.liste_text import decode
from parsers.sheet import Limits, Sheet

CASES = Path(__file__).parents[3] / "shared" / "cases"
# As the product shows a table: nothing right of column 16 matters.
WIDE = Limits(columns=16_384, cell=1 << 20)
SLOWEST_SECONDS = 20.0


def expected(name: str) -> list[dict[str, Any]]:
    path = CASES / name
    if not path.exists():
        pytest.skip("the folder ../shared/cases is not beside this checkout")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@cache
def first_sheet(file: str) -> Sheet | Unreadable:
    book = open_book((CASES / file).read_bytes(), WIDE)
    if isinstance(book, Unreadable):
        return book
    return book.load(0) if book.names else Unreadable(UnreadableReason.EMPTY)


def same(found: str, wanted: str) -> bool:
    if found == wanted or (wanted in ("", "#N/A") and found in ("", "#N/A")):
        return True
    if "…[" in wanted:
        return found.startswith(wanted.partition("…[")[0])
    try:
        return abs(float(found) - float(wanted)) <= 1e-9 * max(abs(float(found)), abs(float(wanted)))
    except ValueError:
        return False


def like(sheet: Sheet | Unreadable, grid: list[list[str]]) -> bool:
    """Whether a sheet shows a grid; trailing blanks do not count."""
    if isinstance(sheet, Unreadable):
        return False
    rows = [list(row) for row in sheet.raw]
    height = max(len(rows), len(grid))
    for number in range(height):
        found = rows[number] if number < len(rows) else []
        wanted = grid[number] if number < len(grid) else []
        for column in range(max(len(found), len(wanted))):
            left = found[column] if column < len(found) else ""
            right = wanted[column] if column < len(wanted) else ""
            if not same(left, right):
                return False
    return True


def kind(case: dict[str, Any]) -> str:
    return Path(case["file"]).suffix.lower()


@pytest.mark.parametrize("step", [10, pytest.param(1, marks=pytest.mark.slow)])
def test_sheets_that_two_readers_agree_on(step: int) -> None:
    cases = [case for case in expected("spreadsheets/expected.jsonl") if case["verdict"] == "agree"][::step]
    missed = [case["file"] for case in cases if not like(first_sheet(case["file"]), case["grid"])]
    assert len(missed) <= len(cases) // 100, missed


@pytest.mark.slow
def test_sheets_that_one_reader_reads() -> None:
    cases = [case for case in expected("spreadsheets/expected.jsonl") if case["verdict"] == "one-reader"]
    missed = Counter(kind(case) for case in cases if not like(first_sheet(case["file"]), case["grid"]))
    total = Counter(kind(case) for case in cases)
    assert missed.total() <= total.total() // 5, (missed, total)


def test_passwords_are_said() -> None:
    cases = [case for case in expected("spreadsheets/expected.jsonl") if case["verdict"] == "encrypted"]
    answers = {case["file"]: first_sheet(case["file"]) for case in cases}
    assert {file for file, found in answers.items() if found != Unreadable(UnreadableReason.ENCRYPTED)} == set()


@pytest.mark.parametrize("step", [10, pytest.param(1, marks=pytest.mark.slow)])
def test_nothing_breaks_or_hangs(step: int) -> None:
    for case in expected("spreadsheets/expected.jsonl")[::step]:
        data = (CASES / case["file"]).read_bytes()
        begun = time.process_time()
        assert isinstance(read(data), Liste | Unreadable), case["file"]
        assert isinstance(table(data), list)
        assert time.process_time() - begun < SLOWEST_SECONDS, case["file"]


def test_what_nobody_can_read_is_refused() -> None:
    cases = [
        case
        for case in expected("spreadsheets/expected.jsonl")
        if case["verdict"] in ("unreadable", "dangerous") and case["container"] != "other"
    ]
    read_all_the_same = [
        case["file"] for case in cases if not isinstance(read((CASES / case["file"]).read_bytes()), Unreadable)
    ]
    assert read_all_the_same == []


def test_xml_bombs_inside_sheets_are_refused() -> None:
    for case in expected("hostile/see_also.jsonl"):
        if "XML entity bomb" in case["why"] and case["file"].startswith("spreadsheets/"):
            assert isinstance(read((CASES / case["file"]).read_bytes()), Unreadable), case["file"]
    for path in sorted((CASES / "hostile" / "xml").iterdir()):
        assert isinstance(read(path.read_bytes()), Liste | Unreadable)


@pytest.mark.parametrize("name", ["spreadsheets/expected_text.jsonl", "textenc/expected.jsonl"])
def test_texts_are_decoded_as_stated(name: str) -> None:
    cases = [case for case in expected(name) if case.get("stated_encoding")]
    wrong = []
    for case in cases:
        text = decode((CASES / case["file"]).read_bytes()).lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        head = case["head"].partition("…[")[0].lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        if not text.startswith(head[:250]):
            wrong.append(case["file"])
    assert len(wrong) <= len(cases) // 10, wrong


def test_text_sheets_are_read() -> None:
    for case in expected("spreadsheets/expected_text.jsonl"):
        found = read((CASES / case["file"]).read_bytes(), strict=False)
        assert isinstance(found, Liste), case["file"]
