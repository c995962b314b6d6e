"""The values of the report's templates, made from what the store told.

In: a campaign, its ledger and the curve. Out: dictionaries for the templates, every number still a number (templates write
them in the reader's language). Pure; nothing is raised or logged.
"""

from __future__ import annotations

from typing import Any

from gateway.figures import stats
from gateway.web import charts
from store.reports import Person
from store.states import Status
from store.values import Campaign, CampaignState, Ledger, NewFault

SHOWN_FAULTS = 6
# the order of the ring and of the table: from the best to the worst, then what is still open
RING = (
    Status.CLICKED, Status.OPENED, Status.DELIVERED, Status.UNSUBSCRIBED, Status.COMPLAINED, Status.ERROR,
    Status.CANCELLED, Status.STOPPED, Status.DEFERRED, Status.AWAITING, Status.QUEUED,
)  # fmt: skip
MOVING = (CampaignState.SENDING, CampaignState.SCHEDULED, CampaignState.PAUSED, CampaignState.LOADING)


def figures(campaign: Campaign, ledger: Ledger, curve: charts.Curve | None) -> dict[str, Any]:
    """The head, the ledger, the rates, the ring and the curve."""
    done = stats.done(ledger)
    counts = [(status.code, ledger.statuses.get(status, 0)) for status in RING]
    return {
        "campaign": campaign,
        "ledger": ledger,
        "rates": stats.rates(ledger),
        "arcs": charts.ring(counts),
        "counts": counts,
        "curve": curve,
        "done": done,
        "waiting": ledger.recipients - done,
        "share": done / ledger.recipients if ledger.recipients else 0.0,
        "left": ledger.statuses.get(Status.STOPPED, 0) if campaign.state is CampaignState.STOPPED else 0,
        "moving": campaign.state in MOVING,
        "may_pause": campaign.state in (CampaignState.SENDING, CampaignState.SCHEDULED),
        "may_stop": campaign.state in (*MOVING, CampaignState.HELD),
    }


def line_label(row: NewFault | Person) -> str:
    """A line as people know it: 12, or 12.1."""
    return f"{row.line}.{row.part}" if row.part else str(row.line)
