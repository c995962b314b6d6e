"""Shared strings of .xls files: cut over records, with formatting, and with a wrong count."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.liste import Liste, read
from parsers.xls_strings import shared_strings

HEAD = b"\x09\0\0\0\x09\0\0\0"


def test_strings_over_records() -> None:
    plain = b"\x03\x00\x00abc"
    wide = b"\x02\x00\x01\xe9\x00\x53\x01"
    rich = b"\x01\x00\x08\x01\x00x\0\0\0\0"
    phonetic = b"\x01\x00\x04\x02\x00\x00\x00y\0\0"
    assert shared_strings([HEAD + plain + wide + rich + phonetic + plain]) == ["abc", "éœ", "x", "y", "abc"]
    # "abc" cut after "a", going on in two bytes a character.
    assert shared_strings([HEAD + plain[:4], b"\x01b\0c\0" + plain]) == ["abc", "abc"]
    assert shared_strings([HEAD + plain + rich[:7], rich[7:] + plain]) == ["abc", "x", "abc"]
    assert shared_strings([]) == []
    assert shared_strings([HEAD + b"\xff\xff\x00ab"]) == ["ab"]


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_records_give_strings(records: list[bytes]) -> None:
    assert all(isinstance(text, str) for text in shared_strings(records))


def test_a_wrong_count_loses_nothing() -> None:
    xlwt = pytest.importorskip("xlwt", reason="xlwt writes the .xls file of this test")
    book = xlwt.Workbook()
    sheet = book.add_sheet("F")
    for number in range(5):
        sheet.write(number, 0, f"a{number}@b.fr")
    out = io.BytesIO()
    book.save(out)
    data = bytearray(out.getvalue())
    table = data.index((5).to_bytes(4, "little") * 2)
    for count in (0, 3, 50):
        data[table + 4 : table + 8] = count.to_bytes(4, "little")
        found = read(bytes(data))
        assert isinstance(found, Liste)
        assert [line.address for line in found.lines] == [f"a{number}@b.fr" for number in range(5)]
