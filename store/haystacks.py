"""The texts of a long list, one after the other and folded, in which a rare word is found without touching a row.

In: a campaign, and needles: pieces of text that everybody who is looked for holds. Out: the ids of those whose address or
line holds them all: never too few, and SQL judges each of them exactly (store.filtering). PART recipients are one row of the
table `haystacks`: their texts, and where each of them ends. A million recipients are looked through in 0.15 s of CPU, where
their rows take ten; it costs their texts once more and 12 bytes a recipient, so it is made only for a long list in which
somebody looks for something rare (`build`, 4 µs of CPU a recipient). Addresses and lines never change; a haystack goes when
one of its people is erased. Raises what the database raises.
"""

from __future__ import annotations

import asyncio
import re
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.filters import Filter, Kind
from parsers.folding import fold
from store import orderings
from store.engine import Database
from store.tables import recipients
from store.tables_grid import haystacks

PART, STRETCH = 5_000, 50_000
KEPT = 20  # campaigns
SHORTEST = 3  # characters of a needle: less is everywhere
WORDS = 5  # of a search: each must be found somewhere
_BREAKS = re.compile(r'["\\\x00-\x1f]')  # what JSON writes in its own way
_HOLD = ("contains", "starts", "ends", "equals")


@dataclass(frozen=True, slots=True)
class Look:
    """The ids that hold all needles, in their order; the id up to which was looked, None where nothing was left; whether that
    was the end; and how many were looked at."""

    ids: Sequence[int]
    last: int | None
    ended: bool
    looked: int


def needles(search: str, asked: Filter) -> tuple[bytes, ...]:
    """Pieces of text that everybody who is looked for holds, the longest first; none: nothing to go by."""
    wanted = search.split()[:WORDS]
    if not asked.any:
        texts = [one for one in asked.conditions if one.kind is Kind.TEXT and one.column != "reply"]
        wanted += [one.value for one in texts if one.operator in _HOLD]
    pieces = {max(_BREAKS.split(fold(word)), key=len) for word in wanted}
    return tuple(sorted((one.encode() for one in pieces if len(one) >= SHORTEST), key=lambda one: (-len(one), one)))


async def is_ready(conn: AsyncConnection, campaign_id: int) -> bool:
    """Whether all of a campaign's people are in it, in parts from the first to the last."""
    told = select(func.max(haystacks.c.last), func.max(haystacks.c.part), func.count())
    end, last, parts = (await conn.execute(told.where(haystacks.c.campaign_id == campaign_id))).one()
    return end is not None and parts == last + 1 and end >= (await orderings.edges(conn, campaign_id))[1]


async def build(database: Database, campaign_id: int) -> int:
    """Gather the texts of a campaign, a part a transaction; returns how many recipients there are."""
    async with database.write() as conn:
        await conn.execute(delete(haystacks).where(haystacks.c.campaign_id == campaign_id))
        await _make_room(conn)
    async with database.read() as conn:
        low, high = await orderings.edges(conn, campaign_id)
    part = count = 0
    while True:
        async with database.read() as conn:
            rows = await _slice(conn, campaign_id, low, high)
        if not rows:
            return count
        packed = await asyncio.to_thread(_packed, rows)
        async with database.write() as conn:
            if await _blanks(conn, campaign_id, packed) != sum(not row.address for row in rows):
                continue  # somebody in it was just erased
            # erasing takes the parts before it away: they are then not all there, and all is gathered anew
            await conn.execute(insert(haystacks), {"campaign_id": campaign_id, "part": part} | packed)
        low, part, count = rows[-1].id + 1, part + 1, count + len(rows)


async def forget(conn: AsyncConnection, campaign_ids: Sequence[int]) -> None:
    """Remove the texts of campaigns."""
    await conn.execute(delete(haystacks).where(haystacks.c.campaign_id.in_(campaign_ids)))


async def look(
    conn: AsyncConnection, campaign_id: int, wanted: Sequence[bytes], start: int, descending: bool, parts: int
) -> Look:
    """Look at those from `start` on (down from it), in the next `parts` parts."""
    ahead = haystacks.c.first <= start if descending else haystacks.c.last >= start
    order = haystacks.c.part.desc() if descending else haystacks.c.part.asc()
    query = select(haystacks).where(haystacks.c.campaign_id == campaign_id, ahead).order_by(order).limit(parts)
    found, last, looked, rows = list[int](), None, 0, (await conn.execute(query)).all()
    for row in rows:
        ids = array("q", row.ids)
        here = _holding(row.texts, array("I", row.ends), wanted)
        told = [ids[at] for at in (reversed(here) if descending else here)]
        found += [one for one in told if (one <= start if descending else one >= start)]
        last, looked = row.first if descending else row.last, looked + len(ids)
    return Look(found, last, len(rows) < parts, looked)


def _holding(texts: bytes, ends: Sequence[int], wanted: Sequence[bytes]) -> list[int]:
    """The places of the texts that hold all needles."""
    found, (needle, *others), at = [], wanted, -1
    while (at := texts.find(needle, at + 1)) >= 0:
        place = bisect_right(ends, at)
        start, end = ends[place - 1] if place else 0, ends[place]
        if all(texts.find(other, start, end) >= 0 for other in others):
            found.append(place)
        at = end - 1
    return found


async def _make_room(conn: AsyncConnection) -> None:
    """Give up those of the oldest campaigns where there are as many as may be kept."""
    known = select(haystacks.c.campaign_id).distinct().order_by(haystacks.c.campaign_id.desc())
    surplus = list((await conn.execute(known)).scalars())[KEPT - 1 :]
    if surplus:
        await forget(conn, surplus)


async def _slice(conn: AsyncConnection, campaign_id: int, low: int, high: int) -> Sequence[Any]:
    # + 0: by the numbers of the rows, for an index would bring the rows in another order
    mine = (recipients.c.campaign_id + 0) == campaign_id
    columns = (recipients.c.id, recipients.c.address, recipients.c.fields, recipients.c.folded)
    query = select(*columns).where(recipients.c.id >= low, recipients.c.id <= high, mine)
    return (await conn.execute(query.order_by(recipients.c.id).limit(PART))).all()


async def _blanks(conn: AsyncConnection, campaign_id: int, packed: dict[str, Any]) -> int:
    """How many of a part are erased by now."""
    mine = (recipients.c.campaign_id + 0) == campaign_id, recipients.c.id.between(packed["first"], packed["last"])
    return await conn.scalar(select(func.count()).where(*mine, recipients.c.address == "")) or 0


def _packed(rows: Sequence[Any]) -> dict[str, Any]:
    texts, ends = bytearray(), array("I")
    for row in rows:
        line, address = row.folded or row.fields.lower(), fold(row.address)
        texts += (line if address in line else f"{address} {line}").encode() + b"\0"
        ends.append(len(texts))
    ids = array("q", [row.id for row in rows])
    return {
        "first": rows[0].id, "last": rows[-1].id, "ids": ids.tobytes(), "ends": ends.tobytes(), "texts": bytes(texts),
    }  # fmt: skip
