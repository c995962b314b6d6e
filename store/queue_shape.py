"""What waits to be sent, by domain and by age, as Postfix's qshape shows it.

In: an open connection, an instant (UTC ms). Out: for the domains with most in the queue, how many recipients wait since
how long; the age of one counts from its first attempt, else from when its campaign was to leave. One pass over what
waits: for people, not for senders. Raises only what the database raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import campaigns, recipients
from store.tables_talks import WAITS
from store.values import CampaignState

MINUTES = (5, 15, 30, 60, 120, 240, 480, 1_440, 2_880)  # bounds of the columns; the last one has none
_MINUTE = 60_000
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
    domain = func.lower(func.substr(recipients.c.address, place(recipients.c.address, "@") + 1))
    [whole] = [_row("", row) for row in await conn.execute(_counts(now))]
    query = _counts(now).add_columns(domain.label("domain")).group_by(domain)
    rows = await conn.execute(query.order_by(func.count().desc(), domain).limit(domains))
    return whole, [_row(row.domain, row) for row in rows]


def _counts(now: int) -> Select[Any]:
    later = (recipients.c.first_attempt_at.is_(None)) & (campaigns.c.send_at > now)
    age = now - func.coalesce(recipients.c.first_attempt_at, campaigns.c.send_at)
    bounds = [0, *(minutes * _MINUTE for minutes in MINUTES)]
    columns = []
    for at, low in enumerate(bounds):
        within = ~later & (age >= low) if low else ~later
        if at + 1 < len(bounds):
            within &= age < bounds[at + 1]
        columns.append(func.coalesce(func.sum(case((within, 1), else_=0)), 0).label(f"age{at}"))
    counted = func.coalesce(func.sum(case((later, 1), else_=0)), 0).label("later")
    return (
        select(func.count().label("total"), counted, *columns)
        .select_from(recipients)
        .join(campaigns, campaigns.c.id == recipients.c.campaign_id)
        .where(campaigns.c.state.in_(_GOING), recipients.c.next_attempt_at < WAITS)
    )


def _row(domain: str, row: Any) -> Row:
    return Row(domain, row.total, row.later, tuple(getattr(row, f"age{at}") for at in range(len(MINUTES) + 1)))
