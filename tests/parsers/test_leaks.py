"""A list must never be mailed to its recipients: files that hold one are known."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.leaks import addresses_in

ADDRESSES = [f"client{number}@exemple{number % 3}.fr" for number in range(30)]
TEXT = "\n".join(ADDRESSES).encode()


def xlsx() -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for address in ADDRESSES:
        book.active.append(["Dupont", address])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def xls() -> bytes:
    xlwt = pytest.importorskip("xlwt", reason="xlwt writes the .xls file of this test")
    book = xlwt.Workbook()
    sheet = book.add_sheet("F")
    for number, address in enumerate(ADDRESSES):
        sheet.write(number, 0, address + (" œ" if number % 2 else ""))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return out.getvalue()


def mail(data: bytes) -> bytes:
    head = (
        b"Subject: x\r\nFrom: a@b.fr\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    )
    body = b'Content-Type: application/octet-stream; name="x.bin"\r\nContent-Disposition: attachment\r\n'
    return head + body + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(data) + b"--b--\r\n"


@pytest.mark.parametrize(
    "make",
    [
        lambda: TEXT,
        lambda: TEXT.decode().encode("utf-16"),
        xlsx,
        xls,
        lambda: zipped("x.csv", TEXT),
        lambda: zipped("inner.zip", zipped("x.xlsx", xlsx())),
        lambda: zipped("x.xls", xls()),
        lambda: gzip.compress(TEXT),
        lambda: mail(xlsx()),
        lambda: mail(zipped("x.txt", TEXT)),
        lambda: zipped("x.eml", mail(TEXT)),
    ],
)
def test_a_list_is_found_wherever_it_hides(make: object) -> None:
    data = make()  # type: ignore[operator]
    assert addresses_in(data) == 20
    assert addresses_in(data, 1000) in (30, 31)


def test_a_bomb_counts_as_a_list() -> None:
    data = bytearray(zipped("x.txt", b"\0" * 100))
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = (2_000_000_000).to_bytes(4, "little")
    assert addresses_in(bytes(data)) == 20


def test_harmless_files() -> None:
    assert addresses_in(b"Contact : info@acme.fr, info@acme.fr, INFO@acme.fr") == 1
    assert addresses_in(b"") == 0
    assert addresses_in(b"\x89PNG" + TEXT) == 0
    assert addresses_in(b"@" * 100_000) == 0
    assert addresses_in(b"a@" * 100_000) == 0
    assert addresses_in(b"x" * 2_000_000 + b"@b.fr") == 1


@settings(deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b", b"From: ", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]),
)
def test_any_bytes_give_a_number(data: bytes, magic: bytes) -> None:
    assert 0 <= addresses_in(magic + data) <= 20
