"""Bytes behind DATA: one end, one reading, whatever the chunks."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.smtp.data import MAX_HEADERS, MAX_LINE, DataReader, Flaw, Received, inspect, unstuff

CASES = Path("../shared/cases/hostile/smtp_end_of_data.jsonl")


def read(data: bytes, step: int = 0, limit: int = 1_000_000) -> Received | None:
    reader = DataReader(limit)
    step = step or max(1, len(data))
    for at in range(0, len(data), step):
        if (done := reader.feed(data[at : at + step])) is not None:
            return Received(done.stuffed, done.flaw, done.rest + data[at + step :])
    return None


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 0])
def test_the_end_is_found_however_the_bytes_arrive(step: int) -> None:
    got = read(b"A: b\r\n\r\n..dot\r\n.x\r\n.\r\nQUIT\r\n", step)
    assert got == Received(b"A: b\r\n\r\n..dot\r\n.x\r\n", None, b"QUIT\r\n")
    assert unstuff(got.stuffed) == b"A: b\r\n\r\n.dot\r\nx\r\n"


@pytest.mark.parametrize("step", [1, 2, 0])
def test_an_empty_mail(step: int) -> None:
    assert read(b".\r\n", step) == Received(b"", None, b"")
    assert read(b"..\r\n.\r\n", step) == Received(b"..\r\n", None, b"")
    assert unstuff(b"..\r\n") == b".\r\n"


def smuggling() -> list[dict[str, str]]:
    if not CASES.exists():
        return []
    return [json.loads(line) for line in CASES.read_text().splitlines()]


@pytest.mark.parametrize("step", [1, 2, 3, 0])
def test_no_smuggled_end_is_taken(step: int) -> None:
    if not (cases := smuggling()):
        pytest.skip("the shared cases are not here")
    for case in cases:
        data = b"A: b\r\n\r\nx" + bytes.fromhex(case["sequence_hex"]) + b"MAIL FROM:<a@b.test>\r\n.\r\nQUIT\r\n"
        got = read(data, step)
        assert got is not None
        assert got.rest == b"QUIT\r\n", case["name"]
        if "null" in case["name"]:
            assert inspect(unstuff(got.stuffed)) is Flaw.NUL
        else:
            assert (got.flaw, got.stuffed) == (Flaw.BARE, b""), case["name"]


@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"a", b"\0"]), max_size=30), st.integers(1, 5))
def test_chunks_never_change_the_answer(parts: list[bytes], step: int) -> None:
    data = b"".join(parts)
    assert read(data, step) == read(data + b"", 0)
    whole = read(data + b"\r\n.\r\n")
    assert whole is not None
    if whole.flaw is None:
        assert b"\r" not in whole.stuffed.replace(b"\r\n", b"")
        assert b"\n" not in whole.stuffed.replace(b"\r\n", b"")


def test_too_much_is_dropped_and_the_end_still_found() -> None:
    got = read(b"x" * 5000 + b"\r\n.\r\nNOOP\r\n", 100, limit=1000)
    assert got == Received(b"", Flaw.TOO_BIG, b"NOOP\r\n")


def test_bounds_of_lines_and_heads() -> None:
    assert inspect(b"A: b\r\n\r\n" + b"x" * MAX_LINE + b"\r\n") is None
    assert inspect(b"A: b\r\n\r\n" + b"x" * (MAX_LINE + 10) + b"\r\n") is Flaw.LONG_LINE
    assert inspect(b"A: b\r\n\r\n" + (b"y" * 70_000 + b"\r\n") * 4 + b"x" * (MAX_LINE + 10)) is Flaw.LONG_LINE
    assert inspect(b"A: b\r\n" * (MAX_HEADERS + 1) + b"\r\n") is Flaw.HEADERS
    assert inspect(b"A: b\r\n" + b" folded\r\n" * 2000 + b"\r\n") is None
    assert inspect(b"A: b\r\n" + b" folded " * 40_000) is Flaw.HEADERS
