"""Files to download: the attachments of campaigns that send links, kept once a campaign and gone some time after its end.

In: an open connection; `add` and `append` write while a campaign is loaded, `of_campaign` and `piece` serve downloads,
`sweep` and `wipe` remove, a chunk a transaction. Out: `File` values and bytes. Nothing is raised but what the database
raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import campaigns
from store.tables_files import file_pieces, files
from store.values import CampaignState

PIECE = 262_144  # bytes of a row; the last one of a file is shorter
_GONE = 40  # pieces removed in one transaction
_ENDED = (CampaignState.FINISHED, CampaignState.STOPPED)


@dataclass(frozen=True, slots=True)
class File:
    """One file; `keep` is how long it stays after the end of its campaign, ms."""

    id: int
    number: int
    name: str
    size: int
    sha256: bytes
    keep: int


async def add(
    conn: AsyncConnection, campaign_id: int, number: int, name: str, size: int, sha256: bytes, keep: int
) -> int:
    """Announce a file of a campaign that is being loaded; returns its id."""
    row = {"campaign_id": campaign_id, "number": number, "name": name, "size": size, "sha256": sha256, "keep": keep}
    return int((await conn.execute(insert(files).returning(files.c.id), row)).scalar_one())


async def append(conn: AsyncConnection, file_id: int, first: int, data: bytes) -> int:
    """Write bytes as pieces from number `first` on; all but the last call bring whole pieces. Returns the next number."""
    cut = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
    if cut:
        rows = [{"file_id": file_id, "n": first + n, "data": piece} for n, piece in enumerate(cut)]
        await conn.execute(insert(file_pieces), rows)
    return first + len(cut)


async def of_campaign(conn: AsyncConnection, campaign_id: int) -> list[File]:
    """The files of a campaign in the order of its mail; none once they are removed."""
    query = select(files).where(files.c.campaign_id == campaign_id).order_by(files.c.number)
    return [File(r.id, r.number, r.name, r.size, bytes(r.sha256), r.keep) for r in await conn.execute(query)]


async def piece(conn: AsyncConnection, file_id: int, n: int) -> bytes | None:
    """Piece `n` of a file; None when it is not there (any more)."""
    query = select(file_pieces.c.data).where(file_pieces.c.file_id == file_id, file_pieces.c.n == n)
    data = await conn.scalar(query)
    return None if data is None else bytes(data)


async def sweep(conn: AsyncConnection, now: int) -> int:
    """Remove a chunk of what has been kept long enough; returns how many rows: call it again until it says 0."""
    ended = or_(
        and_(campaigns.c.state.in_(_ENDED), campaigns.c.finished_at + files.c.keep <= now),
        and_(campaigns.c.state == CampaignState.REPLACED, campaigns.c.created_at + files.c.keep <= now),
        campaigns.c.erased_at.is_not(None),
    )
    old = select(files.c.id).join(campaigns, campaigns.c.id == files.c.campaign_id).where(ended).limit(_GONE)
    return await _remove(conn, list((await conn.execute(old)).scalars()))


async def wipe(conn: AsyncConnection, campaign_id: int) -> int:
    """Remove a chunk of a campaign's files; returns how many rows: call it again until it says 0."""
    own = select(files.c.id).where(files.c.campaign_id == campaign_id).limit(_GONE)
    return await _remove(conn, list((await conn.execute(own)).scalars()))


async def _remove(conn: AsyncConnection, ids: Sequence[int]) -> int:
    if not ids:
        return 0
    query = select(file_pieces.c.file_id, file_pieces.c.n).where(file_pieces.c.file_id.in_(ids)).limit(_GONE)
    pieces = (await conn.execute(query)).all()
    if pieces:
        await conn.execute(delete(file_pieces).where(or_(*(_is(row) for row in pieces))))
        return len(pieces)
    return (await conn.execute(delete(files).where(files.c.id.in_(ids)))).rowcount


def _is(row: Any) -> ColumnElement[bool]:
    return and_(file_pieces.c.file_id == row.file_id, file_pieces.c.n == row.n)


async def take_over(conn: AsyncConnection, file: File, campaign_id: int) -> int:
    """Announce the same file for another campaign that is being loaded; returns its id. Its pieces follow one by one."""
    return await add(conn, campaign_id, file.number, file.name, file.size, file.sha256, file.keep)
