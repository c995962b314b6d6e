"""The rates of a campaign (SPEC 9), from the figures of its ledger.

In: a `Ledger` (tallies, never a count over recipients). Out: six `Rate`s in the order in which they are shown, each over
the sent, and over the delivered (those that the tab Délivrés counts); hits of machines, and unsure ones, stand beside and
are in neither.
Pure; nothing is raised or logged: a rate over nothing is None.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from store.states import CANCELLED_TAB, DELIVERED_TAB, WAITING, Status
from store.values import Ledger


@dataclass(frozen=True, slots=True)
class Rate:
    """One rate: `count` people of `whole` (sent, or openers for reactivity), the same over `delivered`."""

    key: str
    count: int
    whole: int
    delivered: int
    machine: int = 0
    unsure: int = 0

    @property
    def over_whole(self) -> float | None:
        """The rate that is shown, as a ratio; None over nothing."""
        return self.count / self.whole if self.whole else None

    @property
    def over_delivered(self) -> float | None:
        """The same people over the delivered mails."""
        return self.count / self.delivered if self.delivered else None


def rates(ledger: Ledger) -> tuple[Rate, ...]:
    """Return open, click, reactivity, bounce, spam and unsubscribe."""
    seen = ledger.measures
    sent, delivered = seen.get("sent", 0), _sum(ledger, DELIVERED_TAB)
    opened, clicked = seen.get("opened", 0), seen.get("clicked", 0)
    return (
        Rate("open", opened, sent, delivered, seen.get("machine_open", 0), seen.get("unsure_open", 0)),
        Rate("click", clicked, sent, delivered, seen.get("machine_click", 0), seen.get("unsure_click", 0)),
        Rate("reactivity", clicked, opened, delivered),
        # who was taken out before sending bounced from nowhere
        Rate("bounce", _sum(ledger, CANCELLED_TAB) - seen.get("withdrawn", 0), sent, delivered),
        Rate("spam", seen.get("complained", 0), sent, delivered),
        Rate("unsubscribe", seen.get("unsubscribed", 0), sent, delivered),
    )


@dataclass(frozen=True, slots=True)
class Tab:
    """One filter of the details and how many recipients it holds."""

    key: str
    statuses: frozenset[Status]
    count: int


TABS = {
    "all": frozenset(Status),
    "delivered": DELIVERED_TAB,
    "cancelled": CANCELLED_TAB,
    "engaged": frozenset({Status.OPENED, Status.CLICKED}),
}


def tabs(ledger: Ledger) -> tuple[Tab, ...]:
    """Return the four tabs of SPEC 7 with their counts."""
    return tuple(
        Tab(key, statuses, sum(ledger.statuses.get(status, 0) for status in statuses)) for key, statuses in TABS.items()
    )


def _sum(ledger: Ledger, statuses: Iterable[Status]) -> int:
    return sum(ledger.statuses.get(status, 0) for status in statuses)


def done(ledger: Ledger) -> int:
    """Count the recipients for whom nothing more will be tried."""
    return ledger.recipients - _sum(ledger, WAITING)


def document(state: str, ledger: Ledger) -> dict[str, object]:
    """Return `/r/TOKEN.json`: every status code is there, also when it is 0."""
    return {
        "state": state,
        "lines": ledger.lines,
        "invalid": ledger.invalid,
        "duplicate": ledger.duplicate,
        "suppressed": ledger.suppressed,
        "recipients": ledger.recipients,
        "statuses": {status.code: ledger.statuses.get(status, 0) for status in Status},
        "measures": dict(ledger.measures),
        "rates": {
            rate.key: {
                "count": rate.count,
                "over_sent" if rate.key != "reactivity" else "over_opened": rate.over_whole,
                "over_delivered": rate.over_delivered,
                "machine": rate.machine,
                "unsure": rate.unsure,
            }
            for rate in rates(ledger)
        },
    }
