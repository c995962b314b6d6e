"""What is left of a recipient once erased: the keyed hash of the address under the number that old links bear.

In: recipients' numbers, and events that come for them after all (an old unsubscribe link, a late complaint). Out: whose links
they are, and entries of the suppression list; nothing else is kept or counted any more. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import suppressions
from store.states import Event
from store.tables import suppressions as suppressions_table
from store.tables_consent import remnants
from store.values import Change

_REASON = {Event.UNSUBSCRIBE: "unsubscribe", Event.COMPLAIN: "complaint"}
_KEEP = text(
    "INSERT INTO remnants (id, account_id, campaign_id, key) VALUES (:id, :account_id, :campaign_id, :key)"
    " ON CONFLICT (id) DO NOTHING"
)
_KEEP_ARRAYS = text(  # PostgreSQL: one statement for all
    "INSERT INTO remnants (id, account_id, campaign_id, key) SELECT * FROM unnest(CAST(:id AS bigint[]),"
    " CAST(:account_id AS bigint[]), CAST(:campaign_id AS bigint[]), CAST(:key AS bytea[])) ON CONFLICT (id) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Remnant:
    """Whose number it was; `campaign_id` None once the links of its campaign have ended."""

    id: int
    account_id: int
    campaign_id: int | None
    key: bytes


async def keep(conn: AsyncConnection, left: Sequence[Remnant]) -> None:
    """Remember erased recipients."""
    if not left:
        return
    if conn.dialect.name != "sqlite":
        columns = ("id", "account_id", "campaign_id", "key")
        await conn.execute(_KEEP_ARRAYS, {name: [getattr(one, name) for one in left] for name in columns})
        return
    rows: list[dict[str, Any]] = [
        {"id": one.id, "account_id": one.account_id, "campaign_id": one.campaign_id, "key": one.key} for one in left
    ]
    await conn.execute(_KEEP, rows)


async def find(conn: AsyncConnection, recipient_id: int) -> Remnant | None:
    """What is left of an erased recipient."""
    row = (await conn.execute(select(remnants).where(remnants.c.id == recipient_id))).first()
    return None if row is None else Remnant(row.id, row.account_id, row.campaign_id, bytes(row.key))


async def left_already(conn: AsyncConnection, one: Remnant) -> bool:
    """Whether the account writes to that address no more."""
    query = select(suppressions_table.c.id).where(
        suppressions_table.c.key == one.key,
        suppressions_table.c.account_id.in_((suppressions.EVERYBODY, one.account_id)),
    )
    return (await conn.execute(query.limit(1))).first() is not None


async def late(conn: AsyncConnection, changes: Sequence[Change]) -> int:
    """Do for erased recipients what an event asks: write to them no more; returns how many asked for it."""
    asked = {one.recipient_id: one for one in changes if one.suppress or one.event in _REASON}
    if not asked:
        return 0
    rows = (await conn.execute(select(remnants).where(remnants.c.id.in_(list(asked))))).all()
    entries = [
        {
            "account_id": row.account_id,
            "key": bytes(row.key),
            "address": None,
            "reason": asked[row.id].suppress or _REASON[asked[row.id].event],
            "at": asked[row.id].at,
            "campaign_id": None,
        }
        for row in rows
    ]
    await suppressions.add(conn, entries)
    return len(entries)
