"""kill -9 of the web process in the middle of a storm of readers: whatever was answered is on disk and gets judged."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import func, select
from store_helpers import KEYS

from config import keys
from gateway.returns import judging
from parsers.tokens import Keyring, Purpose, sign
from store.engine import Database, now_ms
from store.tables import events

pytestmark = [pytest.mark.crash, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
PEOPLE, LINES = 4_000, 40


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    sys.path.append(str(ROOT / "scripts"))
    spec = importlib.util.spec_from_file_location("bench_tracking", ROOT / "scripts" / "bench_tracking.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def storm(port: int, paths: list[str], answered: set[int], enough: asyncio.Event) -> None:
    """Ask for every path once, over many lines, until the server is gone; note what came back whole."""

    async def reader(first: int) -> None:
        incoming, outgoing = await asyncio.open_connection("127.0.0.1", port)
        try:
            for number in range(first, len(paths), LINES):
                outgoing.write(
                    f"GET {paths[number]} HTTP/1.1\r\nHost: gw\r\nUser-Agent: Thunderbird/128.0\r\n\r\n".encode()
                )
                async with asyncio.timeout(30):
                    head = await incoming.readuntil(b"\r\n\r\n")
                    await incoming.readexactly(43 if head.startswith(b"HTTP/1.1 200") else 0)
                assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 302"))
                answered.add(number)
                if len(answered) == PEOPLE // 4:
                    enough.set()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            outgoing.close()

    await asyncio.gather(*(reader(first) for first in range(LINES)))


async def test_no_answered_hit_is_lost_when_the_web_process_is_killed(bench: ModuleType, tmp_path: Path) -> None:
    keys.create(tmp_path, "gw.test")
    ids = await bench.seeded(tmp_path, PEOPLE)
    ring = Keyring(*keys.load_keyring(tmp_path, "tokens"))
    paths = [
        f"/c/{sign(ring, Purpose.CLICK, one)}" if at % 2 else f"/o/{sign(ring, Purpose.OPEN, one)}.gif"
        for at, one in enumerate(ids)
    ]
    port = bench.free_port()
    web = subprocess.Popen(
        [sys.executable, "-c", bench.SERVE], cwd=ROOT, env={**os.environ, **bench.settings(tmp_path, port)}
    )
    answered: set[int] = set()
    enough = asyncio.Event()
    try:
        while not bench.listening(port):
            assert web.poll() is None
            await asyncio.sleep(0.05)
        asking = asyncio.create_task(storm(port, paths, answered, enough))
        async with asyncio.timeout(60):
            await enough.wait()
        web.send_signal(signal.SIGKILL)
        await asking
    finally:
        web.kill()
        web.wait(10)
    assert PEOPLE // 4 <= len(answered) < PEOPLE
    db = Database.open(f"sqlite+aiosqlite:///{tmp_path / 'm2c.db'}")
    try:
        await judging.turn(db, KEYS, 0, now_ms() + 1)
        async with db.read() as conn:
            known = {row[0] for row in await conn.execute(select(events.c.recipient_id).distinct())}
            count = await conn.scalar(select(func.count()).select_from(events))
    finally:
        await db.close()
    assert {ids[number] for number in answered} <= known
    assert count == len(known)  # and nothing twice
