"""Sessions of people who logged in: known by a hash of the random word in their browser's cookie.

In: an open connection, SHA-256 digests and instants. Out: whose session it is. A session ends IDLE_MS after the last
page, and ABSOLUTE_MS after its beginning whatever happens; half a session (the one-time code is still to come) after
HALF_MS. Raises only what the database raises.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import users
from store.tables_users import logins, sessions
from store.users import User

HOUR = 3_600_000
IDLE_MS = 12 * HOUR
ABSOLUTE_MS = 7 * 24 * HOUR
HALF_MS = HOUR // 6
TOUCH_MS = HOUR // 12  # how exactly the last page is known: not every page writes


@dataclass(frozen=True, slots=True)
class Session:
    """Who looks at a page; `half` while the one-time code is still to come."""

    user: User
    half: bool
    created_at: int
    seen_at: int


async def begin(conn: AsyncConnection, user_id: int, digest: bytes, half: bool, now: int) -> None:
    """Let a session begin, and drop those that have ended."""
    await conn.execute(delete(sessions).where(sessions.c.seen_at < now - IDLE_MS))
    await conn.execute(
        insert(sessions),
        {"digest": digest, "login_id": user_id, "half": half, "created_at": now, "seen_at": now},
    )
    if not half:
        await conn.execute(update(logins).where(logins.c.id == user_id).values(seen_at=now))


async def find(conn: AsyncConnection, digest: bytes, now: int) -> Session | None:
    """The session of a digest, if it has not ended."""
    wanted = users.query().add_columns(sessions.c.half, sessions.c.created_at, sessions.c.seen_at)
    row = (
        await conn.execute(wanted.join(sessions, sessions.c.login_id == logins.c.id).where(sessions.c.digest == digest))
    ).first()
    if row is None:
        return None
    found = Session(users.read(row), bool(row.half), row.created_at, row.seen_at)
    alive = found.seen_at > now - IDLE_MS and found.created_at > now - (HALF_MS if found.half else ABSOLUTE_MS)
    return found if alive else None


async def touch(conn: AsyncConnection, digest: bytes, now: int) -> None:
    """Note that a page was asked for."""
    await conn.execute(update(sessions).where(sessions.c.digest == digest).values(seen_at=now))


async def end(conn: AsyncConnection, digest: bytes) -> None:
    """End one session."""
    await conn.execute(delete(sessions).where(sessions.c.digest == digest))


async def end_others(conn: AsyncConnection, user_id: int, digest: bytes) -> None:
    """End every session of a user but one."""
    await conn.execute(delete(sessions).where(sessions.c.login_id == user_id, sessions.c.digest != digest))


async def count(conn: AsyncConnection, user_id: int, now: int) -> int:
    """How many sessions of a user are open."""
    mine = select(sessions.c.created_at).where(
        sessions.c.login_id == user_id, sessions.c.seen_at > now - IDLE_MS, sessions.c.half.is_(False)
    )
    return sum(row.created_at > now - ABSOLUTE_MS for row in await conn.execute(mine))
