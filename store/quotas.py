"""Quotas: how many recipients an account may write to in a day, exact across senders (SPEC 8).

In: recipients that were just leased, in the transaction of the lease. Out: those within the quota; the others are free again
and wait for the next day (UTC), for which their campaign is marked, so that asking for work costs nothing meanwhile. Only
first attempts count, each once a day however often its lease changes hands; retries are free. Raises only what the
database raises.

The rule (`level`): a new account begins with what the settings give. A day on which at least half of the quota was used,
with under 2 % hard bounces and under 0.1 % complaints, doubles it; a day above either halves it, never below the
beginning; after 30 clean days there is no limit any more. An operator's own figure stands above the rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import case, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import accounts, campaigns, recipients, tallies
from store.tables_delivery import account_days
from store.values import CampaignState, Job

DAY = 86_400_000
NO_LIMIT = 0  # accounts.per_day of an account that an operator freed
HARD, COMPLAINTS = 0.02, 0.001  # ratios from which a day is not clean
CLEAN_DAYS = 30
_GOING = (CampaignState.SENDING, CampaignState.SCHEDULED)


@dataclass(frozen=True, slots=True)
class Day:
    """What an account did on a day."""

    claimed: int
    hard: int = 0
    complaints: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """The quota of an account: recipients a day, how many of them are left today, when the next day begins (UTC ms)."""

    per_day: int
    left: int
    again_at: int


def level(base: int, days: Sequence[Day]) -> int | None:
    """The quota that follows from the days before today, oldest first; None when there is no limit any more."""
    sent: list[Day] = []
    for day in days:  # what comes back on a day without sending speaks of the day before
        if day.claimed or not sent:
            sent.append(day)
        else:
            last = sent[-1]
            sent[-1] = Day(last.claimed, last.hard + day.hard, last.complaints + day.complaints)
    quota, clean = base, 0
    for day in sent:
        if day.hard >= HARD * day.claimed > 0 or day.complaints >= COMPLAINTS * day.claimed > 0:
            quota, clean = max(base, quota // 2), 0
        elif day.claimed * 2 >= quota:
            quota, clean = quota * 2, clean + 1
    return None if clean >= CLEAN_DAYS else quota


async def quota(conn: AsyncConnection, account_id: int, base: int, now: int) -> int | None:
    """How many recipients an account may write to today; None for no limit."""
    own = await conn.scalar(select(accounts.c.per_day).where(accounts.c.id == account_id))
    if own is not None or not base:
        return own or None
    mine = account_days.c.account_id == account_id, account_days.c.day < now // DAY
    query = select(account_days).where(*mine).order_by(account_days.c.day)
    return level(base, [Day(row.claimed, row.hard, row.complaints) for row in await conn.execute(query)])


async def allowance(conn: AsyncConnection, account_id: int, base: int, now: int) -> Allowance | None:
    """What an account may still do today; None when it has no limit."""
    per_day = await quota(conn, account_id, base, now)
    if per_day is None:
        return None
    mine = account_days.c.account_id == account_id, account_days.c.day == now // DAY
    claimed = await conn.scalar(select(account_days.c.claimed).where(*mine)) or 0
    return Allowance(per_day, max(0, per_day - claimed), (now // DAY + 1) * DAY)


async def waiting(conn: AsyncConnection, account_id: int, but: int, until: int) -> int:
    """How many recipients of the account's other campaigns that begin before `until` wait for their first attempt."""
    query = (
        select(func.coalesce(func.sum(tallies.c.n), 0))
        .join(campaigns, campaigns.c.id == tallies.c.campaign_id)
        .where(
            tallies.c.name == "status:0",
            campaigns.c.account_id == account_id,
            campaigns.c.id != but,
            campaigns.c.state.in_(_GOING),
            campaigns.c.send_at < until,
        )
    )
    return int(await conn.scalar(query) or 0)


