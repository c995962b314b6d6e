"""Quoted-printable segments: whatever the values, decodable, canonical, short lines, no leading dot."""

import quopri
import re

import pytest
from dkim.canonicalization import Relaxed
from hypothesis import given
from hypothesis import strategies as st

from mail.quoted import Encoder, value

# What breaks encoders: dots and blanks at line ends and starts, "=", long runs, letters beyond ASCII.
_PIECES = [*" .=\tabé😀\n", "x" * 40, "é" * 20, "  ", "=3D", "a b c d e f g h "]
nasty = st.lists(st.sampled_from(_PIECES), max_size=12).map("".join)
texts = st.one_of(
    nasty, st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\x0b\x0c"), max_size=200)
)
slots = st.one_of(texts, st.from_regex(r"[a-z2-7]{30}", fullmatch=True).map(lambda token: (token, len(token))))


@pytest.mark.slow
@given(st.lists(st.tuples(texts, st.one_of(st.none(), slots)), min_size=1, max_size=8))
def test_segments_decode_to_what_was_put_in(pieces: list[tuple[str, object]]) -> None:
    encoder, filled, plain = Encoder(), [], ""
    encoder.raw(b"--b\r\n\r\n")
    for constant, slot in pieces:
        encoder.text(constant)
        plain += constant
        if isinstance(slot, str):
            encoder.slot(len(filled))
            filled.append(value(slot))
            plain += slot
        elif isinstance(slot, tuple):
            encoder.slot(len(filled), slot[1])
            filled.append(slot[0].encode())
            plain += slot[0]
    encoder.raw(b"\r\n--b--\r\n")
    made = encoder.finish()
    wire = b"".join(one for pair in zip(made.constants, [*filled, b""], strict=True) for one in pair)
    flat = b"".join(one for pair in zip(made.canonical, [*filled, b""], strict=True) for one in pair)
    content = wire.removeprefix(b"--b\r\n\r\n").removesuffix(b"\r\n--b--\r\n")
    assert quopri.decodestring(content.replace(b"\r\n", b"\n")).decode() == plain
    assert made.slots == tuple(range(len(filled)))
    assert flat == Relaxed.canonicalize_body(wire)
    assert made.is_canonical == (made.constants == made.canonical)
    assert wire.isascii() and b"\n" not in wire.replace(b"\r\n", b"") and b"\r" not in wire.replace(b"\r\n", b"")
    for line in wire.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith(b".")
        assert not line.endswith((b" ", b"\t"))


@given(texts)
def test_a_value_stands_alone(text: str) -> None:
    coded = value(text)
    assert quopri.decodestring(coded.replace(b"\r\n", b"\n")).decode() == text
    assert coded == b"" or coded.endswith(b"=\r\n")
    assert re.fullmatch(rb"(?:[ -<>-~]|=[0-9A-F]{2}|=?\r\n)*", coded)
