"""Damaged files of every kind into every parser: no exception, and what each promises holds.

The examples are the same on every run (see conftest); `make fuzz` looks for new ones.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

BOUNDED = 40  # examples, but for `make fuzz`
_PIECES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [b"\r\n", b"\n\n", b"\0", b"\xff\xff\xff\xff", b'"', b"<", b"&", b"--b\r\n", b"{{", b"=?", b"@", b";"]
    ),
)


def cut(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + piece


def insert(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + piece + data[at:]


def overwrite(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + piece + data[at + len(piece) :]


def remove(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + data[at + 4 * len(piece) :]


def repeat(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + data[at : at + 4 * len(piece)] * 5 + data[at:]


def flip(data: bytes, at: int, piece: bytes) -> bytes:
    return data[:at] + bytes(byte ^ (1 << len(piece) % 8) for byte in data[at : at + 1]) + data[at + 1 :]


EDITS: list[Callable[[bytes, int, bytes], bytes]] = [cut, insert, overwrite, remove, repeat, flip]


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A sound file with a few edits, or any bytes."""
    data = draw(st.sampled_from(seeds)) if draw(st.integers(0, 9)) else draw(st.binary(max_size=400))
    for _ in range(draw(st.integers(1, 6))):
        edit, at = draw(st.sampled_from(EDITS)), draw(st.integers(0, len(data)))
        data = edit(data, at, draw(_PIECES))
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_sound_files_pass(name: str) -> None:
    run, seeds = TARGETS[name]
    for seed in seeds:
        run(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files(name: str) -> None:
    most = settings().max_examples
    bounded = settings(max_examples=min(most, BOUNDED) if most <= 100 else most)
    run, seeds = TARGETS[name]
    bounded(given(damaged(tuple(seeds)))(run))()
