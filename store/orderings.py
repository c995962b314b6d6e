"""A list sorted by a column that never changes (address, domain, a column of LISTE), so that each page of it is a slice.

In: a campaign, a column and its key. Out: `Ordering`, read back PART ids at a time. A short list is sorted when it is asked
for; a long one once, by `build`, which reads SLICE rows at a time and keeps about 70 bytes a recipient meanwhile, and 8 in
the database for good. Numbers sort as numbers, words without case and accents, blanks last. Raises what the database raises.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import delete, func, insert, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.folding import fold
from store.engine import Database
from store.states import Status
from store.tables import recipients
from store.tables_grid import orderings

PART = 5_000
SLICE = 5_000
KEPT = 12  # orders of one campaign
SHORT = 10_000  # recipients that are sorted at once
_KEY = 32  # bytes of a value that decide


@dataclass(frozen=True, slots=True)
class Ordering:
    """The ids of a campaign in an order: `known` when they were just sorted, else in the database."""

    campaign_id: int
    column: str
    length: int
    known: Sequence[int] | None = None

    async def ids(self, conn: AsyncConnection, first: int, last: int) -> Sequence[int]:
        """Those at the positions [first, last)."""
        if self.known is not None:
            return self.known[first:last]
        if last <= first:
            return ()
        query = select(orderings.c.part, orderings.c.ids).where(
            orderings.c.campaign_id == self.campaign_id,
            orderings.c.column == self.column,
            orderings.c.part.between(first // PART, (last - 1) // PART),
        )
        found = array("q")
        for row in await conn.execute(query.order_by(orderings.c.part)):
            found.frombytes(bytes(row.ids))
        start = first - first // PART * PART
        return found[start : start + last - first]


async def find(conn: AsyncConnection, campaign_id: int, column: str) -> Ordering | None:
    """The order that was built, or None."""
    query = select(orderings.c.length).where(orderings.c.campaign_id == campaign_id, orderings.c.column == column)
    length = await conn.scalar(query.limit(1))
    return None if length is None else Ordering(campaign_id, column, length)


async def edges(conn: AsyncConnection, campaign_id: int) -> tuple[int, int]:
    """The lowest and the highest id of a campaign's recipients; (0, -1) when it has none."""
    # one end a query: SQLite looks both up only when they are asked for apart
    parts = [
        select(end(recipients.c.id).label("id")).where(
            recipients.c.campaign_id == campaign_id, recipients.c.status == int(status)
        )
        for status in Status
        for end in (func.min, func.max)
    ]
    ids = [one for one in (await conn.execute(union_all(*parts))).scalars() if one is not None]
    return (min(ids), max(ids)) if ids else (0, -1)


async def sort(conn: AsyncConnection, campaign_id: int, column: str) -> Ordering:
    """Sort a short list now."""
    entries: list[bytes] = []
    low, high = await edges(conn, campaign_id)
    while rows := await _slice(conn, campaign_id, low, high):
        entries += _entries(rows, column)
        low = rows[-1].id + 1
    entries.sort()
    return Ordering(campaign_id, column, len(entries), [int.from_bytes(one[-8:], "big") for one in entries])


async def build(database: Database, campaign_id: int, column: str) -> Ordering:
    """Sort a long list and keep the order; the work is done in a thread, a slice at a time."""
    entries: list[bytes] = []
    async with database.read() as conn:
        low, high = await edges(conn, campaign_id)
    while True:
        async with database.read() as conn:
            rows = await _slice(conn, campaign_id, low, high)
        if not rows:
            break
        entries += await asyncio.to_thread(_entries, rows, column)
        low = rows[-1].id + 1
    await asyncio.to_thread(entries.sort)
    parts = await asyncio.to_thread(_packed, entries)
    mine = orderings.c.campaign_id == campaign_id, orderings.c.column == column
    length = len(entries)
    async with database.write() as conn:
        await conn.execute(delete(orderings).where(*mine))
        await _make_room(conn, campaign_id)
        for number, ids in enumerate(parts):
            row = {"campaign_id": campaign_id, "column": column, "part": number, "ids": ids, "length": length}
            await conn.execute(insert(orderings), row)
    return Ordering(campaign_id, column, length)


async def _make_room(conn: AsyncConnection, campaign_id: int) -> None:
    """Give up orders of a campaign where there are as many as may be kept: a list has up to 500 columns."""
    here = orderings.c.campaign_id == campaign_id
    known = (
        await conn.execute(select(orderings.c.column).where(here).distinct().order_by(orderings.c.column))
    ).scalars()
    surplus = list(known)[KEPT - 1 :]
    if surplus:
        await conn.execute(delete(orderings).where(here, orderings.c.column.in_(surplus)))


async def forget(conn: AsyncConnection, campaign_id: int) -> None:
    """Remove the orders of a campaign."""
    await conn.execute(delete(orderings).where(orderings.c.campaign_id == campaign_id))


async def _slice(conn: AsyncConnection, campaign_id: int, low: int, high: int) -> Sequence[Any]:
    # + 0: by the numbers of the rows, for an index would bring the rows in another order
    mine = (recipients.c.campaign_id + 0) == campaign_id
    query = select(recipients.c.id, recipients.c.address, recipients.c.fields).where(
        recipients.c.id >= low, recipients.c.id <= high, mine
    )
    return (await conn.execute(query.order_by(recipients.c.id).limit(SLICE))).all()


def _entries(rows: Sequence[Any], column: str) -> list[bytes]:
    return [key(_value(row, column)) + row.id.to_bytes(8, "big") for row in rows]


def _value(row: Any, column: str) -> str:
    if column == "email":
        return str(row.address)
    if column == "domain":
        return str(row.address).rpartition("@")[2]
    fields, index = orjson.loads(row.fields), int(column[1:])
    return str(fields[index]) if index < len(fields) else ""


def key(text: str) -> bytes:
    """What a value is sorted by: numbers first and as numbers, then words, blanks at the end."""
    text = text.strip()
    if not text:
        return b"9\0"
    plain = text.replace("\u202f", "").replace("\u00a0", "").replace(" ", "").replace(",", ".")
    whole, _, part = plain.partition(".")
    if whole.isascii() and whole.isdigit() and len(whole) < 20 and (not part or (part.isascii() and part.isdigit())):
        return f"1{int(whole):020}.{part[:10]}\0".encode()
    return b"2" + fold(text).encode()[:_KEY] + b"\0"


def _packed(entries: list[bytes]) -> list[bytes]:
    starts = range(0, len(entries), PART)
    return [
        array("q", (int.from_bytes(one[-8:], "big") for one in entries[start : start + PART])).tobytes()
        for start in starts
    ]
