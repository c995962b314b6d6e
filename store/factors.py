"""The second factor of a login: one-time codes that count once, recovery codes, and passwords of programs beside it.

In: an open connection, ids, digests. Out: whether a code or a password was right. Whether a code fits is known to
gateway.totp; here it is only seen to that none counts twice. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables_users import app_passwords, logins, recovery_codes

DAY = 86_400_000
MOST = 20  # passwords of programs of one login


@dataclass(frozen=True, slots=True)
class AppPassword:
    """One password of a program, by the name that its owner gave it."""

    id: int
    name: str
    created_at: int
    used_at: int | None


async def renew(conn: AsyncConnection, user_id: int) -> None:
    """Let the secret be another one, for a login that has no second factor in force."""
    mine = update(logins).where(logins.c.id == user_id, logins.c.totp_at.is_(None))
    await conn.execute(mine.values(totp_serial=logins.c.totp_serial + 1))


async def enable(conn: AsyncConnection, user_id: int, serial: int, step: int, codes: Sequence[bytes], now: int) -> bool:
    """Ask for one-time codes from now on; False when the secret was changed meanwhile or is in force already."""
    mine = update(logins).where(
        logins.c.id == user_id, logins.c.totp_serial == serial, logins.c.totp_at.is_(None), logins.c.totp_step < step
    )
    if (await conn.execute(mine.values(totp_at=now, totp_step=step))).rowcount != 1:
        return False
    await _codes(conn, user_id, codes)
    return True


async def _codes(conn: AsyncConnection, user_id: int, codes: Sequence[bytes]) -> None:
    await conn.execute(delete(recovery_codes).where(recovery_codes.c.login_id == user_id))
    await conn.execute(insert(recovery_codes), [{"login_id": user_id, "digest": digest} for digest in codes])


async def disable(conn: AsyncConnection, user_id: int) -> None:
    """Ask for no one-time codes any more; the secret is never used again."""
    await conn.execute(delete(recovery_codes).where(recovery_codes.c.login_id == user_id))
    mine = update(logins).where(logins.c.id == user_id)
    await conn.execute(mine.values(totp_at=None, totp_serial=logins.c.totp_serial + 1))


async def take_step(conn: AsyncConnection, user_id: int, step: int) -> bool:
    """Take the code of a step, once (RFC 6238 section 5.2)."""
    mine = update(logins).where(logins.c.id == user_id, logins.c.totp_step < step)
    return (await conn.execute(mine.values(totp_step=step))).rowcount == 1


async def take_code(conn: AsyncConnection, user_id: int, digest: bytes, now: int) -> bool:
    """Take a recovery code, once."""
    mine = update(recovery_codes).where(
        recovery_codes.c.login_id == user_id, recovery_codes.c.digest == digest, recovery_codes.c.used_at.is_(None)
    )
    return (await conn.execute(mine.values(used_at=now))).rowcount == 1


async def codes_left(conn: AsyncConnection, user_id: int) -> int:
    """How many recovery codes were not used yet."""
    mine = select(func.count()).where(recovery_codes.c.login_id == user_id, recovery_codes.c.used_at.is_(None))
    return int(await conn.scalar(mine) or 0)


async def add_password(conn: AsyncConnection, user_id: int, name: str, digest: bytes, now: int) -> bool:
    """Keep a password of a program; False when there are MOST already."""
    if len(await passwords(conn, user_id)) >= MOST:
        return False
    row = {"login_id": user_id, "name": name, "digest": digest, "created_at": now}
    await conn.execute(insert(app_passwords), row)
    return True


async def passwords(conn: AsyncConnection, user_id: int) -> list[AppPassword]:
    """The passwords of programs of a login, the oldest first."""
    mine = select(app_passwords).where(app_passwords.c.login_id == user_id).order_by(app_passwords.c.id)
    return [AppPassword(row.id, row.name, row.created_at, row.used_at) for row in await conn.execute(mine)]


async def drop_password(conn: AsyncConnection, user_id: int, number: int) -> None:
    """Forget a password of a program: it opens nothing any more."""
    mine = app_passwords.c.login_id == user_id, app_passwords.c.id == number
    await conn.execute(delete(app_passwords).where(*mine))


async def password_of(conn: AsyncConnection, user_id: int, digest: bytes) -> AppPassword | None:
    """The password of a program with that digest."""
    mine = select(app_passwords).where(app_passwords.c.login_id == user_id, app_passwords.c.digest == digest)
    row = (await conn.execute(mine)).first()
    return None if row is None else AppPassword(row.id, row.name, row.created_at, row.used_at)


async def password_used(conn: AsyncConnection, found: AppPassword, now: int) -> None:
    """Note the day on which a password was used last."""
    await conn.execute(update(app_passwords).where(app_passwords.c.id == found.id).values(used_at=now - now % DAY))
