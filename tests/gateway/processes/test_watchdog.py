"""Signs of life of a child: as long as they come nothing happens, and when they stop somebody notices."""

from __future__ import annotations

import asyncio
import os

import pytest

from gateway.processes import lifeline, watchdog
from gateway.processes.watchdog import Watchdog

pytestmark = pytest.mark.slow  # the quick ring has no time for them


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "TICK", 0.01)
    monkeypatch.setattr(lifeline, "BEAT", 0.01)


async def noticed(dog: Watchdog, seconds: float) -> bool:
    """Whether the watchdog calls within so many seconds."""
    try:
        await asyncio.wait_for(dog.silent(), seconds)
    except TimeoutError:
        return False
    return True


async def test_who_gives_signs_is_left_alone_and_missed_when_they_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    dog = Watchdog()
    monkeypatch.setenv(lifeline.PULSE, str(dog.given))
    pulse = asyncio.create_task(lifeline.live())
    assert not await noticed(dog, 1.5 * watchdog.BIRTH * watchdog.TICK)
    pulse.cancel()
    assert await noticed(dog, 5)
    dog.started()
    dog.close()


async def test_who_never_begins_is_missed_too() -> None:
    dog = Watchdog()
    assert await noticed(dog, 10)
    dog.started()
    dog.close()


async def test_a_pipe_that_nobody_reads_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    dog = Watchdog()
    monkeypatch.setenv(lifeline.PULSE, str(dog.given))
    os.set_blocking(dog.given, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(dog.given, bytes(65_536))
    pulse = asyncio.create_task(lifeline.live())
    await asyncio.sleep(0.05)
    assert not pulse.done()
    pulse.cancel()
    dog.started()
    dog.close()
