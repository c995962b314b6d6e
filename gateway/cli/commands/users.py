"""`user`: who logs in under an account, and what they may do there.

In: the parsed command line; a password on standard input where that is asked for. Out: one line that says what was
done, or a list. Without a password the person gets a link by mail to choose one. Raises Failure, Taken or LastAdmin
with one sentence.
"""

from __future__ import annotations

import argparse
import sys

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.cli.commands import people
from gateway.cli.commands.accounts import account_of
from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from gateway.passwords import SHORTEST, hash_password
from parsers import days
from store import factors, password_letters, users
from store.engine import Database, now_ms
from store.users import User


def add(found: argparse.Namespace) -> None:
    """Add a user to an account; the password is read from standard input, or a link to choose one is mailed."""
    email = people.address_of(found.email or found.login) if found.email or "@" in found.login else ""
    if not found.password_stdin and not email:
        raise Failure("give --email, where a link to choose the password is sent, or --password-stdin")
    hashed = _password() if found.password_stdin else ""

    async def work(database: Database) -> None:
        now = now_ms()
        async with database.write() as conn:
            account = await account_of(conn, found.name)
            user = await users.add(conn, account.id, found.login, email, hashed, found.role, found.operator, now)
            if not hashed:
                await password_letters.ask(conn, user, True, now)

    with_database(settings_of(found), work)
    also = ", operator of the gateway" if found.operator else ""
    then = "" if hashed else f"; a link to choose a password goes to {email}"
    print(f"user {found.login}: added to {found.name}, {found.role}{also}{then}")


def show(found: argparse.Namespace) -> None:
    """List users, one a line: account, login, role, operator, second factor, address, last seen."""

    async def work(database: Database) -> list[User]:
        async with database.read() as conn:
            account = await account_of(conn, found.name) if found.name else None
            return await users.list_of(conn, account.id if account else None)

    for user in with_database(settings_of(found), work):
        flags = ("operator" if user.operator else "-", "second factor" if user.second_factor else "-")
        print("\t".join((user.account, user.login, user.role, *flags, user.email, days.date(user.seen_at))))


def role(found: argparse.Namespace) -> None:
    """Give a user another role, and make them an operator of the gateway or not."""

    async def work(database: Database) -> User:
        async with database.write() as conn:
            user = await _user(conn, found.login)
            operator = user.operator if found.operator is None else found.operator == "yes"
            await users.set_role(conn, user, found.role or user.role, operator)
            return await _user(conn, found.login)

    user = with_database(settings_of(found), work)
    print(f"user {user.login}: {user.role}{', operator of the gateway' if user.operator else ''}")


def password(found: argparse.Namespace) -> None:
    """Put a password from standard input in force, or mail a link to choose one; every session of the user ends."""
    hashed = _password() if found.password_stdin else ""

    async def work(database: Database) -> str:
        async with database.write() as conn:
            user = await _user(conn, found.login)
            if found.no_second_factor:
                await factors.disable(conn, user.id)
            if hashed:
                await users.set_password(conn, user.id, hashed)
                return "password changed, every session ended"
            if not user.email:
                raise Failure(f"user {user.login} has no e-mail address: give --password-stdin")
            if not await password_letters.ask(conn, user.id, False, now_ms()):
                raise Failure(f"user {user.login} was sent a link a moment ago")
            return f"a link to choose a password goes to {user.email}"

    print(f"user {found.login}: {with_database(settings_of(found), work)}")


def remove(found: argparse.Namespace) -> None:
    """Forget a user; every session ends."""

    async def work(database: Database) -> None:
        async with database.write() as conn:
            await users.remove(conn, await _user(conn, found.login))

    with_database(settings_of(found), work)
    print(f"user {found.login}: removed")


def _password() -> str:
    said = sys.stdin.readline().rstrip("\r\n")
    if len(said) < SHORTEST:
        raise Failure(f"the password on standard input is shorter than {SHORTEST} characters")
    return hash_password(said)


async def _user(conn: AsyncConnection, login: str) -> User:
    user = await users.find(conn, login)
    if user is None:
        raise Failure(f"no user {login!r}: mail2campaign user list shows them")
    return user
