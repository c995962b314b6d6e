"""When a line of mails is worth one more connection."""

from __future__ import annotations

from mta.lines import HOLD, Limits, Line
from mta.sites import Site

SITE = Site(((10, "mx.test"),), 25)
LIMITS = Limits()


def waiting(mails: int) -> Line:
    line = Line(SITE)
    line.waiting.extend([None] * mails)  # type: ignore[list-item]
    return line


def test_a_line_without_connections_dials_at_once() -> None:
    assert waiting(1).wants_connection(0, 0.0, LIMITS)
    assert not waiting(0).wants_connection(0, 0.0, LIMITS)


def test_after_a_refusal_no_more_are_opened_while_others_work() -> None:
    line = waiting(100)
    line.connections, line.proven, line.no_more_until = 1, True, HOLD
    assert not line.wants_connection(0, 1.0, LIMITS)
    assert line.wants_connection(0, HOLD, LIMITS)


def test_once_those_that_worked_are_gone_the_rest_does_not_wait_for_nothing() -> None:
    line = waiting(1)
    line.no_more_until = HOLD
    assert line.wants_connection(0, 1.0, LIMITS)
