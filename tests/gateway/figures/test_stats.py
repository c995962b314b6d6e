"""Rates are people over sent and over delivered; robots stand beside; JSON names every status."""

from gateway.figures import stats
from store.states import Status
from store.values import Ledger

LEDGER = Ledger(
    1020, 10, 6, 4, 1000,
    {Status.DELIVERED: 500, Status.OPENED: 250, Status.CLICKED: 100, Status.UNSUBSCRIBED: 8, Status.COMPLAINED: 2,
     Status.CANCELLED: 80, Status.ERROR: 20, Status.DEFERRED: 30, Status.QUEUED: 10},
    {"sent": 990, "opened": 360, "clicked": 108, "unsubscribed": 8, "complained": 2,
     "machine_open": 40, "machine_click": 7},
)  # fmt: skip
NOTHING = Ledger(0, 0, 0, 0, 0, {}, {})


def test_each_rate_has_its_people_and_both_denominators() -> None:
    by_key = {rate.key: rate for rate in stats.rates(LEDGER)}
    assert list(by_key) == ["open", "click", "reactivity", "bounce", "spam", "unsubscribe"]
    assert by_key["open"].over_whole == 360 / 990 and by_key["open"].over_delivered == 360 / 860
    assert by_key["click"].over_whole == 108 / 990 and by_key["click"].machine == 7
    assert by_key["reactivity"].over_whole == 108 / 360
    assert by_key["bounce"].over_whole == 100 / 990
    assert by_key["spam"].over_whole == 2 / 990 and by_key["unsubscribe"].over_whole == 8 / 990


def test_a_rate_over_nothing_is_none() -> None:
    assert all(rate.over_whole is None and rate.over_delivered is None for rate in stats.rates(NOTHING))


def test_tabs_count_as_the_original_did() -> None:
    counts = {tab.key: tab.count for tab in stats.tabs(LEDGER)}
    assert counts == {"all": 1000, "delivered": 860, "cancelled": 100, "engaged": 350}
    assert stats.done(LEDGER) == 1000 - 20 - 30 - 10


def test_the_document_balances_and_names_every_status() -> None:
    document = stats.document("sending", LEDGER)
    statuses = document["statuses"]
    assert isinstance(statuses, dict) and set(statuses) == {status.code for status in Status}
    assert sum(statuses.values()) == document["recipients"] == 1000
    assert document["lines"] == 10 + 6 + 4 + 1000 and document["state"] == "sending"
