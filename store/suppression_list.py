"""The suppression list as an operator sees it: page by page, edited by hand, imported, swept.

In: an account's id (EVERYBODY for all, None for every list) and addresses. Out: entries, and how many rows changed. What has
ended is never shown; `sweep` removes it. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.address import key
from store import suppressions
from store.suppressions import LEFT, OWN_WISH, Suppressed, SuppressionKeys
from store.tables import accounts, senders
from store.tables import suppressions as table


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list; `account` is None where it holds for everybody, `address` once it was erased; `sender` is the
    address whose campaigns alone it concerns."""

    id: int
    account_id: int
    account: str | None
    address: str | None
    reason: str
    at: int
    until: int | None
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class New:
    """An address to be added; `until` None is for ever."""

    address: str
    reason: str
    at: int
    until: int | None = None


async def page(
    conn: AsyncConnection, account_id: int | None, reason: str | None, now: int, after: int = 0, limit: int = 1_000
) -> list[Entry]:
    """The entries in force, oldest row first, that come after the row `after`."""
    query = entries(now).where(table.c.id > after)
    if account_id is not None:
        query = query.where(whose(account_id))
    if reason is not None:
        query = query.where(table.c.reason == reason)
    return [entry(row) for row in await conn.execute(query.order_by(table.c.id).limit(limit))]


_ENTRIES = (
    select(table, accounts.c.name.label("account"), senders.c.address.label("sender"))
    .outerjoin(senders, senders.c.id == -table.c.account_id)
    .outerjoin(accounts, accounts.c.id == func.coalesce(senders.c.account_id, table.c.account_id))
)


def entries(now: int) -> Select[Any]:
    """All entries in force, with what `entry` needs."""
    return _ENTRIES.where(or_(table.c.expires_at.is_(None), table.c.expires_at > now))


def whose(account_id: int) -> ColumnElement[bool]:
    """The rows of an account, those of its mailings included."""
    mailings = select(-senders.c.id).where(senders.c.account_id == account_id)
    return or_(table.c.account_id == account_id, table.c.account_id.in_(mailings))


def entry(row: Any) -> Entry:
    """A row of `entries`."""
    owner = row.account_id
    return Entry(row.id, owner, row.account, row.address, row.reason, row.at, row.expires_at, row.sender)


async def put(
    conn: AsyncConnection, account_id: int, entries: Sequence[New], keys: SuppressionKeys, now: int
) -> tuple[int, int]:
    """Add entries to one list (5,000 at most); returns how many were added, and how many were there already."""
    mailboxes = {key(one.address): one for one in entries}
    known = await suppressions.listed(conn, (account_id,), list(mailboxes), keys, now)
    rows = [
        {
            "account_id": account_id,
            "key": keys.hash(box),
            "address": one.address,
            "reason": one.reason,
            "at": one.at,
            "campaign_id": None,
            "expires_at": one.until,
        }
        for box, one in mailboxes.items()
        if box not in known or _longer(one.until, known[box].until) or _adds(one, known[box])
    ]
    await suppressions.add(conn, rows)
    return len(rows), len(mailboxes) - len(rows)


def _adds(one: New, known: Suppressed) -> bool:
    """Whether who only left is barred from single messages too by it, or who is barred says by it that they leave."""
    if one.until is not None or known.until is not None:
        return False
    return known.reason not in OWN_WISH if one.reason == LEFT else known.reason == LEFT


def _longer(until: int | None, known: int | None) -> bool:
    return known is not None and (until is None or until > known)


async def remove(
    conn: AsyncConnection, account_id: int | None, address_key: str, keys: SuppressionKeys, now: int
) -> list[Entry]:
    """Take a folded address off one list, or off all; returns what stood there."""
    query = _ENTRIES.where(table.c.key.in_(keys.hashes(address_key)))
    if account_id is not None:
        query = query.where(whose(account_id))
    rows = [entry(row) for row in await conn.execute(query)]
    if rows:
        await conn.execute(delete(table).where(table.c.id.in_([row.id for row in rows])))
    return [row for row in rows if row.until is None or row.until > now]


async def forget(conn: AsyncConnection, digests: Sequence[bytes]) -> int:
    """Erase an address from the list, which goes on working by its keyed hash; returns how many rows changed."""
    named = table.c.key.in_(list(digests)), table.c.address.is_not(None)
    return (await conn.execute(update(table).where(*named).values(address=None))).rowcount


async def sweep(conn: AsyncConnection, now: int, limit: int = 5_000) -> int:
    """Remove entries that have ended; returns how many, `limit` at most."""
    ended = select(table.c.id).where(table.c.expires_at <= now).limit(limit)
    return (await conn.execute(delete(table).where(table.c.id.in_(ended)))).rowcount


async def ended(conn: AsyncConnection, now: int) -> bool:
    """Whether an entry has ended; a read, so that nobody writes in vain."""
    return (await conn.execute(select(table.c.id).where(table.c.expires_at <= now).limit(1))).first() is not None
