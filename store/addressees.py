"""Who clicks, looked up for many at once: whose campaign it is and whether this person is followed.

In: an open connection, ids of recipients. Out: an `Addressee` for each that still has its address. Raises only what the
database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson
from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store import driver
from store.tables import recipients


class Addressee(NamedTuple):
    """A recipient as far as a link without merged values needs it; `tracked` is a store.values.Tracked."""

    campaign_id: int
    tracked: int


_FIND = select(recipients.c.id, recipients.c.campaign_id, recipients.c.tracked).where(
    recipients.c.id.in_(bindparam("ids", expanding=True)), recipients.c.address != ""
)
# one errand for all rows and for the whole read: store.bulk says why
_FIND_AT_ONCE = """
SELECT json_group_array(json_array(id, campaign_id, tracked)) FROM recipients
WHERE id IN (SELECT value FROM json_each(:ids)) AND address != ''
"""


async def find(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, Addressee]:
    """Those of these recipients that have not been erased; on SQLite it is the last question of its read."""
    if conn.dialect.name == "sqlite":
        asked = {"ids": orjson.dumps(list(ids)).decode()}
        told = await driver.of(conn).together([(_FIND_AT_ONCE, asked)], commit=True)
        return {row[0]: Addressee(row[1], row[2]) for row in orjson.loads(told[0])}
    return {row[0]: Addressee(row[1], row[2]) for row in (await conn.execute(_FIND, {"ids": list(ids)})).all()}
