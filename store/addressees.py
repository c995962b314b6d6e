"""Who clicks, looked up for many at once: whose campaign it is and whether this person is followed.

In: an open connection, ids of recipients. Out: an `Addressee` for each that still has its address. Raises only what the
database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import recipients


class Addressee(NamedTuple):
    """A recipient as far as a link without merged values needs it; `tracked` is a store.values.Tracked."""

    campaign_id: int
    tracked: int


_FIND = select(recipients.c.id, recipients.c.campaign_id, recipients.c.tracked).where(
    recipients.c.id.in_(bindparam("ids", expanding=True)), recipients.c.address != ""
)


async def find(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, Addressee]:
    """Those of these recipients that have not been erased."""
    return {row[0]: Addressee(row[1], row[2]) for row in (await conn.execute(_FIND, {"ids": list(ids)})).all()}
