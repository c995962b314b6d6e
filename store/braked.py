"""The lines of a list that made its campaign pause itself.

In: a campaign and the reason. Out: its first lines that count for it, with what their servers said. Raises only what the
database raises.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.brakes import COMPLAINT
from store.events import NOWHERE
from store.states import Event, Status
from store.tables import events, recipients

_READ = 500  # cancelled recipients looked at: some were refused for other reasons
_HARD = (*NOWHERE, "unknown_user")


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `label` is its number as people know it (12 or 12.1)."""

    label: str
    address: str
    reply: str


async def lines(conn: AsyncConnection, campaign_id: int, reason: str, limit: int) -> list[Line]:
    """The first lines that count for a brake, in the order of the list."""
    status = Status.COMPLAINED if reason == COMPLAINT else Status.CANCELLED
    mine = recipients.c.campaign_id == campaign_id, recipients.c.status == int(status)
    columns = (recipients.c.id, recipients.c.line, recipients.c.part, recipients.c.address, recipients.c.reply)
    rows = (await conn.execute(select(*columns).where(*mine).order_by(recipients.c.id).limit(_READ))).all()
    chosen = set() if reason == COMPLAINT else await _hard(conn, [row.id for row in rows])
    return [
        Line(
            f"{row.line}.{row.part}" if row.part else str(row.line),
            row.address,
            "" if reason == COMPLAINT else row.reply,
        )
        for row in rows
        if reason == COMPLAINT or row.id in chosen
    ][:limit]


async def _hard(conn: AsyncConnection, ids: list[int]) -> set[int]:
    """Those of the recipients whose address does not exist."""
    kinds = (int(Event.REFUSED), int(Event.REPORT_HARD), int(Event.EXPIRED))
    query = select(events.c.recipient_id, events.c.detail).where(
        events.c.recipient_id.in_(ids), events.c.kind.in_(kinds)
    )
    return {row.recipient_id for row in await conn.execute(query) if orjson.loads(row.detail).get("class") in _HARD}
