"""Rates that all senders of all machines share: tokens by the generic cell rate algorithm (ITU-T I.371, GCRA).

In: a key, mails an hour, how many may go at once, how many are wanted, and the time (UTC ms). Out: a `Claim`: how many are
granted, and when there are more. One row a key says when the next mail would be due if all had been spread evenly (its
theoretical arrival time, in microseconds); it is changed in one short write transaction, so counts are exact. Raises only
what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables_delivery import throttles

_HOUR = 3_600_000_000  # µs


@dataclass(frozen=True, slots=True)
class Claim:
    """Tokens to spend, and the instant from which there is one more (UTC ms)."""

    granted: int
    again_at: int


@dataclass(frozen=True, slots=True)
class Wish:
    """Tokens wanted of a key."""

    key: str
    per_hour: int
    burst: int
    wanted: int


def conform(due_at: int, per_hour: int, burst: int, wanted: int, now: int) -> tuple[int, int]:
    """How many of `wanted` mails conform at `now`, and the arrival time after them (µs all)."""
    return conform_by(due_at, max(1, _HOUR // per_hour), burst, wanted, now)


def conform_by(due_at: int, step: int, burst: int, wanted: int, now: int) -> tuple[int, int]:
    """As `conform`, for a rate that is told by the µs between two mails."""
    tolerance = (max(1, burst) - 1) * step
    due_at = max(due_at, now)
    room = (tolerance - (due_at - now)) // step + 1
    granted = max(0, min(wanted, room))
    return granted, due_at + granted * step


async def claim_all(conn: AsyncConnection, wishes: Sequence[Wish], now: int) -> dict[str, Claim]:
    """Claim for several keys at once."""
    keys = sorted({wish.key for wish in wishes})
    module = sqlite if conn.dialect.name == "sqlite" else postgresql
    new = module.insert(throttles)
    # the rows must be there to be locked: two senders may claim of a new key at once
    await conn.execute(new.on_conflict_do_nothing(), [{"key": key, "due_at": 0} for key in keys])
    query = select(throttles).where(throttles.c.key.in_(keys)).order_by(throttles.c.key).with_for_update()
    known = {row.key: int(row.due_at) for row in await conn.execute(query)}
    told: dict[str, Claim] = {}
    rows = []
    for wish in wishes:
        granted, due_at = conform(known.get(wish.key, 0), wish.per_hour, wish.burst, wish.wanted, now * 1_000)
        known[wish.key] = due_at
        step = max(1, _HOUR // wish.per_hour)
        next_at = due_at - (max(1, wish.burst) - 1) * step
        told[wish.key] = Claim(granted, max(now, -(-next_at // 1_000)))
        if granted:
            rows.append({"key": wish.key, "due_at": due_at})
    if rows:
        await conn.execute(
            new.on_conflict_do_update(index_elements=["key"], set_={"due_at": new.excluded.due_at}), rows
        )
    return told


async def claim(conn: AsyncConnection, key: str, per_hour: int, burst: int, wanted: int, now: int) -> Claim:
    """Claim up to `wanted` mails of a key that may send `per_hour`, `burst` of them at once."""
    return (await claim_all(conn, [Wish(key, per_hour, burst, wanted)], now))[key]


async def forget(conn: AsyncConnection, before: int) -> int:
    """Remove the keys whose rate has been unused since that instant (UTC ms); returns how many."""
    return (await conn.execute(delete(throttles).where(throttles.c.due_at < before * 1_000))).rowcount
