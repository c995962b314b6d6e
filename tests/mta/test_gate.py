"""The gate closes with the lease, with the campaign, and when too much is in doubt."""

from __future__ import annotations

from mta.gate import FRESH, Gate
from mta.lines import Line
from mta.providers import Terms
from mta.sites import Site
from mta.ways import Way
from tests.mta.conftest import parcel

TERMS = Terms(connections=5)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_gate_follows_the_lease() -> None:
    clock = Clock()
    gate = Gate(100, clock)
    mail = parcel("a@dest.test", campaign=4)
    assert not gate.lets(mail), "never beaten"
    gate.beaten(1, clock.now)
    assert gate.lets(mail)
    clock.now += FRESH
    assert not gate.lets(mail), "others may have taken the row soon"
    gate.beaten(1, clock.now)
    assert gate.lets(mail)
    gate.beaten(2, clock.now)
    assert not gate.lets(mail), "leased by an earlier incarnation"
    gate.beaten(1, clock.now)
    gate.close_campaigns(frozenset({4}))
    assert not gate.lets(mail) and gate.lets(parcel("a@dest.test", campaign=5))
    gate.close_campaigns(frozenset())
    gate.draining = True
    assert not gate.lets(mail)


def test_no_site_takes_more_than_half_and_strangers_leave_a_quarter() -> None:
    gate = Gate(100, Clock())
    assert gate.room(49, proven=True) and not gate.room(50, proven=True)
    gate.used = 75
    assert gate.room(0, proven=True) and not gate.room(0, proven=False)
    gate.used = 100
    assert not gate.room(0, proven=True)


def line(waiting: int) -> Line:
    made = Line(Way(Site(((10, "mx.dest.test"),), 25)), TERMS)
    made.waiting.extend(parcel(f"p{n}@dest.test") for n in range(waiting))
    return made


def test_connections_grow_with_answers_or_with_time() -> None:
    made = line(100)
    assert made.wants_connection(0, 0.0)
    made.dialling = 1
    assert not made.wants_connection(0, 0.0)
    made.dialling, made.connections, made.first_at = 0, 1, 10.0
    assert not made.wants_connection(0, 10.5), "it has answered nothing yet"
    assert made.wants_connection(0, 11.0), "one more for patience: others may get through"
    made.answered(12.0)
    assert made.wants_connection(0, 12.0) and not made.wants_connection(1, 12.0)
    made.connections = 5
    assert not made.wants_connection(0, 60.0)


def test_few_mails_are_not_worth_many_connections() -> None:
    made = line(3)
    made.connections, made.first_at = 1, 1.0
    made.answered(1.0)
    assert not made.wants_connection(0, 1.0)
