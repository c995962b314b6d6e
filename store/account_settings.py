"""What an account's own people may change about it: what stands under its mails, its language and zone; what it attested.

In: an open connection and plain values. Out: nothing, or frozen values. Raises only what the database raises.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import accounts, attestations


@dataclass(frozen=True, slots=True)
class Attestation:
    """What somebody attested of the account's recipients, word for word."""

    by: str
    wording: str
    at: int
    withdrawn_at: int | None
    withdrawn_by: str


async def change(
    conn: AsyncConnection, account_id: int, legal_name: str, address: str, locale: str, timezone: str
) -> None:
    """Change what stands under the mails of an account, its language and its zone."""
    values = {"legal_name": legal_name, "address": address, "locale": locale, "timezone": timezone}
    await conn.execute(update(accounts).where(accounts.c.id == account_id).values(**values))


async def attested(conn: AsyncConnection, account_id: int) -> list[Attestation]:
    """All that was attested for an account, the newest first."""
    mine = select(attestations).where(attestations.c.account_id == account_id).order_by(attestations.c.id.desc())
    rows = await conn.execute(mine.limit(50))
    return [Attestation(row.by, row.wording, row.at, row.withdrawn_at, row.withdrawn_by) for row in rows]
