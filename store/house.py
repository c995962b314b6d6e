"""What operators of the gateway look at: all accounts with their figures, and campaigns of all that are held.

In: an open connection. Out: frozen values; a few queries however many there are. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.quotas import DAY
from store.tables import accounts, campaigns
from store.tables_delivery import account_days
from store.tables_users import logins
from store.values import CampaignState


@dataclass(frozen=True, slots=True)
class Owner:
    """An account as an operator sees it; `per_day` None: by the rule of new accounts, 0: no limit."""

    id: int
    name: str
    legal_name: str
    suspended: bool
    per_day: int | None
    pool: str
    users: int
    campaigns: int
    last_at: int | None
    today: int
    transactional_per_hour: int | None  # None: not granted
    single: bool  # its logins may submit single messages to anybody


@dataclass(frozen=True, slots=True)
class Held:
    """A campaign that waits for somebody."""

    id: int
    account: str
    name: str
    subject: str
    recipients: int
    created_at: int
    reasons: tuple[Mapping[str, Any], ...]


async def owners(conn: AsyncConnection, now: int, limit: int = 500) -> list[Owner]:
    """The accounts, by name."""
    counted = select(logins.c.account_id, func.count().label("n")).group_by(logins.c.account_id)
    people = {row.account_id: row.n for row in await conn.execute(counted)}
    sent = {
        row.account_id: row
        for row in await conn.execute(
            select(
                campaigns.c.account_id, func.count().label("n"), func.max(campaigns.c.created_at).label("at")
            ).group_by(campaigns.c.account_id)
        )
    }
    claimed = select(account_days.c.account_id, account_days.c.claimed).where(account_days.c.day == now // DAY)
    today = {row.account_id: row.claimed for row in await conn.execute(claimed)}
    rows = await conn.execute(select(accounts).order_by(accounts.c.name).limit(limit))
    return [
        Owner(
            row.id, row.name, row.legal_name, bool(row.suspended), row.per_day, row.pool, people.get(row.id, 0),
            sent[row.id].n if row.id in sent else 0, sent[row.id].at if row.id in sent else None, today.get(row.id, 0),
            row.transactional_per_hour, bool(row.single),
        )
        for row in rows
    ]  # fmt: skip


async def held(conn: AsyncConnection, limit: int = 100) -> list[Held]:
    """The campaigns that are held, the newest first."""
    names = ("id", "name", "subject", "recipients", "created_at", "held")
    query = select(*(campaigns.c[name] for name in names), accounts.c.name.label("account"))
    query = query.join(accounts, accounts.c.id == campaigns.c.account_id).where(campaigns.c.state == CampaignState.HELD)
    rows = await conn.execute(query.order_by(campaigns.c.id.desc()).limit(limit))
    return [
        Held(row.id, row.account, row.name, row.subject, row.recipients, row.created_at, tuple(orjson.loads(row.held)))
        for row in rows
    ]
