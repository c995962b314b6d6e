"""Leases within the rate that a campaign asks for (Config's Débit): so many messages in any hour, over all senders (SPEC 3).

In: as `store.jobs.lease`. Out: the leased recipients, and for each campaign that has had its part the instant from which
there is more (UTC ms). Tokens are those of store.allowances, taken in the transaction of the lease and only for what was
leased, so counts are exact; every attempt needs one, retries too. LINGER bounds how long senders keep a leased mail of such
a campaign before it goes back, and the hour is made longer by it: whatever leaves late still fits. Raises only what the
database raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import jobs
from store.allowances import conform_by
from store.tables import campaigns
from store.tables_delivery import throttles
from store.values import Job

LINGER = 60  # seconds from a lease to the message itself
_HOUR, _AT_ONCE = 3_600, 20  # seconds; those whose mails may go at once, so that a quick campaign is not leased singly
_SECOND = 1_000_000  # µs
# options are JSON written by ourselves without blanks, where a quotation mark inside a text stands behind a backslash
_ASKED = select(campaigns.c.id, campaigns.c.options).where(
    campaigns.c.id.in_(bindparam("ids", expanding=True)), ~campaigns.c.options.contains('"rate":null')
)


@dataclass(frozen=True, slots=True)
class Leased:
    """What was leased; `again` tells of campaigns whose rate allows no more before an instant (UTC ms)."""

    jobs: list[Job]
    again: Mapping[int, int] = field(default_factory=dict)
    paced: frozenset[int] = frozenset()  # campaigns that have a rate


def spread(per_hour: int) -> tuple[int, int]:
    """The step between two mails (µs) and how many may go at once, so that no hour sees more than `per_hour` of them."""
    burst = max(1, per_hour * _AT_ONCE // _HOUR)
    # of tokens granted in a stretch of LINGER and an hour there are burst + stretch / step - 1 at most
    return -(-(_HOUR + LINGER) * _SECOND // (per_hour - burst + 1)), burst


async def lease(
    conn: AsyncConnection, worker: int, now: int, shares: Mapping[int, int], new_account_per_day: int = 0
) -> Leased:
    """Take due recipients as `jobs.lease` does, of each campaign no more than its rate allows now."""
    rates = await _rates(conn, shares)
    if not rates:
        return Leased(await jobs.lease(conn, worker, now, shares, new_account_per_day))
    known = await _known(conn, sorted(rates))
    allowed = dict(shares)
    for campaign, (step, burst) in rates.items():
        allowed[campaign], _ = conform_by(known[campaign], step, burst, shares[campaign], now * 1_000)
    wanted = {campaign: most for campaign, most in allowed.items() if most}
    leased = await jobs.lease(conn, worker, now, wanted, new_account_per_day) if wanted else []
    again = {}
    for campaign, (step, burst) in rates.items():
        taken = sum(job.campaign_id == campaign for job in leased)
        _, due_at = conform_by(known[campaign], step, burst, taken, now * 1_000)
        if taken:
            await conn.execute(throttles.update().where(throttles.c.key == _key(campaign)).values(due_at=due_at))
        if taken == allowed[campaign] < shares[campaign]:
            again[campaign] = -(-(due_at - (burst - 1) * step) // 1_000)
    return Leased(leased, again, frozenset(rates))


async def _rates(conn: AsyncConnection, ids: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    found = {}
    for row in await conn.execute(_ASKED, {"ids": list(ids)}):
        rate = orjson.loads(row.options).get("rate")
        if rate:
            found[row.id] = spread(int(rate))
    return found


async def _known(conn: AsyncConnection, ids: list[int]) -> dict[int, int]:
    """The arrival times of these campaigns, their rows locked: two senders may ask of a new one at once."""
    keys = {_key(one): one for one in ids}
    module = sqlite if conn.dialect.name == "sqlite" else postgresql
    await conn.execute(
        module.insert(throttles).on_conflict_do_nothing(), [{"key": key, "due_at": 0} for key in sorted(keys)]
    )
    query = select(throttles).where(throttles.c.key.in_(keys)).order_by(throttles.c.key).with_for_update()
    return {keys[row.key]: int(row.due_at) for row in await conn.execute(query)}


def _key(campaign: int) -> str:
    return f"campaign:{campaign}"
