"""Time in which we ourselves stood still is held against nobody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from mta import tending
from mta.lines import Line, Recent
from mta.session import Dialling
from mta.sites import Site
from mta.standstill import Standstill
from mta.values import Unanswered
from mta.ways import Way
from tests.mta.conftest import SILENT, Lane, Server, parcel

Make = Callable[..., Awaitable[Lane]]


class Clock:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def test_short_delays_are_nothing_unusual() -> None:
    clock = Clock()
    still = Standstill(clock, 0.1)
    for _ in range(100):
        clock.at += 0.9
        assert still.turned() == 0
    assert still.seconds == 0


def test_what_is_lost_counts_while_it_lasts_and_once() -> None:
    clock = Clock()
    still = Standstill(clock, 0.1)
    begun = still.mark()
    clock.at += 5.1
    assert still.seconds == pytest.approx(5.0)
    assert still.spoilt(begun)
    assert still.turned() == pytest.approx(5.0)
    assert still.seconds == pytest.approx(5.0)
    assert not still.spoilt(still.mark())


def test_a_wait_is_spoilt_only_when_a_good_part_of_it_was_ours() -> None:
    clock = Clock()
    still = Standstill(clock, 0.1)
    begun = still.mark()
    for _ in range(280):
        clock.at += 0.1
        still.turned()
    clock.at += 2.1
    still.turned()
    assert not still.spoilt(begun), "2 of 30 seconds"


async def stand_still(seconds: float) -> None:
    time.sleep(seconds)  # the very thing: nothing turns


@pytest.mark.slow
async def test_a_connection_that_timed_out_meanwhile_is_no_attempt(server: Server, lane: Make) -> None:
    server.banner = SILENT
    made = await lane(dialling=Dialling("client.test", reply_timeout=1.5, connect_timeout=20.0))
    made.send("a@dest.test")
    await asyncio.sleep(0.3)
    await stand_still(1.6)
    await made.wait()
    assert (made.later, made.outcomes) == (["a@dest.test"], {})


@pytest.mark.slow
async def test_a_server_that_is_silent_while_we_turn_has_its_attempt(server: Server, lane: Make) -> None:
    server.banner = SILENT
    made = await lane(dialling=Dialling("client.test", reply_timeout=1.0, connect_timeout=20.0))
    made.send("a@dest.test")
    outcomes = await made.wait()
    assert isinstance(outcomes["a@dest.test"], Unanswered)


@pytest.mark.slow
async def test_what_came_meanwhile_is_read_before_anybody_is_called_silent(
    lane: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """libuv runs the timers that are due before it reads."""
    made = await lane()
    looks: list[float] = []
    monkeypatch.setattr(made.pool.fleet, "tend", looks.append)
    await asyncio.sleep(0.25)
    await stand_still(1.5)
    awake = made.pool.now()
    await asyncio.sleep(0.5)
    later = [at for at in looks if at >= awake - 0.01]
    assert later and later[0] >= awake + 0.05, "a turn of the loop lies between"


def test_a_few_mails_are_not_put_off_for_long_and_many_are() -> None:
    recent = Recent()
    assert tending._soon(recent.add(500, 0.0)) == 30.0
    lately = 0.0
    for second in range(0, 60, 2):
        lately = recent.add(2_000, float(second))
    assert 300.0 < tending._soon(lately) <= 600.0
    assert tending._soon(recent.add(0, 600.0)) == 30.0, "that was long ago"


def test_an_excuse_moves_what_is_known_of_a_line() -> None:
    line = Line(Way(Site(((10, "mx.test"),), 25)))
    line.waiting.extend([parcel("a@dest.test")])
    line.since = line.moved_at = 10.0
    line.excuse(40.0)
    assert (line.since, line.moved_at) == (50.0, 50.0)
