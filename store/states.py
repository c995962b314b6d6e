"""The life of a recipient: one table that says what every event does to every status.

In: a status and an event. Out: the status that follows; `WAITING` tells which statuses may still be in the queue.
Pure and total: every pair has an answer (tested exhaustively), so nothing is raised. People's events rank
open < click < unsubscribe < complain, win from any status and commute with all others: a pixel may be stored before the
batched ACCEPTED of the attempt that brought it.
"""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """What a person reads of a recipient (SPEC 7); the numbers are stored and never change."""

    QUEUED = 0
    AWAITING = 1
    DEFERRED = 2
    ERROR = 3
    CANCELLED = 4
    STOPPED = 5
    DELIVERED = 6
    OPENED = 7
    CLICKED = 8
    UNSUBSCRIBED = 9
    COMPLAINED = 10

    @property
    def code(self) -> str:
        """The lower-case word used in JSON, exports and translations."""
        return self.name.lower()


class Event(IntEnum):
    """What can happen to a recipient; the numbers are stored and never change."""

    ACCEPTED = 0  # 2xx to the message
    UNANSWERED = 1  # no connection, time-out, lost reply
    TEMPFAILED = 2  # 4xx
    MAILBOX_TEMPFAILED = 3  # 4.2.1, 4.2.2, or a 4xx that says full
    REFUSED = 4  # 5xx
    EXPIRED = 5  # waited longer than give_up_after
    STOP = 6  # the user stopped the campaign
    REPORT_SOFT = 7  # DSN that may pass
    REPORT_HARD = 8  # DSN for good
    OPEN = 9
    CLICK = 10
    UNSUBSCRIBE = 11
    COMPLAIN = 12
    SUPPRESSED = 13  # nobody may write to the address any more, found just before sending

    @property
    def code(self) -> str:
        """The lower-case word used in JSON and translations."""
        return self.name.lower()


WAITING = frozenset({Status.QUEUED, Status.AWAITING, Status.DEFERRED, Status.ERROR})
PEOPLE = (Status.OPENED, Status.CLICKED, Status.UNSUBSCRIBED, Status.COMPLAINED)
DELIVERED_TAB = frozenset({Status.DELIVERED, *PEOPLE})
CANCELLED_TAB = frozenset({Status.CANCELLED, Status.ERROR})

_ATTEMPTS = {
    Event.ACCEPTED: Status.DELIVERED,
    Event.UNANSWERED: Status.AWAITING,
    Event.TEMPFAILED: Status.DEFERRED,
    Event.MAILBOX_TEMPFAILED: Status.ERROR,
    Event.REFUSED: Status.CANCELLED,
    Event.EXPIRED: Status.CANCELLED,
    Event.STOP: Status.STOPPED,
    Event.SUPPRESSED: Status.CANCELLED,
}
_REPORTS = {Event.REPORT_SOFT: Status.ERROR, Event.REPORT_HARD: Status.CANCELLED}
_PEOPLE = {
    Event.OPEN: Status.OPENED,
    Event.CLICK: Status.CLICKED,
    Event.UNSUBSCRIBE: Status.UNSUBSCRIBED,
    Event.COMPLAIN: Status.COMPLAINED,
}
_WAITING_AND_DELIVERED = WAITING | {Status.DELIVERED}


def after(status: Status, event: Event) -> Status:
    """The status of a recipient in `status` once `event` has happened."""
    if event in _PEOPLE:
        return max(status, _PEOPLE[event]) if status in PEOPLE else _PEOPLE[event]
    if event in _REPORTS:  # a report speaks of a mail that a server took: also of one whose reply we lost
        return _REPORTS[event] if status in _WAITING_AND_DELIVERED else status
    return _ATTEMPTS[event] if status in WAITING else status
