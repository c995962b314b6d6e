"""`account` and `sender`: who may send, and under which addresses.

In: the parsed command line; a password on standard input. Out: one line that says what was done, or a list.
Raises Failure or Taken with one sentence when it cannot be done.
"""

from __future__ import annotations

import argparse
import sys

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from gateway.passwords import hash_password
from parsers.address import parse
from store import accounts
from store.engine import Database, now_ms
from store.values import Account, Sender


def add(found: argparse.Namespace) -> None:
    """Add an account with its first login, whose password is the first line of standard input."""
    settings = settings_of(found)
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise Failure("the password on standard input is empty")
    hashed = hash_password(password)

    async def work(database: Database) -> None:
        now = now_ms()
        async with database.write() as conn:
            gateway = settings.gateway
            account = await accounts.create_account(
                conn, found.name, found.legal_name, found.address, gateway.locale, gateway.timezone, now
            )
            await accounts.add_login(conn, account, found.login, hashed, "admin", now)

    with_database(settings, work)
    print(f"account {found.name}: added, login {found.login}")


def attest(found: argparse.Namespace) -> None:
    """Record who attests, in which words, that the account's recipients have consented to be followed."""

    async def work(database: Database) -> None:
        async with database.write() as conn:
            account = await _account(conn, found.name)
            await accounts.attest(conn, account.id, found.by, found.wording, now_ms())

    with_database(settings_of(found), work)
    print(f"account {found.name}: attestation by {found.by} recorded")


def list_all(found: argparse.Namespace) -> None:
    """List the accounts, one a line: name, attested or not, legal name, address."""

    async def work(database: Database) -> list[Account]:
        async with database.read() as conn:
            return await accounts.list_accounts(conn)

    for account in with_database(settings_of(found), work):
        state = "suspended" if account.suspended else "attested" if account.attested else "not attested"
        print("\t".join((account.name, state, account.legal_name, account.address)))


def add_sender(found: argparse.Namespace) -> None:
    """Declare a sender address of an account; only a verified one may send."""
    addresses = parse(found.address)
    if len(addresses) != 1 or addresses[0].fault is not None:
        raise Failure(f"{found.address!r} is no e-mail address")
    address = addresses[0]

    async def work(database: Database) -> None:
        async with database.write() as conn:
            account, now = await _account(conn, found.name), now_ms()
            verified = now if found.verified else None
            await accounts.declare_sender(conn, account.id, address.address, address.name, verified, now)

    with_database(settings_of(found), work)
    state = "verified" if found.verified else "declared, may not send before it is verified (--verified)"
    print(f"sender {address.address} of {found.name}: {state}")


def list_senders(found: argparse.Namespace) -> None:
    """List the verified senders of an account, one a line: address, name."""

    async def work(database: Database) -> list[Sender]:
        async with database.read() as conn:
            return await accounts.list_senders(conn, (await _account(conn, found.name)).id)

    for sender in with_database(settings_of(found), work):
        print(f"{sender.address}\t{sender.name}")


async def _account(conn: AsyncConnection, name: str) -> Account:
    account = await accounts.find_account(conn, name)
    if account is None:
        raise Failure(f"no account {name!r}: add it with mail2campaign account add")
    return account
