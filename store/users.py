"""People who log in, each under one account: read looks, send writes campaigns, admin also looks after the account.

In: an open connection and plain values; passwords come hashed. Out: a frozen `User`. A user may also be an operator,
who looks after the gateway itself. `set_password` and `remove` end every session of the person. Raises accounts.Taken
for a login that exists, LastAdmin when an account would be left without an admin, and what the database raises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from store.accounts import Taken
from store.tables import accounts
from store.tables_users import (
    app_passwords,
    drafts,
    login_columns,
    logins,
    password_letters,
    recovery_codes,
    saved_filters,
    sessions,
)

ROLES = ("read", "send", "admin")  # each may what the one before may


class LastAdmin(Exception):
    """The last admin of an account stays one: nobody else could look after it."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may log in; `locale` and `timezone` are those in which pages speak to them."""

    id: int
    account_id: int
    account: str
    login: str
    email: str
    role: str
    operator: bool
    locale: str
    timezone: str
    suspended: bool  # the account: it sends nothing
    second_factor: bool
    totp_serial: int
    created_at: int
    seen_at: int | None
    password_hash: str = field(repr=False)

    def may(self, role: str) -> bool:
        """Whether the user has that role, or a higher one."""
        return ROLES.index(self.role) >= ROLES.index(role)


def query() -> Select[Any]:
    """All users with what `read` needs."""
    return select(
        logins.c.id, logins.c.account_id, accounts.c.name.label("account"), logins.c.login, logins.c.email,
        logins.c.role, logins.c.operator, logins.c.locale, accounts.c.locale.label("account_locale"),
        accounts.c.timezone, accounts.c.suspended, logins.c.totp_at, logins.c.totp_serial,
        logins.c.created_at.label("user_created_at"), logins.c.seen_at.label("user_seen_at"), logins.c.password_hash,
    ).join(accounts, accounts.c.id == logins.c.account_id)  # fmt: skip


def read(row: Any) -> User:
    """The user of a row of `query`."""
    return User(
        row.id, row.account_id, row.account, row.login, row.email, row.role, bool(row.operator),
        row.locale or row.account_locale, row.timezone, bool(row.suspended), row.totp_at is not None, row.totp_serial,
        row.user_created_at, row.user_seen_at, row.password_hash,
    )  # fmt: skip


async def add(
    conn: AsyncConnection, account_id: int, login: str, email: str, hashed: str, role: str, operator: bool, now: int
) -> int:
    """Add a user and return its id; an empty hash fits no password until one is chosen. Taken when the login exists."""
    row = {
        "account_id": account_id, "login": login.casefold(), "email": email, "password_hash": hashed, "role": role,
        "operator": operator, "created_at": now,
    }  # fmt: skip
    if await find(conn, login) is not None:
        raise Taken(f"login {login!r} exists already")
    try:
        return int((await conn.execute(insert(logins).returning(logins.c.id), row)).scalar_one())
    except IntegrityError as error:
        raise Taken(f"login {login!r} exists already") from error


async def find(conn: AsyncConnection, login: str) -> User | None:
    """The user of that login, whatever its case."""
    row = (await conn.execute(query().where(logins.c.login == login.casefold()))).first()
    return None if row is None else read(row)


async def get(conn: AsyncConnection, user_id: int) -> User | None:
    """The user of that id."""
    row = (await conn.execute(query().where(logins.c.id == user_id))).first()
    return None if row is None else read(row)


async def list_of(conn: AsyncConnection, account_id: int | None = None) -> list[User]:
    """The users of an account (None: of all), by account and login."""
    wanted = query().order_by(accounts.c.name, logins.c.login)
    if account_id is not None:
        wanted = wanted.where(logins.c.account_id == account_id)
    return [read(row) for row in await conn.execute(wanted)]


async def set_role(conn: AsyncConnection, user: User, role: str, operator: bool) -> None:
    """Give a user another role; LastAdmin when the account would have no admin any more."""
    if user.role == "admin" and role != "admin":
        await _keep_admin(conn, user)
    await conn.execute(update(logins).where(logins.c.id == user.id).values(role=role, operator=operator))


async def set_password(conn: AsyncConnection, user_id: int, hashed: str) -> None:
    """Put a password in force: every session ends, and no letter opens anything any more."""
    await conn.execute(update(logins).where(logins.c.id == user_id).values(password_hash=hashed))
    await conn.execute(delete(sessions).where(sessions.c.login_id == user_id))
    await conn.execute(
        update(password_letters)
        .where(password_letters.c.login_id == user_id, password_letters.c.used_at.is_(None))
        .values(used_at=0)
    )


async def set_email(conn: AsyncConnection, user_id: int, email: str) -> None:
    """Where letters about the password go."""
    await conn.execute(update(logins).where(logins.c.id == user_id).values(email=email))


async def set_locale(conn: AsyncConnection, user_id: int, locale: str) -> None:
    """The language in which pages speak to a user."""
    await conn.execute(update(logins).where(logins.c.id == user_id).values(locale=locale))


async def remove(conn: AsyncConnection, user: User) -> None:
    """Forget a user; LastAdmin when the account would have no admin any more."""
    if user.role == "admin":
        await _keep_admin(conn, user)
    for table in (sessions, password_letters, recovery_codes, app_passwords, drafts, login_columns, saved_filters):
        await conn.execute(delete(table).where(table.c.login_id == user.id))
    await conn.execute(delete(logins).where(logins.c.id == user.id))


async def _keep_admin(conn: AsyncConnection, user: User) -> None:
    others = select(func.count()).where(
        logins.c.account_id == user.account_id, logins.c.role == "admin", logins.c.id != user.id
    )
    if not await conn.scalar(others):
        raise LastAdmin(f"{user.login} is the last admin of {user.account}")
