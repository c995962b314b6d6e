"""The pool of reading processes: which of them are asked again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.reading.readers import Readers, Unread

BOUNCE = b"Return-Path: <>\r\nFrom: a@b.example\r\nSubject: x\r\n\r\nnothing\r\n"


async def ask(readers: Readers, path: Path) -> list[str]:
    return [answer["kind"] async for answer in readers.ask({"do": "return", "path": str(path)}, 100)]


@pytest.mark.slow
async def test_a_process_is_asked_again_whatever_memory_its_starter_had(tmp_path: Path) -> None:
    path = tmp_path / "mail"
    path.write_bytes(b"{}\n" + BOUNCE)
    fat = bytearray(b"x" * 500_000_000)  # getrusage counts the starter's memory as the child's
    readers = Readers(2_000_000_000, 30)
    try:
        kinds = [await ask(readers, path) for _ in range(3)]
        (process, *_others) = [one for one in list(readers._free._queue) if one is not None]  # type: ignore[attr-defined]
        assert process.returncode is None
    finally:
        await readers.close()
    assert kinds[0] and kinds == kinds[:1] * 3
    assert len(fat) == 500_000_000


@pytest.mark.slow
async def test_a_process_that_grew_is_never_asked_again(tmp_path: Path) -> None:
    big, small = tmp_path / "big", tmp_path / "small"
    big.write_bytes(b"{}\n" + BOUNCE + b" " * 210_000_000)
    small.write_bytes(b"{}\n" + BOUNCE)
    readers = Readers(4_000_000_000, 60)
    try:
        assert await ask(readers, big)
        assert list(readers._free._queue) == [None, None]  # type: ignore[attr-defined]
        assert await ask(readers, small)
    finally:
        await readers.close()


async def lines(readers: Readers, path: Path) -> int:
    request = {"do": "explain", "path": str(path), "name": path.name, "domain": "gw.example", "own_domains": []}
    request |= {"public_url": "https://gw.example", "now": 1_790_000_000_000, "zone": "Europe/Paris", "locale": "fr"}
    found = [answer async for answer in readers.ask(request | {"footer_name": "", "footer_address": ""}, 100)]
    return int(found[0]["lines"])


@pytest.mark.slow
async def test_a_process_that_runs_out_of_memory_or_time_is_an_answer(tmp_path: Path) -> None:
    big, small = tmp_path / "big.csv", tmp_path / "small.csv"
    big.write_text("Email;a;b;c\n" + "".join(f"p{n}@d.test;{n};{n + 1};{n + 2}\n" for n in range(1_000_000)))
    small.write_text("Email\na@d.test\n")
    for memory, seconds in ((200_000_000, 120), (2_000_000_000, 1)):
        readers = Readers(memory, seconds)
        try:
            with pytest.raises(Unread):
                await lines(readers, big)
            assert await lines(readers, small) == 1
        finally:
            await readers.close()


def written() -> int:
    """Bytes that the reading processes of this one have written so far."""
    own = [pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
    readers = [pid for pid in own if b"gateway.reading.reader" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return sum(int(Path(f"/proc/{pid}/io").read_text().split()[3]) for pid in readers)


@pytest.mark.slow
async def test_a_long_list_waits_in_its_process_until_its_lines_are_taken(tmp_path: Path) -> None:
    path, count = tmp_path / "list", 60_000
    path.write_bytes(b"{}\nEmail;Nom\n" + b"".join(b"p%d@d.test;Nom%d\n" % (n, n) for n in range(count)))
    readers, taken, early, late = Readers(2_000_000_000, 60), 0, 0, 0
    try:
        async for answer in readers.ask({"do": "list", "path": str(path), "max_lines": count}, 100):
            taken += len(answer.get("lines", ()))
            before = -1
            while not early and taken and written() != before:  # until it waits
                before = written()
                await asyncio.sleep(0.2)
            early = early or max(0, before)
        late = written()
    finally:
        await readers.close()
    assert taken == count
    assert early < late / 2, "no more than some chunks lie with whoever takes them"


@pytest.mark.slow
async def test_a_long_list_is_read_in_little_memory(tmp_path: Path) -> None:
    path, count = tmp_path / "list", 200_000
    path.write_bytes(b"{}\nEmail;Nom\n" + b"".join(b"p%d@d%d.test;N%d\n" % (n, n % 400, n) for n in range(count)))
    readers = Readers(2_000_000_000, 60)
    try:
        request = {"do": "list", "path": str(path), "max_lines": count}
        taken = sum([len(answer.get("lines", ())) async for answer in readers.ask(request, 100)])
        (process, *_others) = [one for one in list(readers._free._queue) if one is not None]  # type: ignore[attr-defined]
        status = Path(f"/proc/{process.pid}/status").read_text()
    finally:
        await readers.close()
    assert taken == count
    peak = int(status.partition("VmHWM:")[2].split()[0])
    assert peak < 150_000, "KB: some 300 bytes a line, beside what an empty process holds"
