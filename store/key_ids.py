"""Which keys have signed something that is kept: none of them may ever be missing.

In: the rings found in the data folder. Out: the ids that the database names and the folder lacks (or that changed), for
`serve` to refuse to start (SPEC 10): links, bounces and suppressions made with them would be lost. Nothing is raised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import key_ids


async def register(conn: AsyncConnection, purpose: str, keys: Mapping[int, bytes]) -> list[int]:
    """Remember the keys of a ring; returns the ids known to the database that are missing or different here."""
    prints = {key_id: hashlib.sha256(b"mail2campaign key " + key).digest()[:8] for key_id, key in keys.items()}
    rows = await conn.execute(select(key_ids.c.key_id, key_ids.c.fingerprint).where(key_ids.c.purpose == purpose))
    known = {row.key_id: bytes(row.fingerprint) for row in rows}
    new = [
        {"purpose": purpose, "key_id": key_id, "fingerprint": print_}
        for key_id, print_ in prints.items()
        if key_id not in known
    ]
    if new:
        await conn.execute(insert(key_ids), new)
    return sorted(key_id for key_id, print_ in known.items() if prints.get(key_id) != print_)
