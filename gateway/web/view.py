"""The values of the report's templates, made from what the store told.

In: a campaign, its ledger, the curve, a page of recipients and the address's query. Out: dictionaries for the templates,
every number still a number (templates write them in the reader's language). Pure; nothing is raised or logged: a query
that makes no sense is read as the default one.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from gateway import i18n
from gateway.figures import stats
from gateway.web import charts
from store.reports import ORDERS, Key, Page, Person, View
from store.states import Status
from store.values import Campaign, CampaignState, Ledger, NewFault

ROWS = 50  # recipients a page
SHOWN_COLUMNS = 6  # columns of LISTE in the table; all of them are in the export
SHOWN_FAULTS = 6
_SEARCH = 100  # characters of a search
# the order of the ring and of the table: from the best to the worst, then what is still open
RING = (
    Status.CLICKED, Status.OPENED, Status.DELIVERED, Status.UNSUBSCRIBED, Status.COMPLAINED, Status.ERROR,
    Status.CANCELLED, Status.STOPPED, Status.DEFERRED, Status.AWAITING, Status.QUEUED,
)  # fmt: skip
MOVING = (CampaignState.SENDING, CampaignState.SCHEDULED, CampaignState.PAUSED, CampaignState.LOADING)


@dataclass(frozen=True, slots=True)
class Query:
    """What the reader asked to see; `url` writes it back."""

    base: str
    lang: str = ""
    tab: str = "all"
    q: str = ""
    sort: str = "line"
    down: bool = False
    after: Key | None = None
    before: Key | None = None

    @property
    def view(self) -> View:
        return View(stats.TABS[self.tab], self.q, self.sort, self.down)

    @property
    def first_page(self) -> bool:
        """True for the page that may be drawn again by itself: the start of the list, in its own order."""
        return self.after is None and self.before is None and not self.q and self.sort == "line"

    def url(self, place: str = "", fragment: str = "#details", **changes: Any) -> str:
        """The address of the same view with changes; a change of what is listed starts at its first page."""
        asked = replace(self, **{"after": None, "before": None, **changes})
        values = {
            "lang": asked.lang,
            "tab": asked.tab if asked.tab != "all" else "",
            "q": asked.q,
            "sort": asked.sort if asked.sort != "line" else "",
            "down": "1" if asked.down else "",
            "after": _pack(asked.after),
            "before": _pack(asked.before),
        }
        text = urlencode({name: value for name, value in values.items() if value})
        return f"{self.base}{place}{'?' if text else ''}{text}{fragment}"


def _pack(key: Key | None) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=") if key is not None else ""


def _unpack(text: str, order: str) -> Key | None:
    try:
        value, recipient = json.loads(base64.urlsafe_b64decode(text[:4000] + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, binascii.Error):
        return None
    kind = str if order == "email" else int
    fits = type(value) is kind and type(recipient) is int and 0 <= recipient < 1 << 62
    return (value, recipient) if fits and (kind is str or abs(value) < 1 << 62) else None


def query(base: str, asked: Mapping[str, str]) -> Query:
    """Read the address's query."""
    tab, sort = asked.get("tab", "all"), asked.get("sort", "line")
    tab, sort = tab if tab in stats.TABS else "all", sort if sort in ORDERS else "line"
    lang = asked.get("lang", "")
    return Query(
        base,
        lang if lang in i18n.LOCALES else "",
        tab,
        " ".join(asked.get("q", "")[:_SEARCH].replace("\0", "").split()),
        sort,
        asked.get("down") == "1",
        _unpack(asked.get("after", ""), sort),
        _unpack(asked.get("before", ""), sort),
    )


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
        "moving": campaign.state in MOVING,
        "may_pause": campaign.state in (CampaignState.SENDING, CampaignState.SCHEDULED),
        "may_stop": campaign.state in (*MOVING, CampaignState.HELD),
    }


def columns(campaign: Campaign) -> list[tuple[int, str]]:
    """The columns of LISTE other than the address: (index, name)."""
    return [(i, name) for i, name in enumerate(campaign.columns) if i != campaign.address_column]


def listing(campaign: Campaign, ledger: Ledger, asked: Query, page: Page) -> dict[str, Any]:
    """The table of recipients."""
    return {
        "campaign": campaign,
        "query": asked,
        "tabs": stats.tabs(ledger),
        "people": page.rows,
        "columns": columns(campaign)[:SHOWN_COLUMNS],
        "page": page,
    }


def line_label(row: NewFault | Person) -> str:
    """A line as people know it: 12, or 12.1."""
    return f"{row.line}.{row.part}" if row.part else str(row.line)
