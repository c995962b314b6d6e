"""Exports that are made in the background: asked for, taken one by one, ready or failed, forgotten after some days.

In: an open connection and plain values; instants in UTC ms. Out: `Export`s. Whatever was under way when its process ended is
begun anew, ATTEMPTS times; then it has failed and says so. The files lie elsewhere (gateway.web.exports): a row that is gone
means that its file goes too. Raises only what the database raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import campaigns
from store.tables_grid import exports

ATTEMPTS = 2
KEPT = 3 * 86_400_000  # ms that a file is kept
OPEN_OF_ONE, OPEN_OF_ALL = 3, 50  # exports that may wait at once


class State(StrEnum):
    """Where an export stands."""

    WAITING = "waiting"
    RUNNING = "running"
    READY = "ready"
    FAILED = "failed"


_OPEN = (State.WAITING, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Export:
    """One export; `query` are the words of the view, `why` a word of the catalogue, `total` 0 where it was not counted."""

    id: int
    campaign_id: int
    kind: str
    query: str
    locale: str
    state: State
    why: str
    attempts: int
    rows: int
    total: int
    size: int
    notify: bool
    created_at: int
    finished_at: int | None

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        return min(1.0, self.rows / self.total) if self.total else 0.0


_SELECT = select(*(exports.c[name] for name in Export.__slots__))


def _export(row: Any) -> Export:
    return Export(**{**row._mapping, "state": State(row.state)})


async def add(
    conn: AsyncConnection, campaign_id: int, kind: str, query: str, locale: str, total: int, notify: bool, now: int
) -> int | None:
    """Ask for one; the same one that is under way is not made twice. None: there are too many already."""
    waiting = exports.c.state.in_(_OPEN)
    same = waiting, exports.c.campaign_id == campaign_id, exports.c.kind == kind, exports.c.query == query
    known = await conn.scalar(select(exports.c.id).where(*same, exports.c.locale == locale))
    if known is not None:
        return int(known)
    everywhere = await conn.scalar(select(func.count()).select_from(exports).where(waiting)) or 0
    mine = exports.c.campaign_id == campaign_id
    here = await conn.scalar(select(func.count()).select_from(exports).where(waiting, mine)) or 0
    if here >= OPEN_OF_ONE or everywhere >= OPEN_OF_ALL:
        return None
    row = {
        "campaign_id": campaign_id, "kind": kind, "query": query, "locale": locale, "state": State.WAITING, "total": total,
        "notify": notify, "created_at": now,
    }  # fmt: skip
    return int((await conn.execute(insert(exports).returning(exports.c.id), row)).scalar_one())


async def get(conn: AsyncConnection, export_id: int) -> Export | None:
    """The export of that number."""
    row = (await conn.execute(_SELECT.where(exports.c.id == export_id))).first()
    return None if row is None else _export(row)


async def waiting(conn: AsyncConnection) -> int | None:
    """The number of the next one to make."""
    query = select(exports.c.id).where(exports.c.state == State.WAITING).order_by(exports.c.id).limit(1)
    found = await conn.scalar(query)
    return None if found is None else int(found)


async def take(conn: AsyncConnection, export_id: int) -> Export | None:
    """Begin it; None when it is gone or somebody else did."""
    query = update(exports).where(exports.c.id == export_id, exports.c.state == State.WAITING)
    done = await conn.execute(query.values(state=State.RUNNING, attempts=exports.c.attempts + 1, rows=0))
    return await get(conn, export_id) if done.rowcount else None


async def progress(conn: AsyncConnection, export_id: int, rows: int) -> bool:
    """Tell how far it is; False when nobody wants it any more."""
    query = update(exports).where(exports.c.id == export_id, exports.c.state == State.RUNNING)
    return (await conn.execute(query.values(rows=rows))).rowcount == 1


async def finish(conn: AsyncConnection, export_id: int, rows: int, size: int, now: int) -> bool:
    """It is ready; False when nobody wants it any more."""
    query = update(exports).where(exports.c.id == export_id, exports.c.state == State.RUNNING)
    values = {"state": State.READY, "rows": rows, "total": rows, "size": size, "finished_at": now}
    return (await conn.execute(query.values(**values))).rowcount == 1


async def fail(conn: AsyncConnection, export_id: int, why: str, now: int) -> None:
    """It cannot be made, and why."""
    query = update(exports).where(exports.c.id == export_id, exports.c.state.in_(_OPEN))
    await conn.execute(query.values(state=State.FAILED, why=why, finished_at=now))


async def revive(conn: AsyncConnection, now: int) -> int:
    """What was under way when a process ended waits again, or has failed for good; returns how many wait again."""
    running = exports.c.state == State.RUNNING
    lost = update(exports).where(running, exports.c.attempts >= ATTEMPTS)
    await conn.execute(lost.values(state=State.FAILED, why="crashed", finished_at=now))
    return (await conn.execute(update(exports).where(running).values(state=State.WAITING, rows=0))).rowcount


async def sweep(conn: AsyncConnection, now: int) -> int:
    """Forget old ones, and those of campaigns whose people are erased."""
    erased = select(campaigns.c.id).where(campaigns.c.erased_at.is_not(None))
    old = or_(exports.c.created_at < now - KEPT, exports.c.campaign_id.in_(erased))
    return (await conn.execute(delete(exports).where(old))).rowcount


async def forget(conn: AsyncConnection, campaign_ids: list[int]) -> None:
    """Forget all of these campaigns: somebody in them was erased."""
    await conn.execute(delete(exports).where(exports.c.campaign_id.in_(campaign_ids)))


async def sizes(conn: AsyncConnection) -> dict[int, int]:
    """The bytes of every file that is ready or under way."""
    query = select(exports.c.id, exports.c.size).where(exports.c.state != State.FAILED)
    return {row.id: row.size for row in await conn.execute(query)}


async def untold(conn: AsyncConnection) -> list[Export]:
    """Those that have ended and whose author is to be told."""
    ended = exports.c.state.in_((State.READY, State.FAILED)), exports.c.notify.is_(True), exports.c.told_at.is_(None)
    return [_export(row) for row in await conn.execute(_SELECT.where(*ended).order_by(exports.c.id).limit(20))]


async def told(conn: AsyncConnection, export_id: int, now: int) -> bool:
    """Mark one whose author is told; False when that was done already."""
    query = update(exports).where(exports.c.id == export_id, exports.c.told_at.is_(None))
    return (await conn.execute(query.values(told_at=now))).rowcount == 1
