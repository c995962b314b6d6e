"""The table of a recipient's life, every pair of it."""

from __future__ import annotations

from itertools import product

import pytest

from store.states import PEOPLE, WAITING, Event, Status, after

ATTEMPTS = (Event.ACCEPTED, Event.UNANSWERED, Event.TEMPFAILED, Event.MAILBOX_TEMPFAILED, Event.REFUSED, Event.EXPIRED)
HUMAN = (Event.OPEN, Event.CLICK, Event.UNSUBSCRIBE, Event.COMPLAIN)


@pytest.mark.parametrize("status", Status)
def test_every_pair_has_an_answer(status: Status) -> None:
    for event in Event:
        assert isinstance(after(status, event), Status), event


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Event.ACCEPTED, Status.DELIVERED),
        (Event.UNANSWERED, Status.AWAITING),
        (Event.TEMPFAILED, Status.DEFERRED),
        (Event.MAILBOX_TEMPFAILED, Status.ERROR),
        (Event.REFUSED, Status.CANCELLED),
        (Event.EXPIRED, Status.CANCELLED),
        (Event.STOP, Status.STOPPED),
        (Event.SUPPRESSED, Status.CANCELLED),
    ],
)
def test_waiting_statuses_move_by_attempts(event: Event, expected: Status) -> None:
    assert {after(status, event) for status in WAITING} == {expected}


@pytest.mark.parametrize("status", [s for s in Status if s not in WAITING])
def test_final_statuses_never_move_by_attempts(status: Status) -> None:
    for event in (*ATTEMPTS, Event.STOP, Event.SUPPRESSED):
        assert after(status, event) is status, event


def test_reports_move_what_a_server_took_and_nothing_a_person_did() -> None:
    assert after(Status.DELIVERED, Event.REPORT_HARD) is Status.CANCELLED
    assert after(Status.DELIVERED, Event.REPORT_SOFT) is Status.ERROR
    for status in (*PEOPLE, Status.STOPPED, Status.CANCELLED):
        assert after(status, Event.REPORT_HARD) is status


@pytest.mark.parametrize("status", Status)
def test_peoples_events_commute_with_all_others(status: Status) -> None:
    for event, person in product(Event, HUMAN):
        assert after(after(status, event), person) is after(after(status, person), event), (event, person)


def test_the_higher_rank_wins() -> None:
    for first, second in product(HUMAN, HUMAN):
        assert after(after(Status.DELIVERED, first), second) == max(
            after(Status.DELIVERED, first), after(Status.DELIVERED, second)
        )


def test_numbers_are_stored_and_never_change() -> None:
    assert [status.value for status in Status] == list(range(11))
    assert [event.value for event in Event] == list(range(14))
