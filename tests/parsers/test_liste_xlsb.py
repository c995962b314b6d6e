"""Binary workbooks, written here record by record: what each kind of cell becomes, and what is refused."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.liste import Liste, Unreadable, UnreadableReason, read, table

_TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def packed(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def record(number: int, body: bytes = b"") -> bytes:
    return packed(number) + packed(len(body)) + body


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text.encode("utf-16-le")) // 2) + text.encode("utf-16-le")


def cell(number: int, column: int, value: bytes, style: int = 0) -> bytes:
    return record(number, struct.pack("<II", column, style) + value)


def row(number: int, *cells: bytes) -> bytes:
    return record(0, struct.pack("<I", number) + bytes(12)) + b"".join(cells)


def relations(*entries: tuple[str, str]) -> str:
    lines = "".join(
        f'<Relationship Id="r{n}" Type="{_TYPE}/{kind}" Target="{to}"/>' for n, (kind, to) in enumerate(entries)
    )
    return f'<Relationships xmlns="x">{lines}</Relationships>'


def workbook(sheets: Sequence[tuple[str, bytes]], strings: Sequence[str] = (), date1904: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("_rels/.rels", relations(("officeDocument", "xl/workbook.bin")))
        parts = [("worksheet", f"worksheets/sheet{n}.bin") for n in range(len(sheets))]
        file.writestr(
            "xl/_rels/workbook.bin.rels",
            relations(*parts, ("sharedStrings", "sharedStrings.bin"), ("styles", "styles.bin")),
        )
        bundles = b"".join(record(156, bytes(8) + wide(f"r{n}") + wide(name)) for n, (name, _) in enumerate(sheets))
        file.writestr("xl/workbook.bin", record(153, struct.pack("<II", int(date1904), 0) + wide("")) + bundles)
        for n, (_, body) in enumerate(sheets):
            file.writestr(f"xl/worksheets/sheet{n}.bin", record(129) + record(145) + body + record(146))
        file.writestr("xl/sharedStrings.bin", b"".join(record(19, b"\0" + wide(text)) for text in strings))
        formats = record(44, struct.pack("<H", 170) + wide("0000000000"))
        styles = b"".join(record(47, struct.pack("<HH", 0, key) + bytes(12)) for key in (0, 14, 170))
        file.writestr("xl/styles.bin", formats + record(617, bytes(4)) + styles + record(618))
    return out.getvalue()


def test_every_kind_of_cell() -> None:
    body = row(0, cell(7, 0, struct.pack("<I", 0)), cell(6, 1, wide("Tél")), cell(62, 2, b"\0" + wide("Né le")))
    body += row(
        2,
        cell(8, 0, wide("a@b.test") + b"\0\0"),
        cell(5, 1, struct.pack("<d", 612345678.0), 2),
        cell(5, 2, struct.pack("<d", 46023.0), 1),
        record(15, struct.pack("<I", 0) + b"\1"),
        cell(3, 4, b"\x2a"),
    )
    data = workbook([("Divers", row(0, cell(6, 0, wide("rien")))), ("LISTE", body)], ["Email"])
    found = read(data)
    assert isinstance(found, Liste)
    assert (found.kind, found.sheet, found.columns[:3]) == ("xlsb", "LISTE", ("Email", "Tél", "Né le"))
    assert (next(iter(found.lines)).number, next(iter(found.lines)).values) == (
        3,
        ("a@b.test", "0612345678", "01/01/2026", "VRAI", "#N/A"),
    )
    assert table(data)[2] == ["a@b.test", "612345678", "2026-01-01", "TRUE"]


def test_packed_numbers_and_the_other_epoch() -> None:
    cells = [
        cell(2, 0, struct.pack("<I", 12345 << 2 | 3)),  # hundredths
        cell(2, 1, struct.pack("<i", -7 << 2 | 2)),
        cell(2, 2, struct.pack("<d", 1.5)[4:]),
        cell(9, 3, struct.pack("<d", 0.0), 1),
    ]
    data = workbook([("x", row(0, *cells))], date1904=True)
    assert table(data) == [["123.45", "-7", "1.5", "00:00:00"]]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (row(0, cell(6, 16_000, wide("loin"))), UnreadableReason.TOO_MANY_COLUMNS),
        (row(0, cell(6, 0, struct.pack("<I", 500) + b"court")), UnreadableReason.CORRUPT),
        (row(0, cell(6, 0, wide("x" * 40_000))), UnreadableReason.CELL_TOO_LONG),
        (packed(6) + packed(20_000_000), UnreadableReason.TOO_BIG),
        (packed(6) + packed(2_000), UnreadableReason.CORRUPT),
    ],
)
def test_what_is_refused(body: bytes, reason: UnreadableReason) -> None:
    found = read(workbook([("x", body)]))
    assert isinstance(found, Unreadable) and found.reason is reason


@given(st.binary(max_size=300))
def test_any_records(body: bytes) -> None:
    assert isinstance(read(workbook([("x", body)], ["a@b.test"]), strict=False), Liste | Unreadable)