async def change(conn: AsyncConnection, account_id: int, per_day: int | None) -> None:
    """Give an account a quota of its own: recipients a day, NO_LIMIT, or None for the rule; it holds at once."""
    await conn.execute(update(accounts).where(accounts.c.id == account_id).values(per_day=per_day))
    paced = update(campaigns).where(campaigns.c.account_id == account_id, campaigns.c.paced_until.is_not(None))
    await conn.execute(paced.values(paced_until=None))


# when the campaign of a recipient began
_BEGIN = select(campaigns.c.send_at).where(campaigns.c.id == recipients.c.campaign_id).scalar_subquery()
_CLAIM = text(
    "INSERT INTO account_days (account_id, day, claimed, final, hard, complaints)"
    " VALUES (:account_id, :day, :n, 0, 0, 0)"
    " ON CONFLICT (account_id, day) DO UPDATE SET claimed = account_days.claimed + excluded.claimed RETURNING claimed"
)


async def admit(
    conn: AsyncConnection, jobs: Sequence[Job], owners: Mapping[int, int], base: int, now: int
) -> list[Job]:
    """Claim the quota for leased recipients (`owners`: campaign -> account); returns those that may be sent today."""
    fresh = [job for job in jobs if job.attempts == 0]
    counted = await _counted(conn, [job.id for job in fresh], now // DAY)
    claims: dict[int, list[int]] = {}
    for job in fresh:
        if job.id not in counted:
            claims.setdefault(owners[job.campaign_id], []).append(job.id)
    excess: set[int] = set()
    for account_id, ids in sorted(claims.items()):
        excess.update(await _claim(conn, account_id, ids, base, now))
    if excess:
        await _put_off(conn, {job.campaign_id for job in fresh if job.id in excess}, list(excess), now)
    return [job for job in jobs if job.id not in excess]


async def _counted(conn: AsyncConnection, ids: Sequence[int], day: int) -> set[int]:
    query = select(recipients.c.id).where(_among(conn, ids), recipients.c.claimed_day == day)
    return set((await conn.execute(query)).scalars())


async def _claim(conn: AsyncConnection, account_id: int, ids: Sequence[int], base: int, now: int) -> Sequence[int]:
    """Claim as many as the quota allows; returns those beyond it."""
    day, per_day = now // DAY, await quota(conn, account_id, base, now)
    if per_day is None:
        return ()
    values = {"account_id": account_id, "day": day, "n": len(ids)}
    total: int = (await conn.execute(_CLAIM, values)).scalar_one()
    granted = len(ids) - min(len(ids), max(0, total - per_day))
    if granted < len(ids):
        await conn.execute(_CLAIM, values | {"n": granted - len(ids)})
    if granted:
        counted = update(recipients).where(_among(conn, ids[:granted]))
        # a millisecond later than its campaign began: should its lease be lost, it is found again today
        later = case((recipients.c.next_attempt_at > _BEGIN, recipients.c.next_attempt_at), else_=_BEGIN + 1)
        await conn.execute(counted.values(claimed_day=day, next_attempt_at=later))
    return ids[granted:]


async def _put_off(conn: AsyncConnection, campaign_ids: set[int], ids: Sequence[int], now: int) -> None:
    """Free what is beyond the quota. Recipients that were never leased are due no later than their campaign, by which
    `store.jobs` tells them from retries; a few that were, and came back untried, get the next day themselves."""
    tomorrow = (now // DAY + 1) * DAY
    due = case((recipients.c.next_attempt_at > _BEGIN, tomorrow), else_=recipients.c.next_attempt_at)
    await conn.execute(update(recipients).where(_among(conn, ids)).values(owner=None, next_attempt_at=due))
    paced = update(campaigns).where(campaigns.c.id.in_(campaign_ids))
    await conn.execute(paced.values(paced_until=tomorrow))


def _among(conn: AsyncConnection, ids: Sequence[int]) -> Any:
    """Whether a row is one of these; SQLite gets them as one value (store.bulk says why)."""
    if conn.dialect.name == "sqlite":
        return recipients.c.id.in_(
            text("SELECT value FROM json_each(:among)").bindparams(among=orjson.dumps(list(ids)).decode())
        )
    return recipients.c.id.in_(list(ids))
