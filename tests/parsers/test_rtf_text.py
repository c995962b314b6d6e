"""Rich Text mails of Outlook without HTML: their words, and a campaign whose list lies in a winmail.dat."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers import mime, tnef
from parsers.rtf_text import text_of
from parsers.submission import split


def plain(rtf: bytes) -> bytes:
    """An uncompressed PidTagRtfCompressed ([MS-OXRTFCP] 2.1.3.1)."""
    return struct.pack("<IIII", len(rtf) + 12, len(rtf), 0x414C454D, 0) + rtf


HEAD = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator Riched20;}{\mmathPr\mwrapIndent1440 x}"


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (rb"Bonjour,\par \par Voici l'\'e9t\'e9.\par", "Bonjour,\n\nVoici l'été.\n"),
        (rb"\u8364? \uc2\u233ab\uc1  fin", "€ é fin\n"),
        (rb"\u-10179?\u-8704? ici", "\U0001f600 ici\n"),
        (rb"a{\b b}\tab c\{d\}", "ab\tc{d}\n"),
        (
            rb'{{\field{\*\fldinst HYPERLINK "https://firm.example/x" }{\fldrslt{\ul notre site}}} !}',
            "notre site <https://firm.example/x> !\n",
        ),
        (
            rb'{\field{\*\fldinst {HYPERLINK "https://firm.example/"}}{\fldrslt https://firm.example/}}.',
            "https://firm.example/.\n",
        ),
        (rb"{\pict\pngblip 89504e47}{\object x}", None),
    ],
)
def test_words(rtf: bytes, text: str | None) -> None:
    assert text_of(plain(HEAD + rtf + b"}")) == text


def test_what_is_no_rtf() -> None:
    assert text_of(plain(b"Bonjour")) is None
    assert text_of(b"") is None


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    found = text_of(plain(HEAD + data))
    assert found is None or found.endswith("\n")


def attribute(level: int, tag: int, content: bytes) -> bytes:
    return struct.pack("<BII", level, tag, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)


def binary(number: int, kind: int, value: bytes) -> bytes:
    return struct.pack("<HHII", kind, number, 1, len(value)) + value + b"\0" * (-len(value) % 4)


def winmail(rtf: bytes, name: str, data: bytes) -> bytes:
    """What Outlook sends to a recipient marked "Rich Text": message, then the file with its long name in Unicode."""
    body = struct.pack("<I", 1) + binary(0x1009, 0x102, plain(rtf))
    long_name = struct.pack("<I", 1) + binary(0x3707, 0x1F, name.encode("utf-16-le") + b"\0\0")
    return (
        struct.pack("<IH", 0x223E9F78, 1)
        + attribute(1, 0x00069003, body)
        + attribute(2, 0x00069002, bytes(14))
        + attribute(2, 0x00018010, b"LISTE~1.TXT\0")
        + attribute(2, 0x0006800F, data)
        + attribute(2, 0x00069005, long_name)
    )


def test_a_campaign_inside_winmail_dat() -> None:
    packed = winmail(HEAD + rb"Bonjour \{\{Nom\}\},\par \'e0 bient\'f4t}", "Liste été.txt", b"x")
    assert [file.filename for file in getattr(tnef.read(packed), "files", ())] == ["Liste été.txt"]
    packed = winmail(HEAD + rb"Bonjour \{\{Nom\}\},\par \'e0 bient\'f4t}", "LISTE.txt", b"Email;Nom\r\na@b.test;A\r\n")
    head = (
        b"From: anne@firm.example\r\nTo: mail@gw.example\r\nSubject: Offre\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\n \r\n--b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n"
        b"Content-Transfer-Encoding: binary\r\n\r\n"
    )
    message = mime.read(head + packed + b"\r\n--b--\r\n")
    assert message.text == "Bonjour {{Nom}},\nà bientôt\n"
    found = split(message)
    assert found.liste is not None and found.liste.data == b"Email;Nom\r\na@b.test;A\r\n"
    assert found.held == ()
