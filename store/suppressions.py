"""The suppression list: addresses that an account, or everybody, no longer writes to.

In: folded addresses (parsers.address.key). Out: who is suppressed, since when and why. An address is kept as a keyed hash
(HMAC-SHA256, one byte of key id before it), so the list goes on working when the address itself has been erased; old
keys are looked up for ever. Nothing is raised.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import suppressions

EVERYBODY = 0  # the account_id of what no account may write to
_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class SuppressionKeys:
    """The secrets under which addresses are hashed; `current` signs new rows."""

    keys: Mapping[int, bytes]
    current: int

    def hash(self, address_key: str, key_id: int | None = None) -> bytes:
        """The keyed hash of a folded address: 1 byte of key id and 32 bytes."""
        chosen = self.current if key_id is None else key_id
        return bytes([chosen]) + hmac.digest(self.keys[chosen], address_key.encode(), "sha256")

    def hashes(self, address_key: str) -> list[bytes]:
        """The hashes under every key that ever was in use."""
        return [self.hash(address_key, key_id) for key_id in self.keys]


@dataclass(frozen=True, slots=True)
class Suppressed:
    reason: str  # hard_bounce | complaint | unsubscribe | manual
    at: int


_ADD = text(
    "INSERT INTO suppressions (account_id, key, address, reason, at, campaign_id)"
    " VALUES (:account_id, :key, :address, :reason, :at, :campaign_id) ON CONFLICT (account_id, key) DO NOTHING"
)


async def add(conn: AsyncConnection, rows: Sequence[Mapping[str, object]]) -> None:
    """Add rows {account_id, key, address, reason, at, campaign_id}; what is there already keeps its first reason."""
    if rows:
        await conn.execute(_ADD, list(rows))


async def find(
    conn: AsyncConnection, account_id: int, address_keys: Sequence[str], keys: SuppressionKeys
) -> dict[str, Suppressed]:
    """Which of the folded addresses are suppressed for the account or for everybody."""
    concerned = suppressions.c.account_id.in_((EVERYBODY, account_id))
    if (await conn.execute(select(suppressions.c.id).where(concerned).limit(1))).first() is None:
        return {}  # nobody is: no need to hash a million addresses
    hashed = {digest: address_key for address_key in address_keys for digest in keys.hashes(address_key)}
    digests = list(hashed)
    found: dict[str, Suppressed] = {}
    for start in range(0, len(digests), _CHUNK):
        query = select(suppressions.c.key, suppressions.c.reason, suppressions.c.at).where(
            suppressions.c.key.in_(digests[start : start + _CHUNK]),
            concerned,
        )
        for row in await conn.execute(query):
            found[hashed[bytes(row.key)]] = Suppressed(row.reason, row.at)
    return found
