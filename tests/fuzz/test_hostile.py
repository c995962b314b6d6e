"""Small files that try to cost much, through the real reading process: each gets an answer within 300 MB of memory.

Processor time is bounded by the limit given to the process: one that needed more would be killed, and the test fail.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from gateway.reading.readers import Readers
from tests.fuzz import seeds
from tests.fuzz.targets import REQUEST

MEMORY_KB = 300 * 1024
CASES = Path(__file__).parents[3] / "shared" / "cases"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def deflated(*files: tuple[str, bytes | str]) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def related(kind: str, target: str) -> str:
    return f'<Relationships xmlns="x"><Relationship Id="r0" Type="{_REL}/{kind}" Target="{target}"/></Relationships>'


def workbook(sheet: str, *more: tuple[str, str]) -> bytes:
    return deflated(
        ("_rels/.rels", related("officeDocument", "xl/workbook.xml")),
        ("xl/_rels/workbook.xml.rels", related("worksheet", "s.xml")),
        ("xl/workbook.xml", '<workbook xmlns:r="r"><sheets><sheet name="LISTE" r:id="r0"/></sheets></workbook>'),
        ("xl/s.xml", sheet),
        *more,
    )


def cell(reference: str, text: str) -> str:
    row = reference.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    inner = f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'
    return f'<worksheet><sheetData><row r="{row}">{inner}</row></sheetData></worksheet>'


def document(rows: str) -> bytes:
    content = (
        '<o:document-content xmlns:o="o" xmlns:table="t" xmlns:text="x"><o:body><o:spreadsheet>'
        f'<table:table table:name="LISTE">{rows}</table:table></o:spreadsheet></o:body></o:document-content>'
    )
    return deflated(("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", content))


def repeated(rows: int, columns: int, text: str) -> bytes:
    inside = f'<table:table-cell table:number-columns-repeated="{columns}">{text}</table:table-cell>'
    return document(f'<table:table-row table:number-rows-repeated="{rows}">{inside}</table:table-row>')


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
THEFT = '<!DOCTYPE x [<!ENTITY i SYSTEM "file:///etc/passwd">]>'
CYCLE = '<!DOCTYPE x [<!ENTITY i "&j;"><!ENTITY j "&i;">]>'
HEAD = b"From: a@b.test\r\nSubject: x\r\n"

FILES: dict[str, Callable[[], bytes]] = {
    "far cell": lambda: workbook(cell("XFD1048576", "a@b.test")),
    "far row": lambda: workbook(cell("A1048576", "a@b.test")),
    "unpacks to 500 MB": lambda: workbook("<worksheet>" + " " * 500_000_000),
    "laughs": lambda: workbook(LAUGHS + cell("A1", "&i;")),
    "theft": lambda: workbook(THEFT + cell("A1", "&i;")),
    "cycle": lambda: workbook(CYCLE + cell("A1", "&i;")),
    "laughing SpreadsheetML": lambda: (
        f'<?xml version="1.0"?>{LAUGHS}<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">&i;</Workbook>'.encode()
    ),
    "deep XML": lambda: workbook("<a>" * 60_000 + "</a>" * 60_000),
    "one huge string": lambda: workbook(
        cell("A1", "x"), ("xl/sharedStrings.xml", f"<sst><si><t>{'a' * 900_000}</t></si></sst>")
    ),
    "endless format": lambda: workbook(
        '<worksheet><sheetData><row><c s="0"><v>1</v></c></row></sheetData></worksheet>',
        (
            "xl/styles.xml",
            f"<s><numFmt numFmtId='170' formatCode='{'0,' * 90_000}'/><cellXfs><xf numFmtId='170'/></cellXfs></s>",
        ),
    ),
    "many entries": lambda: deflated(*((f"f{n}", "") for n in range(20_000))),
    "zip in zip in zip": lambda: deflated(("LISTE.zip", deflated(("LISTE.zip", deflated(("LISTE.csv", "a@b.test")))))),
    "repeated cells": lambda: repeated(1_048_576, 400, "<text:p>a@b.test</text:p>"),
    "repeated columns": lambda: repeated(1, 1_000_000_000, "<text:p>a@b.test</text:p>"),
    "repeated blanks": lambda: document(
        '<table:table-row table:number-rows-repeated="1048575"><table:table-cell table:number-columns-repeated="16384"/>'
        "</table:table-row>" * 20
    ),
    "binary record of 4 GB": lambda: seeds.xlsb().replace(b"\x06\x1c", b"\x06\xff\xff\xff\x7f"),
    "spans": lambda: ("<table><tr>" + "<td rowspan=65000 colspan=65000>a@b.test</td>" * 2_000 + "</table>").encode(),
    "unclosed tags": lambda: ("<html><table>" + "<" * 300_000 + "<!--" * 100_000).encode(),
    "stray quotes": lambda: b'"a;b\n' * 50_000,
    "one endless line": lambda: b"a@b.test;" * 2_000_000,
    "signs": lambda: b"@" * 2_000_000 + b"\n" + b"<" * 2_000_000,
    "deep MIME": lambda: HEAD + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(10_000)
    ),
    "10,000 parts": lambda: HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 10_000,
    "a million delimiters": lambda: HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 1_000_000,
    "mails in mails": lambda: HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
    "a header of 20 MB": lambda: HEAD + b"X-A: " + b"a" * 20_000_000 + b"\r\n\r\nx",
    "300,000 headers": lambda: HEAD + b"X-A: b\r\n" * 300_000 + b"\r\nx",
    "encoded words": lambda: HEAD + b"To: " + b"=?utf-8?q?a?= " * 500_000 + b"\r\n\r\nx",
    "parentheses": lambda: b"From: " + b"(" * 500_000 + b"a@b.test\r\nSubject: x\r\n\r\nx",
    "padded base64": lambda: HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"YQ==" * 2_000_000,
    "soft lines": lambda: HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"a \r\n" * 2_000_000,
    "open tags": lambda: HEAD + b"\r\n" + b"{{" * 1_000_000,
    "TNEF of a billion values": lambda: b"\x78\x9f\x3e\x22\1\0" + seeds.attribute(
        1, 0x00069003, b"\xff\xff\xff\xff" + b"\x1e\x10\x01\x30\xff\xff\xff\x3f" * 500
    ),
    "TNEF of 100,000 files": lambda: b"\x78\x9f\x3e\x22\1\0" + seeds.attribute(2, 0x00069002, b"") * 100_000,
}  # fmt: skip


def peaks(readers: Readers) -> list[int]:
    """The most memory (KB) of each living process since the last call; one that was given up counts as too much."""
    found = []
    for one in list(readers._free._queue):  # type: ignore[attr-defined]
        if one is not None:
            lines = Path(f"/proc/{one.pid}/status").read_text().splitlines()
            found.append(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")))
            Path(f"/proc/{one.pid}/clear_refs").write_text("5")  # proc(5): begin the peak anew
    return found or [MEMORY_KB + 1]


async def read(readers: Readers, path: Path) -> dict[str, Any]:
    request = REQUEST | {"do": "explain", "path": str(path), "name": path.name}
    found = [answer async for answer in readers.ask(request, path.stat().st_size)]
    assert len(found) == 1
    return found[0]


@pytest.mark.slow
async def test_each_is_answered_within_bounds(tmp_path: Path) -> None:
    path = tmp_path / "LISTE.bin"
    readers = Readers(2_000_000_000, 10)
    try:
        for name, make in FILES.items():
            path.write_bytes(make())
            found = await read(readers, path)
            assert found["kind"] in ("refused", "list", "mail"), (name, found)
            assert all(used <= MEMORY_KB for used in peaks(readers)), name
    finally:
        await readers.close()


@pytest.mark.slow
async def test_other_peoples_hostile_files_are_answered_too() -> None:
    if not CASES.exists():
        pytest.skip("the folder ../shared/cases is not beside this checkout")
    files = [
        *(CASES / "hostile").rglob("*.*"),
        *(CASES / "tnef").rglob("*oom*"),
        *(CASES / "spreadsheets").rglob("*oom*"),
    ]
    files += [*(CASES / "spreadsheets").rglob("*bomb*"), *(CASES / "spreadsheets").rglob("*clusterfuzz*")]
    readers = Readers(2_000_000_000, 10)
    try:
        for path in files:
            if path.is_file():
                assert (await read(readers, path))["kind"] != "failed", path
        assert all(used <= MEMORY_KB for used in peaks(readers))
    finally:
        await readers.close()
