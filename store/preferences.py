"""What people who log in had remembered of the report's details: columns, and filters with a name.

In: an open connection, a login's id and plain values; columns of LISTE stand by their names (`=Nom`), so that they fit the
next list. Out: `Preferences`. At most FILTERS filters of one person are kept, names of at most NAME characters; TooMany tells
that one more has no room. Raises that, and what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables_users import login_columns, saved_filters

FILTERS = 30
NAME = 60
COLUMNS = 100  # columns that are remembered
Words = tuple[tuple[str, str], ...]


class TooMany(Exception):
    """There are as many filters as may be kept."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A filter with a name; `words` are those of an address's query."""

    id: int
    name: str
    words: Words


@dataclass(frozen=True, slots=True)
class Preferences:
    """What one person had remembered; no columns: the usual ones."""

    columns: tuple[str, ...] = ()
    filters: tuple[Saved, ...] = ()


async def of(conn: AsyncConnection, login_id: int) -> Preferences:
    """What this person had remembered."""
    chosen = await conn.scalar(select(login_columns.c.columns).where(login_columns.c.login_id == login_id))
    mine = select(saved_filters).where(saved_filters.c.login_id == login_id).order_by(saved_filters.c.id)
    return Preferences(tuple(orjson.loads(chosen or "[]")), tuple(_saved(row) for row in await conn.execute(mine)))


def _saved(row: Any) -> Saved:
    return Saved(row.id, row.name, tuple((name, value) for name, value in orjson.loads(row.words)))


async def choose(conn: AsyncConnection, login_id: int, columns: Sequence[str]) -> None:
    """Remember the columns; none: the usual ones again."""
    await conn.execute(delete(login_columns).where(login_columns.c.login_id == login_id))
    if columns:
        row = {"login_id": login_id, "columns": orjson.dumps(columns[:COLUMNS]).decode()}
        await conn.execute(insert(login_columns), row)


async def save(conn: AsyncConnection, login_id: int, name: str, words: Words) -> None:
    """Remember a filter; one of the same name gives way. TooMany when there is no room."""
    name, packed = name[:NAME], orjson.dumps(words).decode()
    mine = saved_filters.c.login_id == login_id
    known = update(saved_filters).where(mine, saved_filters.c.name == name).values(words=packed)
    if (await conn.execute(known)).rowcount:
        return
    if (await conn.scalar(select(func.count()).where(mine)) or 0) >= FILTERS:
        raise TooMany
    await conn.execute(insert(saved_filters), {"login_id": login_id, "name": name, "words": packed})


async def forget(conn: AsyncConnection, login_id: int, number: int) -> None:
    """Forget one filter of this person's."""
    await conn.execute(delete(saved_filters).where(saved_filters.c.login_id == login_id, saved_filters.c.id == number))
