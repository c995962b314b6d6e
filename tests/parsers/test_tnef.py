"""winmail.dat: any bytes end in a value, and a mail that carries one shows its files."""

from struct import pack

from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import tnef
from parsers.mime import read
from parsers.rtf import html_of, unpacked

SIGNATURE = pack("<IH", 0x223E9F78, 1)


def attribute(level: int, name: int, data: bytes) -> bytes:
    return pack("<BII", level, 0x60000 | name, len(data)) + data + pack("<H", sum(data) & 0xFFFF)


def stored_rtf(rtf: bytes) -> bytes:
    return pack("<IIII", len(rtf) + 12, len(rtf), 0x414C454D, 0) + rtf


def property_(kind: int, number: int, data: bytes) -> bytes:
    return pack("<HHII", kind, number, 1, len(data)) + data + b"\0" * (-len(data) % 4)


LISTE = SIGNATURE + attribute(2, 0x9002, b"") + attribute(2, 0x8010, b"LISTE.XLS\0") + attribute(2, 0x800F, b"DATA\0")


def test_a_list_inside_winmail_dat_is_found() -> None:
    raw = b'Content-Type: application/ms-tnef; name="winmail.dat"\r\nContent-Transfer-Encoding: binary\r\n\r\n' + LISTE
    got = read(raw)
    assert [(part.filename, part.data, part.disposition) for part in got.attachments] == [
        ("LISTE.XLS", b"DATA\0", "attachment")
    ]


def test_bodies_inside() -> None:
    properties = pack("<I", 2) + property_(0x1F, 0x1000, "Bonjour été\r\n".encode("utf-16-le"))
    opened = tnef.read(SIGNATURE + attribute(1, 0x9003, properties + property_(0x102, 0x1013, b"<p>x</p>")))
    assert opened is not None
    assert (opened.text, opened.html) == ("Bonjour été\n", "<p>x</p>")


def test_html_hidden_in_rtf() -> None:
    html = html_of(
        stored_rtf(
            rb"{\rtf1\ansi\ansicpg1252\fromhtml1{\*\htmltag64 <p>}\'e9t\'e9\htmlrtf\par \htmlrtf0 \u8364?{\*\htmltag </p>}}"
        )
    )
    assert html == "<p>été€</p>"
    assert html_of(stored_rtf(rb"{\rtf1\ansi only rtf}")) is None


def test_compressed_rtf_of_the_specification() -> None:
    # [MS-OXRTFCP] section 4.1: the two published examples.
    first = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert unpacked(first) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    second = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
    assert unpacked(second) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2**32 - 1))
def test_any_bytes_end(data: bytes, count: int) -> None:
    assert tnef.read(SIGNATURE + data) is not None
    body = pack("<I", count) + data
    for level, name in ((1, 0x9003), (2, 0x9005), (2, 0x9002)):
        assert tnef.read(SIGNATURE + attribute(level, name, body)) is not None
    unpacked(pack("<IIII", 0, count, 0x75465A4C, 0) + data)
    html_of(stored_rtf(b"{\\rtf1\\fromhtml1" + data))
    assert tnef.read(data) is None or data.startswith(SIGNATURE[:4])
