"""What waits to be sent, by domain and by age, as Postfix's qshape shows it.

In: an open connection, an instant (UTC ms). Out: for the domains with most in the queue, how many recipients wait since
how long; the age of one counts from its first attempt, else from when its campaign was to leave. One pass over what
waits: for people, not for senders. Raises only what the database raises.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import campaigns, recipients
from store.tables_talks import WAITS
from store.values import CampaignState

MINUTES = (5, 15, 30, 60, 120, 240, 480, 1_440, 2_880)  # bounds of the columns; the last one has none
_MINUTE = 60_000
_LATER = -1
_GOING = (CampaignState.SCHEDULED, CampaignState.SENDING, CampaignState.PAUSED)


@dataclass(frozen=True, slots=True)
class Row:
    """The recipients of one domain ("" is all of them): in all, not due yet and never tried, and by age."""

    domain: str
    total: int
    later: int
    ages: tuple[int, ...]


async def shape(conn: AsyncConnection, now: int, domains: int = 30) -> tuple[Row, list[Row]]:
    """All that waits, and the domains with most of it."""
    place = func.instr if conn.dialect.name == "sqlite" else func.strpos
    domain = func.lower(func.substr(recipients.c.address, place(recipients.c.address, "@") + 1)).label("domain")
    bucket = _bucket(now).label("bucket")
    query = (
        select(domain, bucket, func.count().label("n"))
        .select_from(recipients)
        .join(campaigns, campaigns.c.id == recipients.c.campaign_id)
        .where(campaigns.c.state.in_(_GOING), recipients.c.next_attempt_at < WAITS)
        .group_by(domain, bucket)
    )
    found: dict[str, Counter[int]] = {}
    whole: Counter[int] = Counter()
    for row in await conn.execute(query):
        found.setdefault(row.domain, Counter())[row.bucket] += row.n
        whole[row.bucket] += row.n
    fullest = heapq.nsmallest(domains, found.items(), key=lambda one: (-one[1].total(), one[0]))
    return _row("", whole), [_row(*one) for one in fullest]


def _bucket(now: int) -> ColumnElement[int]:
    """The column of a recipient: _LATER, or the place of its age among MINUTES."""
    later = (recipients.c.first_attempt_at.is_(None)) & (campaigns.c.send_at > now)
    since = func.coalesce(recipients.c.first_attempt_at, campaigns.c.send_at)
    steps = [(since > now - minutes * _MINUTE, at) for at, minutes in enumerate(MINUTES)]
    return case((later, _LATER), *steps, else_=len(MINUTES))


def _row(domain: str, counts: Counter[int]) -> Row:
    return Row(domain, counts.total(), counts[_LATER], tuple(counts[at] for at in range(len(MINUTES) + 1)))
