"""A campaign by its recipients' domains, on a page of its own.

In: `GET /r/TOKEN/domains`. Out: the MOST largest domains and all others together: recipients, delivered, opened, clicked, not
delivered, waiting. It reads every recipient, so that it is counted when somebody asks, once for all who do, and two campaigns
at a time; what was counted is shown again for AGE seconds and a hundred times what the counting took. Logs nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from gateway.web import context, report
from gateway.web.pages import page
from store import campaigns, domains
from store.domains import Domain
from store.engine import Database
from store.states import CANCELLED_TAB, DELIVERED_TAB, WAITING
from store.values import Ledger

MOST = 50
AGE = 10.0
_KEPT = 64  # campaigns


@dataclass(slots=True)
class _Counted:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    rows: tuple[Domain, ...] = ()
    until: float = 0.0


class Counts:
    """What was counted last, by campaign."""

    def __init__(self, db: Database, heavy: asyncio.Semaphore) -> None:
        self._db, self._heavy = db, heavy
        self._known: OrderedDict[int, _Counted] = OrderedDict()

    async def of(self, campaign_id: int) -> tuple[Domain, ...]:
        """The largest domains of a campaign; whoever asks meanwhile waits for the same count."""
        counted = self._known.setdefault(campaign_id, _Counted())
        self._known.move_to_end(campaign_id)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        async with counted.turn:
            if time.monotonic() >= counted.until:
                async with self._heavy, self._db.read() as conn:
                    began = time.monotonic()
                    counted.rows = await domains.largest(conn, campaign_id, MOST)
                counted.until = time.monotonic() + max(AGE, 100 * (time.monotonic() - began))
        return counted.rows


async def show(request: Request) -> Response:
    """The page."""
    async with context.of(request).db.read() as conn:
        campaign = await report.find(request, conn)
        ledger = await campaigns.ledger(conn, campaign.id)
    if ledger is None:
        raise HTTPException(404)
    counts: Counts = request.app.state.domains
    rows = await counts.of(campaign.id)
    rest = others(rows, ledger)
    values = report.common(request, campaign) | {"campaign": campaign, "rows": (*rows, rest) if rest else rows}
    return page("domains.html", context.language(request, campaign.locale), **values)


def others(rows: tuple[Domain, ...], ledger: Ledger) -> Domain | None:
    """All the other domains together; None where there are none."""
    if len(rows) < MOST:
        return None

    def left(whole: int, name: str) -> int:
        return max(0, whole - sum(int(getattr(row, name)) for row in rows))

    sums = [
        sum(ledger.statuses.get(status, 0) for status in statuses)
        for statuses in (DELIVERED_TAB, CANCELLED_TAB, WAITING)
    ]
    found = Domain(
        "", left(ledger.recipients, "recipients"), left(sums[0], "delivered"),
        left(ledger.measures.get("opened", 0), "opened"), left(ledger.measures.get("clicked", 0), "clicked"),
        left(sums[1], "failed"), left(sums[2], "waiting"),
    )  # fmt: skip
    return found if found.recipients else None
