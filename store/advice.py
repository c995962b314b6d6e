"""What was advised on a campaign, kept for whoever asks later; and which addresses an account has written to before.

In: an open connection, findings as JSON-ready values, keyed hashes of addresses. Out: the same. Raises what the database
raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables_align import campaign_advice, known_addresses


async def save(conn: AsyncConnection, campaign_id: int, findings: Sequence[dict[str, Any]]) -> None:
    """Keep the findings on a new campaign."""
    row = {"campaign_id": campaign_id, "findings": orjson.dumps(list(findings)).decode()}
    await conn.execute(insert(campaign_advice), row)


async def read(conn: AsyncConnection, campaign_id: int) -> list[dict[str, Any]] | None:
    """The findings on a campaign; None where none were kept."""
    query = select(campaign_advice.c.findings).where(campaign_advice.c.campaign_id == campaign_id)
    found = await conn.scalar(query)
    return None if found is None else list(orjson.loads(found))


async def known(conn: AsyncConnection, account_id: int, digests: Sequence[bytes]) -> int:
    """How many of these hashes (some hundreds at most) stand for addresses that the account has written to."""
    query = select(func.count()).where(
        known_addresses.c.account_id == account_id, known_addresses.c.digest.in_(digests)
    )
    return int(await conn.scalar(query) or 0)


async def any_known(conn: AsyncConnection, account_id: int) -> bool:
    """Whether the account has written to anybody yet."""
    query = select(known_addresses.c.digest).where(known_addresses.c.account_id == account_id).limit(1)
    return (await conn.execute(query)).first() is not None


async def remember(conn: AsyncConnection, account_id: int, digests: Sequence[bytes], now: int) -> None:
    """Keep the hashes of a sample of the addresses that the account writes to."""
    rows = [{"account_id": account_id, "digest": one, "at": now} for one in dict.fromkeys(digests)]
    module = sqlite if conn.dialect.name == "sqlite" else postgresql
    new = module.insert(known_addresses)
    if rows:
        await conn.execute(new.on_conflict_do_nothing(), rows)
