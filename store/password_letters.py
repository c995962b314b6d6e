"""Letters that let a person choose a password: asked for on a page or by an admin, written by the receiving side, used
once.

In: an open connection, ids, the serial that the link bears. Out: whose letters are to be written; whom a link lets in.
The newest link counts, for RESET_MS (an invitation for INVITATION_MS); nobody is written to more often than every
AGAIN_MS. Raises only what the database raises.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import users
from store.tables_users import logins
from store.tables_users import password_letters as letters
from store.users import User

RESET_MS = 7_200_000
INVITATION_MS = 7 * 86_400_000
AGAIN_MS = 300_000
_SERIALS = 4_096  # what a token can bear


@dataclass(frozen=True, slots=True)
class Letter:
    """One to be written."""

    user: User
    serial: int
    invitation: bool


async def ask(conn: AsyncConnection, user_id: int, invitation: bool, now: int) -> bool:
    """Note that a letter is wanted; False (and nothing noted) when one was a moment ago."""
    known = (await conn.execute(select(letters).where(letters.c.login_id == user_id))).first()
    if known is not None and known.asked_at > now - AGAIN_MS:
        return False
    serial = (known.serial + 1) % _SERIALS if known is not None else 1
    await conn.execute(delete(letters).where(letters.c.login_id == user_id))
    row = {"login_id": user_id, "serial": serial, "invitation": invitation, "asked_at": now}
    await conn.execute(insert(letters), row)
    return True


async def waiting(conn: AsyncConnection, limit: int = 20) -> list[Letter]:
    """Those that are to be written."""
    wanted = users.query().add_columns(letters.c.serial, letters.c.invitation)
    wanted = wanted.join(letters, letters.c.login_id == logins.c.id)
    rows = await conn.execute(wanted.where(letters.c.sent_at.is_(None), letters.c.used_at.is_(None)).limit(limit))
    return [Letter(users.read(row), row.serial, bool(row.invitation)) for row in rows]


async def sent(conn: AsyncConnection, letter: Letter, now: int) -> None:
    """Note that a letter is queued."""
    mine = letters.c.login_id == letter.user.id, letters.c.serial == letter.serial
    await conn.execute(update(letters).where(*mine).values(sent_at=now))


async def opens(conn: AsyncConnection, user_id: int, serial: int, now: int) -> User | None:
    """Whom the link of that serial lets choose a password now; None when it is used, replaced or too old."""
    row = (await conn.execute(select(letters).where(letters.c.login_id == user_id))).first()
    if row is None or row.serial != serial or row.used_at is not None:
        return None
    if row.asked_at <= now - (INVITATION_MS if row.invitation else RESET_MS):
        return None
    return await users.get(conn, user_id)


async def use(conn: AsyncConnection, user_id: int, serial: int, hashed: str, now: int) -> bool:
    """Put the chosen password in force, once; False when the link opens nothing any more."""
    if await opens(conn, user_id, serial, now) is None:
        return False
    await users.set_password(conn, user_id, hashed)  # spends the letter, too
    return True
