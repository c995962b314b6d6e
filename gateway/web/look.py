"""One look at all that a report draws beside the list of people, shared by everybody who reads the same report.

In: an open connection and a campaign; for `Looks`, campaigns' ids and how old a look may be. Out: frozen `Look`s: totals
and counters only, so that a look costs as little for a million recipients as for a hundred. However many pages follow a
campaign, the database is asked once in that time. Raises HTTPException 404 for a campaign that is gone, and what the
database raises.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.exceptions import HTTPException

from gateway.web import charts, halted
from gateway.web.bars import HOUR
from store import actions, anonymous, campaigns, complaints, forecasts, hits, reports
from store.actions import Action
from store.anonymous import Totals
from store.engine import Database
from store.pauses import Pause
from store.states import Event
from store.values import Campaign, CampaignState, Ledger

ACTIONS = 50  # in the history
SERIES = ("delivered", "opened", "clicked")
_KEPT = 64  # campaigns whose last look is remembered
_OVER = (CampaignState.STOPPED, CampaignState.FINISHED, CampaignState.REPLACED)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one moment; `parts` are its drawings by reader, as they are asked for."""

    campaign: Campaign
    ledger: Ledger
    span: tuple[int, int] | None  # the first and the last minute in which anything came (UTC ms)
    axis: charts.Scale | None
    counts: Mapping[str, Mapping[int, int]]  # by step of the axis
    hours: Mapping[str, Mapping[int, int]]  # by hour from the first
    nobodys: Totals
    clicks: Mapping[int, Mapping[str, int]]  # of people who are followed, by link
    uncounted: Mapping[int, tuple[int, int]]  # of nobody in particular, by link
    agents: Sequence[tuple[Event, str, str, str, int]]
    taken: Sequence[complaints.Figures]
    paused: Sequence[Pause]
    ahead: forecasts.Row | None
    suspended: bool  # the account, and the campaign waits for it
    done: Sequence[Action] = ()
    parts: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict, compare=False)

    @property
    def curve(self) -> charts.Curve | None:
        """The running totals, None before anything was delivered."""
        if self.axis is None:
            return None
        return charts.curve(self.axis, [(name, self.counts.get(name, {})) for name in SERIES])

    @property
    def first_hour(self) -> int:
        """When the first hour of `hours` began (UTC ms)."""
        return self.span[0] - self.span[0] % HOUR if self.span is not None else 0

    @property
    def last_hour(self) -> int:
        """The number of the newest hour."""
        return (self.span[1] - self.first_hour) // HOUR if self.span is not None else 0


def is_over(campaign: Campaign) -> bool:
    """Whether a campaign has ended: what still comes is what people do with it."""
    return campaign.state in _OVER


async def read(conn: Any, campaign: Campaign) -> Look:
    """Look at a campaign now."""
    ledger = await campaigns.ledger(conn, campaign.id)
    if ledger is None:
        raise HTTPException(404)
    span = await reports.span(conn, campaign.id)
    axis = None if span is None else charts.scale(*span)
    hours = {} if span is None else await reports.curve(conn, campaign.id, span[0] - span[0] % HOUR, HOUR)
    if axis is None or span is None:
        counts = {}
    elif axis.step % HOUR:
        counts = await reports.curve(conn, campaign.id, axis.start, axis.step)
    else:  # a long campaign has many minutes: they are read once
        counts = charts.coarser(hours, span[0] - span[0] % HOUR, HOUR, axis)
    nobodys, paused = await anonymous.totals(conn, campaign.id), await halted.of(conn, campaign)
    clicks, uncounted = await hits.by_link(conn, campaign.id), await anonymous.counts(conn, campaign.id)
    agents, taken = await hits.by_agent(conn, campaign.id), await complaints.figures(conn, 0, campaign_id=campaign.id)
    suspended = await halted.suspended(conn, campaign)
    ahead = (await forecasts.read(conn, [campaign.id])).get(campaign.id)
    done = await actions.of(conn, campaign.id, ACTIONS)
    return Look(
        campaign, ledger, span, axis, counts, hours, nobodys, clicks, uncounted, agents, taken, paused, ahead,
        suspended, done,
    )  # fmt: skip


@dataclass(slots=True)
class _Entry:
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    look: Look | None = None
    at: float = 0.0


class Looks:
    """The last look at each campaign."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._entries: OrderedDict[int, _Entry] = OrderedDict()

    async def at(self, campaign_id: int, age: float) -> Look:
        """A look that is at most `age` seconds old; whoever comes while one is under way waits for it."""
        entry = self._entry(campaign_id)
        async with entry.turn:
            if entry.look is not None and time.monotonic() - entry.at < age:
                return entry.look
            async with self._db.read() as conn:
                campaign = await campaigns.get(conn, campaign_id)
                if campaign is None:
                    raise HTTPException(404)
                look = await read(conn, campaign)
            entry.look, entry.at = look, time.monotonic()
            return look

    def keep(self, look: Look) -> None:
        """Remember a look that somebody has just taken: nobody is shown an older one after it."""
        entry = self._entry(look.campaign.id)
        entry.look, entry.at = look, time.monotonic()

    def _entry(self, campaign_id: int) -> _Entry:
        entry = self._entries.setdefault(campaign_id, _Entry())
        self._entries.move_to_end(campaign_id)
        while len(self._entries) > _KEPT:
            self._entries.popitem(last=False)
        return entry
