"""The campaigns of an account as its people look for them: newest first, by state and words, a page at a time.

In: an open connection, an account, what was asked for, the key of the last row seen. Out: a page of `Line`s with the
figures of their tallies, in two queries however many there are. Pages are cut by key, so the thousandth is as quick as
the first. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from store.states import Status
from store.tables import campaigns, tallies
from store.tallies import MEASURES, status_name
from store.values import CampaignState, Ledger

Key = tuple[int, int]  # created_at, id
GROUPS: dict[str, tuple[CampaignState, ...]] = {
    "all": tuple(state for state in CampaignState if state is not CampaignState.LOADING),
    "waiting": (CampaignState.HELD, CampaignState.SCHEDULED, CampaignState.PAUSED),
    "sending": (CampaignState.SENDING,),
    "over": (CampaignState.FINISHED, CampaignState.STOPPED, CampaignState.REPLACED),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One campaign."""

    id: int
    state: CampaignState
    name: str
    subject: str
    from_name: str
    from_address: str
    created_at: int
    send_at: int
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Page:
    """Some campaigns, and the keys of the pages after and before (None: there is none)."""

    lines: tuple[Line, ...]
    next: Key | None
    previous: Key | None


async def page(
    conn: AsyncConnection,
    account_id: int,
    group: str = "all",
    words: str = "",
    size: int = 20,
    after: Key | None = None,
    before: Key | None = None,
) -> Page:
    """A page of an account's campaigns, newest first: those older than `after`, or the ones just newer than `before`."""
    place, at = tuple_(campaigns.c.created_at, campaigns.c.id), before or after
    wanted = [campaigns.c.account_id == account_id, campaigns.c.state.in_(GROUPS[group])]
    wanted.append(campaigns.c.single.is_(False))
    if words:
        wanted.append(_matching(words))
    if at is not None:
        wanted.append(place > tuple_(*at) if before else place < tuple_(*at))
    order = (
        (campaigns.c.created_at, campaigns.c.id) if before else (campaigns.c.created_at.desc(), campaigns.c.id.desc())
    )
    names = ("id", "state", "name", "subject", "from_name", "from_address", "created_at", "send_at", *_FIGURES)
    query = select(*(campaigns.c[name] for name in names)).where(and_(*wanted)).order_by(*order).limit(size + 1)
    rows = list(await conn.execute(query))
    more, rows = len(rows) > size, rows[:size]
    if before:
        rows.reverse()
    found = await _tallies(conn, [row.id for row in rows])
    lines = tuple(
        Line(
            row.id, CampaignState(row.state), row.name, row.subject, row.from_name, row.from_address, row.created_at,
            row.send_at, _ledger(row, found.get(row.id, {})),
        )
        for row in rows
    )  # fmt: skip
    if not lines:
        return Page((), None, None)
    first, last = (lines[0].created_at, lines[0].id), (lines[-1].created_at, lines[-1].id)
    newer = (more if before else after is not None, first)
    older = (True if before else more, last)
    return Page(lines, older[1] if older[0] else None, newer[1] if newer[0] else None)


_FIGURES = ("lines", "invalid", "duplicate", "suppressed", "recipients")


def _matching(words: str) -> ColumnElement[bool]:
    wanted = words.lower()
    texts = (campaigns.c.name, campaigns.c.subject, campaigns.c.from_address)
    return or_(
        *(func.lower(text).contains(wanted, autoescape=True) for text in texts),
        *(text.contains(words, autoescape=True) for text in texts),  # SQLite lowers no letter with an accent
    )


async def _tallies(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for row in await conn.execute(select(tallies).where(tallies.c.campaign_id.in_(ids))):
        found.setdefault(row.campaign_id, {})[row.name] = row.n
    return found


def _ledger(row: object, counts: dict[str, int]) -> Ledger:
    lines, invalid, duplicate, suppressed, people = (getattr(row, name) for name in _FIGURES)
    statuses = {status: counts.get(status_name(status), 0) for status in Status}
    measures = {name: counts.get(name, 0) for name in MEASURES}
    return Ledger(lines, invalid, duplicate, suppressed, people, statuses, measures)
