"""What a database that came back from a backup is told before anybody works with it.

In: an open transaction and an instant (UTC ms). Out: every campaign that sends or will is paused, as by an operator's `pause
--all`; nobody holds leases; nothing is claimed to be alive. Raises only what the database raises.
"""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import control
from store.control import Halted
from store.tables import notices, recipients, workers


async def halt(conn: AsyncConnection, now: int) -> Halted:
    """Pause every campaign and free what senders of another time held; returns what waits for `campaign resume`."""
    for table in (recipients, notices):
        await conn.execute(update(table).where(table.c.owner.is_not(None)).values(owner=None))
    await conn.execute(update(workers).where(workers.c.retired_at.is_(None)).values(retired_at=now))
    return await control.pause_all(conn, cause={"cause": "restored"})
