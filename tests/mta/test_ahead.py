"""Letters of a quick line are made some at a time, and nothing else changes by that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from mta.lines import Line
from mta.pool import AHEAD, QUICK, SMALL
from mta.ways import Way
from tests.mta.conftest import Lane, parcel

Made = list[int]


def line_of(lane: Lane, made: Made, count: int, rate: float = QUICK, size: int = 100, broken: int = -1) -> Line:
    """A line with so many mails, of two campaigns in turn; `made` gets the number of each when it is rendered."""

    def content(number: int) -> Callable[[], bytes]:
        def render() -> bytes:
            made.append(number)
            if number == broken:
                raise ValueError
            return b"x" * size

        return render

    line = Line(Way(lane.site))
    line.rate, line.proven = rate, True
    line.waiting.extend(parcel(f"p{n}@dest.test", content(n), campaign=n % 2) for n in range(count))
    lane.pool.waiting += count
    return line


def taken(lane: Lane, line: Line) -> list[str]:
    """All that can be taken, in its order."""
    found = []
    while letter := lane.pool.take(line):
        found.append(letter.parcel.recipient.partition("@")[0])
    return found


async def test_each_is_made_once_and_leaves_in_its_order(lane: Callable[..., Awaitable[Lane]]) -> None:
    one, made = await lane(), Made()
    line = line_of(one, made, 9)
    first = one.pool.take(line)
    assert first is not None and first.parcel.recipient == "p0@dest.test"
    assert made == [0, 2, 4, 6] and len(made) == 1 + AHEAD, "of its own campaign"
    assert one.pool.loaded == 100, "what waits is not on its way"
    assert taken(one, line) == [f"p{n}" for n in (2, 4, 6, 1, 3, 5, 7, 8)], "the turn is of as many"
    assert sorted(made) == list(range(9)) and one.pool.waiting == 0 == len(line.waiting)


@pytest.mark.parametrize(("rate", "size"), [(QUICK - 1, 100), (QUICK, SMALL + 1)])
async def test_none_is_made_ahead_on_a_slow_line_or_of_heavy_mails(
    lane: Callable[..., Awaitable[Lane]], rate: float, size: int
) -> None:
    one, made = await lane(), Made()
    assert one.pool.take(line_of(one, made, 9, rate, size)) is not None
    assert made == [0]


async def test_one_that_cannot_be_made_is_told_once_and_holds_nobody(lane: Callable[..., Awaitable[Lane]]) -> None:
    one, made = await lane(), Made()
    line = line_of(one, made, 6, broken=4)
    assert taken(one, line) == ["p0", "p2", "p1", "p3", "p5"]
    assert one.broken == ["p4@dest.test"] and one.pool.waiting == 0 == len(line.waiting)


async def test_what_was_made_and_is_not_wanted_any_more_goes_back_unsent(
    lane: Callable[..., Awaitable[Lane]],
) -> None:
    one, made = await lane(), Made()
    line = line_of(one, made, 6)
    assert one.pool.take(line) is not None and made == [0, 2, 4]
    one.gate.close_campaigns(frozenset({0}))
    assert taken(one, line) == ["p1", "p3", "p5"] and one.unsent == ["p2@dest.test", "p4@dest.test"]
