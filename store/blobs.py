"""The user's mail as it came, once a campaign: written piece by piece, for one with a list of a million lines weighs 40 MB.

In: an open transaction and the mail, as bytes or as its file in the spool. Out: the number of its row. Bound to a statement
of SQLite a value is in memory three times while it is written, and once until that statement runs again; other databases get
it whole. Raises what the database and the disk raise.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import func, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from store import driver
from store.spool import mail_in, pieces_of
from store.tables import blobs

_PIECE = 1 << 20


async def keep(conn: AsyncConnection, mail: bytes | Path) -> int:
    """Store a mail."""
    size, digest = await asyncio.to_thread(_measured, mail)
    row = {"sha256": digest, "size": size}
    new = insert(blobs).returning(blobs.c.id)
    if conn.dialect.name != "sqlite":
        row["data"] = await asyncio.to_thread(mail_in, mail) if isinstance(mail, Path) else mail
        return int((await conn.execute(new, row)).scalar_one())
    blob_id = int((await conn.execute(new.values(row | {"data": func.zeroblob(size)}))).scalar_one())
    await driver.of(conn).fill(blobs.name, blobs.c.data.name, blob_id, _pieces(mail))
    return blob_id


def _pieces(mail: bytes | Path) -> Iterator[bytes]:
    return (
        pieces_of(mail, _PIECE)
        if isinstance(mail, Path)
        else (mail[at : at + _PIECE] for at in range(0, len(mail), _PIECE))
    )


def _measured(mail: bytes | Path) -> tuple[int, bytes]:
    """Size and SHA-256 of a mail."""
    size, digest = 0, hashlib.sha256()
    for piece in _pieces(mail):
        size += len(piece)
        digest.update(piece)
    return size, digest.digest()
