"""Local addresses that mail leaves from, and their pools.

In: addresses, what an operator decides, instants (UTC ms). Out: Source values; what of a warm-up may leave is counted in
store/warmups. Raises Taken for an address that is there already, else only what the database raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config import warmup
from config.warmup import Standing
from store.accounts import Taken
from store.tables import accounts, campaigns, recipients
from store.tables_delivery import source_days, sources
from store.tables_talks import WAITS
from store.values import CampaignState

SHARED = "shared"  # the pool of accounts that have none of their own


class State(StrEnum):
    """What leaves a source: everything, what its calendar says, the same on the same step, or nothing."""

    READY = "ready"
    WARMING = "warming"
    FROZEN = "frozen"
    OFF = "off"


IN_CALENDAR = (State.WARMING, State.FROZEN)


@dataclass(frozen=True, slots=True)
class Source:
    """A local address; `host` is the data folder (config.host) of its machine, empty for any; `step_day` None: it is in
    no calendar."""

    id: int
    address: str
    helo: str
    pool: str
    host: str
    state: State
    step: int = 0
    step_day: int | None = None
    back_day: int | None = None

    @property
    def standing(self) -> Standing | None:
        """Where it stands in the calendar, None when it is in none."""
        back = -1 if self.back_day is None else self.back_day
        return None if self.step_day is None else Standing(self.step, self.step_day, back)


def _source(row: Any) -> Source:
    names = ("id", "address", "helo", "pool", "host", "state", "step", "step_day", "back_day")
    values: dict[str, Any] = {name: getattr(row, name) for name in names}
    return Source(**values | {"state": State(row.state)})


async def every(conn: AsyncConnection) -> list[Source]:
    """All sources, in the order in which they were added."""
    return [_source(row) for row in await conn.execute(select(sources).order_by(sources.c.id))]


async def find(conn: AsyncConnection, address: str) -> Source | None:
    """The source of an address in its canonical spelling."""
    row = (await conn.execute(select(sources).where(sources.c.address == address))).first()
    return None if row is None else _source(row)


async def add(conn: AsyncConnection, source: Source, now: int) -> Source:
    """Add a source (its id is given here); Taken when its address is known already."""
    if await find(conn, source.address) is not None:
        raise Taken(f"{source.address} is there already")
    row = {name: getattr(source, name) for name in ("address", "helo", "pool", "host", "state", "step", "step_day")}
    await conn.execute(insert(sources), row | {"created_at": now})
    added = await find(conn, source.address)
    assert added is not None  # written above
    return added


async def start(conn: AsyncConnection, source_id: int, step: int, now: int) -> None:
    """Begin the calendar, today, at a step (from 0); what left today stays counted."""
    values = {"state": State.WARMING, "step": step, "step_day": warmup.day_of(now), "back_day": None}
    await conn.execute(update(sources).where(sources.c.id == source_id).values(**values))


async def freeze(conn: AsyncConnection, source_id: int) -> bool:
    """Stay at the step of today until thawed; False when it is not warming up."""
    query = update(sources).where(sources.c.id == source_id, sources.c.state == State.WARMING)
    return (await conn.execute(query.values(state=State.FROZEN))).rowcount == 1


async def off(conn: AsyncConnection, source_id: int) -> bool:
    """Let nothing leave any more; False when it is off already."""
    query = update(sources).where(sources.c.id == source_id, sources.c.state != State.OFF)
    return (await conn.execute(query.values(state=State.OFF))).rowcount == 1


async def thaw(conn: AsyncConnection, source_id: int) -> bool:
    """Go on where it was frozen or switched off; False when it was neither."""
    before = case((sources.c.step_day.is_(None), State.READY), else_=State.WARMING)
    query = update(sources).where(sources.c.id == source_id, sources.c.state.in_((State.FROZEN, State.OFF)))
    return (await conn.execute(query.values(state=before))).rowcount == 1


async def remove(conn: AsyncConnection, source_id: int) -> None:
    """Forget a source and its counters; recipients that were tried from it go on from another."""
    await conn.execute(delete(source_days).where(source_days.c.source_id == source_id))
    await conn.execute(delete(sources).where(sources.c.id == source_id))


async def pool_of(conn: AsyncConnection, account_id: int) -> str:
    """The pool that an account sends from."""
    return await conn.scalar(select(accounts.c.pool).where(accounts.c.id == account_id)) or SHARED


async def change_pool(conn: AsyncConnection, account_id: int, pool: str) -> None:
    """Give an account another pool; its next mails leave from there."""
    await conn.execute(update(accounts).where(accounts.c.id == account_id).values(pool=pool))


async def locked(conn: AsyncConnection, source_id: int) -> Source | None:
    """The source of an id, held until the transaction ends: claims of one source come one after the other."""
    row = (await conn.execute(select(sources).where(sources.c.id == source_id).with_for_update())).first()
    return None if row is None else _source(row)


async def calendars(conn: AsyncConnection) -> list[Source]:
    """The sources in a calendar, held until the transaction ends."""
    query = select(sources).where(sources.c.state.in_(IN_CALENDAR)).order_by(sources.c.id).with_for_update()
    return [_source(row) for row in await conn.execute(query)]


async def hasten(conn: AsyncConnection, now: int, limit: int = 5_000) -> int:
    """Make recipients that were never tried and wait for room due now, because there may be more of it; returns how many."""
    live = select(campaigns.c.id).where(campaigns.c.state == CampaignState.SENDING)
    waiting = (
        select(recipients.c.id)
        .where(
            recipients.c.campaign_id.in_(live),
            recipients.c.owner.is_(None),
            recipients.c.attempts == 0,
            recipients.c.next_attempt_at > now,
            recipients.c.next_attempt_at < WAITS,
        )
        .limit(limit)
    )
    query = update(recipients).where(recipients.c.id.in_(waiting))
    return (await conn.execute(query.values(next_attempt_at=now))).rowcount
