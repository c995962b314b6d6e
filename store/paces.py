"""Leases within the rate that a campaign asks for (Config's Débit), and within what an account was granted of transactional
mail: so many messages in any hour, over all senders (SPEC 3).

In: as `store.jobs.lease`. Out: the leased recipients, and for each campaign that has had its part the instant from which
there is more (UTC ms). Tokens are those of store.allowances, taken in the transaction of the lease and only for what was
leased, so counts are exact; every attempt needs one, retries too. LINGER bounds how long senders keep a leased mail of such
a campaign before it goes back, and the hour is made longer by it: whatever leaves late still fits. Raises only what the
database raises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from sqlalchemy import bindparam, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store import jobs
from store.allowances import conform_by
from store.engine import Database
from store.tables import accounts, campaigns
from store.tables_delivery import throttles
from store.values import Job

LINGER = 60  # seconds from a lease to the message itself
_HOUR = 3_600  # seconds
CAMPAIGN, MESSAGES = 20, 900  # seconds whose mails may go at once: not leased singly; awaited by somebody
_SECOND = 1_000_000  # µs
# options are JSON written by ourselves without blanks, where a quotation mark inside a text stands behind a backslash
_ASKED = (
    select(campaigns.c.id, campaigns.c.account_id, campaigns.c.options, accounts.c.transactional_per_hour)
    .join(accounts, accounts.c.id == campaigns.c.account_id)
    .where(
        campaigns.c.id.in_(bindparam("ids", expanding=True)),
        or_(~campaigns.c.options.contains('"rate":null'), campaigns.c.options.contains('"type":"transactional"')),
    )
)


@dataclass(frozen=True, slots=True)
class Rate:
    """One bound: the key of its tokens, the step between two of them (µs), and how many may go at once."""

    key: str
    step: int
    burst: int

    def conform(self, due_at: int, wanted: int, now: int) -> tuple[int, int]:
        """How many of `wanted` mails may go at `now` (ms), and the arrival time after them (µs)."""
        return conform_by(due_at, self.step, self.burst, wanted, now * 1_000)

    def again(self, due_at: int) -> int:
        """When one more may go (ms)."""
        return -(-(due_at - (self.burst - 1) * self.step) // 1_000)


@dataclass(frozen=True, slots=True)
class Leased:
    """What was leased; `again` tells of campaigns whose rate allows no more before an instant (UTC ms)."""

    jobs: list[Job]
    again: Mapping[int, int] = field(default_factory=dict)
    paced: frozenset[int] = frozenset()  # campaigns that have a rate


def spread(per_hour: int, at_once: int) -> tuple[int, int]:
    """The step between two mails (µs) and how many may go at once, those of `at_once` seconds, so that no hour sees more than
    `per_hour` of them."""
    burst = max(1, per_hour * at_once // _HOUR)
    # of tokens granted in a stretch of LINGER and an hour there are burst + stretch / step - 1 at most
    return -(-(_HOUR + LINGER) * _SECOND // (per_hour - burst + 1)), burst


async def lease(
    conn: AsyncConnection, worker: int, now: int, shares: Mapping[int, int], new_account_per_day: int = 0
) -> Leased:
    """Take due recipients as `jobs.lease` does, of each campaign no more than its rate allows now."""
    rates = await _rates(conn, shares)
    if not rates:
        return Leased(await jobs.lease(conn, worker, now, shares, new_account_per_day))
    bounds = {rate.key: rate for some in rates.values() for rate in some}
    known = await _known(conn, sorted(bounds))
    allowed = _allowed(rates, known, shares, now)
    wanted = {campaign: most for campaign, most in allowed.items() if most}
    leased = await jobs.lease(conn, worker, now, wanted, new_account_per_day) if wanted else []
    taken = Counter(job.campaign_id for job in leased)
    for key, rate in bounds.items():
        if count := sum(taken[campaign] for campaign, some in rates.items() if rate in some):
            _, known[key] = rate.conform(known[key], count, now)
            await conn.execute(throttles.update().where(throttles.c.key == key).values(due_at=known[key]))
    spent = [campaign for campaign in rates if taken[campaign] == allowed[campaign] < shares[campaign]]
    again = {campaign: max(rate.again(known[rate.key]) for rate in rates[campaign]) for campaign in spent}
    return Leased(leased, again, frozenset(rates))


async def take(
    database: Database, worker: int, now: int, shares: Mapping[int, int], new_account_per_day: int = 0
) -> Leased:
    """As `lease`, in a transaction of its own; on SQLite a short one where neither rates nor quotas are to be counted."""
    if database.sqlite and not new_account_per_day:
        async with database.glance() as conn:
            wanted = None if await _rates(conn, shares) else await jobs.plainly(conn, shares, now)
        if wanted is not None:
            return Leased(await jobs.lease_plainly(database, worker, now, wanted))
    async with database.write() as conn:
        return await lease(conn, worker, now, shares, new_account_per_day)


def _allowed(
    rates: Mapping[int, Sequence[Rate]], known: Mapping[str, int], shares: Mapping[int, int], now: int
) -> dict[int, int]:
    """The shares within all bounds; what one campaign may have is no more there for the others of its bound, which come
    first another time."""
    allowed, left = dict(shares), dict(known)
    turn = now // 1_000 % len(rates)  # not always the same one first
    for campaign in (*list(rates)[turn:], *list(rates)[:turn]):
        some = rates[campaign]
        for rate in some:
            allowed[campaign], _ = rate.conform(left[rate.key], allowed[campaign], now)
        for rate in some:
            _, left[rate.key] = rate.conform(left[rate.key], allowed[campaign], now)
    return allowed


async def _rates(conn: AsyncConnection, ids: Mapping[int, int]) -> dict[int, tuple[Rate, ...]]:
    """The bounds of these campaigns; those without any are missing."""
    found: dict[int, tuple[Rate, ...]] = {}
    for row in await conn.execute(_ASKED, {"ids": list(ids)}):
        options = orjson.loads(row.options)
        bounds = [(f"campaign:{row.id}", options.get("rate"), CAMPAIGN)]
        if options.get("type") == "transactional":
            bounds.append((f"transactional:{row.account_id}", row.transactional_per_hour, MESSAGES))
        some = tuple(Rate(key, *spread(int(per_hour), at_once)) for key, per_hour, at_once in bounds if per_hour)
        if some:
            found[row.id] = some
    return found


async def _known(conn: AsyncConnection, keys: list[str]) -> dict[str, int]:
    """The arrival times of these bounds, their rows locked: two senders may ask of a new one at once."""
    module = sqlite if conn.dialect.name == "sqlite" else postgresql
    await conn.execute(module.insert(throttles).on_conflict_do_nothing(), [{"key": key, "due_at": 0} for key in keys])
    query = select(throttles).where(throttles.c.key.in_(keys)).order_by(throttles.c.key).with_for_update()
    return {row.key: int(row.due_at) for row in await conn.execute(query)}
