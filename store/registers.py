"""The suppression list and the consent register of one account, as pages show them: newest first, found by address.

In: an account's id, what is searched, a row to go on from. Out: entries, one more than asked where there are more; what
was taken off the list, with who did it and why. An address that was erased is still found by its keyed hash. Raises only
what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.address import key as folded
from store import suppression_list
from store.consents import Entry as Word
from store.suppression_list import Entry
from store.suppressions import SuppressionKeys
from store.tables import suppressions
from store.tables_consent import consents
from store.tables_registers import removals


@dataclass(frozen=True, slots=True)
class Removal:
    """Somebody was taken off the list by hand."""

    address: str
    reason: str
    why: str
    by: str
    at: int


def _holds(conn: AsyncConnection, table: Any, words: str, keys: SuppressionKeys) -> ColumnElement[bool]:
    """Rows whose address holds the words, or is them (also once it was erased)."""
    if conn.dialect.name == "sqlite":
        place = table.c.address.contains(words, autoescape=True)
    else:
        place = table.c.address.icontains(words, autoescape=True)
    return or_(place, table.c.key.in_(keys.hashes(folded(words)))) if "@" in words else place


async def suppressed(
    conn: AsyncConnection,
    account_id: int,
    keys: SuppressionKeys,
    now: int,
    words: str = "",
    reason: str = "",
    before: int = 0,
    limit: int = 50,
) -> list[Entry]:
    """Entries in force of an account and of its mailings, newest row first, up to `limit` + 1 of them."""
    query = suppression_list.entries(now).where(suppression_list.whose(account_id))
    if words:
        query = query.where(_holds(conn, suppressions, words, keys))
    if reason:
        query = query.where(suppressions.c.reason == reason)
    if before:
        query = query.where(suppressions.c.id < before)
    rows = await conn.execute(query.order_by(suppressions.c.id.desc()).limit(limit + 1))
    return [suppression_list.entry(row) for row in rows]


async def count(conn: AsyncConnection, account_id: int, now: int, most: int = 100_000) -> int:
    """How many entries are in force, `most` at most: a page says "100,000 and more"."""
    some = suppression_list.entries(now).where(suppression_list.whose(account_id)).limit(most).subquery()
    return int(await conn.scalar(select(func.count()).select_from(some)) or 0)


async def find(conn: AsyncConnection, account_id: int, row: int, now: int) -> Entry | None:
    """One entry of an account."""
    query: Select[Any] = suppression_list.entries(now).where(suppression_list.whose(account_id))
    found = (await conn.execute(query.where(suppressions.c.id == row))).first()
    return None if found is None else suppression_list.entry(found)


async def take_off(conn: AsyncConnection, account_id: int, one: Entry, why: str, by: str, now: int) -> bool:
    """Take an entry off the list and note who did it and why; False when it is gone already."""
    gone = suppressions.delete().where(suppressions.c.id == one.id, suppressions.c.account_id == one.account_id)
    if (await conn.execute(gone)).rowcount == 0:
        return False
    row = {
        "account_id": account_id,
        "address": one.address or "",
        "reason": one.reason,
        "why": why[:500],
        "by": by,
        "at": now,
    }
    await conn.execute(insert(removals), row)
    return True


async def taken_off(conn: AsyncConnection, account_id: int, limit: int = 10) -> list[Removal]:
    """The latest removals by hand, newest first."""
    query = select(removals).where(removals.c.account_id == account_id).order_by(removals.c.id.desc()).limit(limit)
    return [Removal(row.address, row.reason, row.why, row.by, row.at) for row in await conn.execute(query)]


async def words(
    conn: AsyncConnection, account_id: int, keys: SuppressionKeys, search: str = "", before: int = 0, limit: int = 50
) -> Sequence[Word]:
    """The consent register of an account, newest row first, up to `limit` + 1 lines."""
    query = select(*(consents.c[name] for name in Word.__slots__)).where(consents.c.account_id == account_id)
    if search:
        query = query.where(_holds(conn, consents, search, keys))
    if before:
        query = query.where(consents.c.id < before)
    return [Word(*row) for row in await conn.execute(query.order_by(consents.c.id.desc()).limit(limit + 1))]
