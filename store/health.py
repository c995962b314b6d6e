"""How the database and the queue are, in few and cheap questions: for the doctor, for metrics, for `top`.

In: an open database or connection, an instant (UTC ms). Out: frozen values. Nothing here counts recipients one by one: what
waits comes from the counters, what is due from one look into an index a campaign. Raises what the database raises.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.engine import Database
from store.jobs import STALE
from store.states import WAITING, Status
from store.tables import accounts, campaigns, notices, recipients, tallies, workers
from store.tables_delivery import pauses
from store.tables_tracking import hits
from store.tallies import status_name
from store.values import CampaignState

_LIVE = (CampaignState.SCHEDULED, CampaignState.SENDING)
_NAMES = {status_name(status): status for status in Status}


@dataclass(frozen=True, slots=True)
class Queue:
    """`campaigns` by state; `recipients` by status, of campaigns that have not ended; `late` is how long the oldest due
    recipient has waited for a sender, in ms; notices are system mails; `leased` is what senders hold."""

    campaigns: Mapping[str, int]
    recipients: Mapping[Status, int]
    late: int
    leased: int
    notices: int
    notices_late: int
    hits: int
    senders: int
    pauses: int

    @property
    def waiting(self) -> int:
        return sum(self.recipients.get(status, 0) for status in WAITING)


async def queue(conn: AsyncConnection, now: int) -> Queue:
    """What waits, what is late, and who works."""
    states = await conn.execute(select(campaigns.c.state, func.count()).group_by(campaigns.c.state))
    going = select(campaigns.c.id).where(campaigns.c.state.in_((*_LIVE, CampaignState.PAUSED, CampaignState.HELD)))
    counted = select(tallies.c.name, func.sum(tallies.c.n)).where(
        tallies.c.campaign_id.in_(going), tallies.c.name.in_(_NAMES)
    )
    statuses = await conn.execute(counted.group_by(tallies.c.name))
    due = select(notices.c.next_attempt_at).where(notices.c.next_attempt_at.is_not(None))
    alive = select(func.count()).where(workers.c.retired_at.is_(None), workers.c.seen_at > now - STALE)
    return Queue(
        {str(state): int(n) for state, n in states},
        {_NAMES[name]: int(n) for name, n in statuses},
        await _late(conn, now),
        int(await conn.scalar(select(func.count()).where(recipients.c.owner.is_not(None))) or 0),
        int(await conn.scalar(select(func.count()).select_from(due.subquery())) or 0),
        max(0, now - int(await conn.scalar(select(func.min(notices.c.next_attempt_at))) or now)),
        int(await conn.scalar(select(func.count()).select_from(hits)) or 0),
        int(await conn.scalar(alive) or 0),
        int(await conn.scalar(select(func.count()).where(pauses.c.until > now, pauses.c.kind == "pause")) or 0),
    )


async def _late(conn: AsyncConnection, now: int) -> int:
    first = (
        select(func.min(recipients.c.next_attempt_at))
        .where(
            recipients.c.campaign_id == campaigns.c.id,
            recipients.c.owner.is_(None),
            recipients.c.next_attempt_at.is_not(None),
        )
        .scalar_subquery()
    )
    live = (
        select(first.label("first"))
        .join(accounts, accounts.c.id == campaigns.c.account_id)
        .where(campaigns.c.state.in_(_LIVE), accounts.c.suspended.is_(False))
        .where(func.coalesce(campaigns.c.paced_until, 0) <= now)
        .subquery()
    )
    return max(0, now - int(await conn.scalar(select(func.min(live.c.first))) or now))


async def version(conn: AsyncConnection) -> str:
    """The name and version of the database."""
    if conn.dialect.name == "sqlite":
        return f"SQLite {await conn.scalar(text('SELECT sqlite_version()'))}"
    return f"PostgreSQL {str(await conn.scalar(text('SHOW server_version'))).split()[0]}"


async def clock(conn: AsyncConnection) -> int | None:
    """The database's own clock (UTC ms); None where it runs on this machine (SQLite)."""
    if conn.dialect.name == "sqlite":
        return None
    return int(await conn.scalar(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")) or 0)


async def patience(database: Database, most: float) -> float:
    """Seconds that a writer waits for its turn; `most` where it did not come by then."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(most), database.write() as conn:
            await conn.execute(text("SELECT 1"))
    except TimeoutError:
        return most
    return time.monotonic() - began


async def damage(conn: AsyncConnection) -> str:
    """What is damaged in a SQLite file, "" when nothing is; PostgreSQL looks after its own (initdb --data-checksums)."""
    if conn.dialect.name != "sqlite":
        return ""
    found = str(await conn.scalar(text("PRAGMA quick_check(1)")))
    return "" if found == "ok" else found
