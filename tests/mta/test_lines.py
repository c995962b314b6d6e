"""When a line of mails is worth one more connection."""

from __future__ import annotations

from mta.lines import FEW, HOLD, LONG, Line
from mta.sites import Site
from mta.ways import Way
from tests.mta.conftest import parcel

SITE = Site(((10, "mx.test"),), 25)


def waiting(mails: int) -> Line:
    line = Line(Way(SITE))
    line.waiting.extend(parcel(f"p{n}@dest.test") for n in range(mails))
    return line


def test_a_line_without_connections_dials_at_once() -> None:
    assert waiting(1).wants_connection(0, 0.0)
    assert not waiting(0).wants_connection(0, 0.0)


def test_after_a_refusal_no_more_are_opened_while_others_work() -> None:
    line = waiting(100)
    line.connections, line.proven, line.no_more_until = 1, True, HOLD
    assert not line.wants_connection(0, 1.0)
    assert line.wants_connection(0, HOLD)


def test_once_those_that_worked_are_gone_the_rest_does_not_wait_for_nothing() -> None:
    line = waiting(1)
    line.no_more_until = HOLD
    assert line.wants_connection(0, 1.0)


def test_time_in_which_we_hand_out_nothing_is_no_pace_of_the_site() -> None:
    line = waiting(100)
    for _ in range(20):
        line.answered(0.0)
        line.measure(0.1)
    pace = line.pace
    for _ in range(200):
        line.measure(0.1, held=True)  # the database is locked: nothing commits, so nothing leaves
    assert line.pace == pace
    line.outstanding = 1
    for _ in range(200):
        line.measure(0.1, held=True)  # whoever owes an answer is slow, also then
    assert line.pace < 2.0


def test_a_long_line_of_a_quick_site_gets_some_connections_and_a_short_one_no_more_than_it_needs() -> None:
    for mails, wanted in ((LONG, FEW), (LONG - 1, 1)):
        line = waiting(mails)
        line.proven, line.rate = True, 1_000.0
        line.connections = 1
        while line.wants_connection(0, 1.0):
            line.connections += 1
        assert line.connections == wanted
