"""Full mailboxes: counted campaign by campaign, until the address is left alone for a time (SPEC 7).

In: addresses (as suppression keys) whose server said "full" for good, inside an open write transaction. Out: which of
them have now done so in as many campaigns of their account as the rules say. A mail that is delivered clears what was
counted; where a server takes every mail and reports the full box afterwards, its taking clears nothing. Strikes older
than the time for which they would suppress count no more. Nothing is raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.rules import Rules
from store.tables_delivery import strikes


class Strike(NamedTuple):
    """One mailbox that was full in one campaign; `late`: a report said so after the server had taken the mail."""

    account_id: int
    key: bytes
    campaign_id: int
    at: int
    late: bool


async def count(conn: AsyncConnection, told: Sequence[Strike], rules: Rules) -> list[Strike]:
    """Count strikes, and return those that are one too many: these begin anew."""
    out: list[Strike] = []
    for one in sorted(told):
        mine = strikes.c.account_id == one.account_id, strikes.c.key == one.key
        row = (await conn.execute(select(strikes).where(*mine))).first()
        if row is not None and row.last_campaign_id == one.campaign_id:
            continue
        known = row.campaigns if row is not None and row.at > one.at - rules.soft_ms else 0
        if known + 1 >= rules.strikes:
            await conn.execute(delete(strikes).where(*mine))
            out.append(one)
            continue
        values = {"campaigns": known + 1, "last_campaign_id": one.campaign_id, "at": one.at, "late": one.late}
        if row is None:
            await conn.execute(insert(strikes).values(account_id=one.account_id, key=one.key, **values))
        else:
            await conn.execute(update(strikes).where(*mine).values(**values))
    return out


async def clear(conn: AsyncConnection, account_id: int, digests: Sequence[bytes]) -> None:
    """Forget what was counted for addresses that took a mail."""
    mine = strikes.c.account_id == account_id, strikes.c.key.in_(list(digests))
    await conn.execute(delete(strikes).where(*mine, strikes.c.late.is_(False)))
