"""`account`: who may send, how much, and what proves it.

In: the parsed command line; a password on standard input. Out: one line that says what was done, or a list.
Raises Failure or Taken with one sentence when it cannot be done.
"""

from __future__ import annotations

import argparse
import sys

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.cli.commands import people
from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from gateway.passwords import hash_password
from store import accounts, consents, control, proved, quotas, suppressions, talks
from store.control import Halted
from store.engine import Database, now_ms
from store.proved import Rules
from store.quotas import Allowance
from store.values import Account


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
    """Record who attests, in which words, that the account's recipients have consented to be followed, or take it back."""
    settings, now = settings_of(found), now_ms()
    at = people.day(found.date) if found.date else now
    if at > now:
        raise Failure(f"--date {found.date} is still to come")

    async def work(database: Database) -> str:
        async with database.write() as conn:
            account = await account_of(conn, found.name)
            if not found.withdraw:
                await accounts.attest(conn, account.id, found.by, found.wording, at)
                return f"attestation by {found.by} recorded"
            if not await consents.withdraw_attestation(conn, account.id, found.by, now):
                raise Failure(f"account {found.name} has attested nothing")
        changed = await _unfollow(database, account.id, suppressions.load(settings))
        return f"attestation withdrawn by {found.by}; {changed} recipients are followed no more"

    print(f"account {found.name}: {with_database(settings, work)}")


async def _unfollow(database: Database, account_id: int, keys: suppressions.SuppressionKeys) -> int:
    after, changed = 0, 0
    while True:  # senders write in between
        async with database.write() as conn:
            step = await consents.unfollow_attested(conn, account_id, after, keys)
        if step is None:
            return changed
        after, changed = step[0], changed + step[1]


def hygiene(found: argparse.Namespace) -> None:
    """Let service mail of an account keep the day of each person's last reading, or not (SPEC 6)."""

    async def work(database: Database) -> None:
        async with database.write() as conn:
            account = await account_of(conn, found.name)
            await accounts.set_hygiene(conn, account.id, found.value == "on")

    with_database(settings_of(found), work)
    kept = "keeps the day of the last reading" if found.value == "on" else "keeps nothing of its readings"
    print(f"account {found.name}: service mail {kept}")


def transactional(found: argparse.Namespace) -> None:
    """Grant an account transactional mail, so many messages an hour, or take the grant back (SPEC 3)."""
    digits = found.per_hour.isascii() and found.per_hour.isdigit() and len(found.per_hour) < 9
    if found.per_hour != "off" and not (digits and int(found.per_hour)):
        raise Failure(f"{found.per_hour!r} is neither a number of messages an hour from 1 nor off")
    per_hour = None if found.per_hour == "off" else int(found.per_hour)

    async def work(database: Database) -> None:
        async with database.write() as conn:
            account = await account_of(conn, found.name)
            await accounts.set_transactional(conn, account.id, per_hour)

    with_database(settings_of(found), work)
    print(f"account {found.name}: transactional mail {'not granted' if per_hour is None else f'{per_hour} an hour'}")


def list_all(found: argparse.Namespace) -> None:
    """List the accounts, one a line: name, attested or not, legal name, address."""

    async def work(database: Database) -> list[Account]:
        async with database.read() as conn:
            return await accounts.list_accounts(conn)

    for account in with_database(settings_of(found), work):
        state = "suspended" if account.suspended else "attested" if account.attested else "not attested"
        print("\t".join((account.name, state, account.legal_name, account.address)))


def suspend(found: argparse.Namespace) -> None:
    """Stop every sending of an account; nothing is lost, and nothing new is taken."""
    halted = _suspended(found, suspended=True)
    print(f"account {found.name}: suspended, {halted.recipients} recipients of {halted.campaigns} campaigns wait")


def resume(found: argparse.Namespace) -> None:
    """Let an account send again."""
    halted = _suspended(found, suspended=False)
    print(f"account {found.name}: sends again, {halted.recipients} recipients of {halted.campaigns} campaigns waited")


def _suspended(found: argparse.Namespace, *, suspended: bool) -> Halted:
    async def work(database: Database) -> Halted:
        async with database.write() as conn:
            account = await account_of(conn, found.name)
            if account.suspended == suspended:
                raise Failure(f"account {found.name} is {'suspended already' if suspended else 'not suspended'}")
            return await control.suspend(conn, account.id, suspended, now_ms())

    return with_database(settings_of(found), work)


def quota(found: argparse.Namespace) -> None:
    """Show or change how many recipients a day an account may write to."""
    settings = settings_of(found)
    wanted = _wanted(found.value)

    async def work(database: Database) -> Allowance | None:
        async with database.write() as conn:
            account = await account_of(conn, found.name)
            if found.value is not None:
                await quotas.change(conn, account.id, wanted)
            return await quotas.allowance(conn, account.id, settings.limits.new_account_per_day, now_ms())

    allowance = with_database(settings, work)
    said = (
        "no limit" if allowance is None else f"{allowance.per_day} recipients a day, {allowance.left} left today (UTC)"
    )
    print(f"account {found.name}: {said}")


def _wanted(value: str | None) -> int | None:
    if value is None or value == "auto":
        return None
    if value == "none":
        return quotas.NO_LIMIT
    if not value.isascii() or not value.isdigit() or not 0 < int(value) <= 1_000_000_000:
        raise Failure(f"{value!r} is no quota: a number of recipients a day, none, or auto (the rule of new accounts)")
    return int(value)


def proof(found: argparse.Namespace) -> None:
    """Show or change what proves an account's mails on port 25, and whether its campaigns wait for a word."""

    async def work(database: Database) -> tuple[Rules, bool]:
        async with database.write() as conn:
            account = await account_of(conn, found.name)
            rules, waits = await proved.rules(conn, account.id), await talks.validates(conn, account.id)
            relaxed = found.alignment == "relaxed" if found.alignment else rules.relaxed
            wanted = Rules(relaxed, found.spf == "yes" if found.spf else rules.spf)
            if wanted != rules:
                await proved.set_rules(conn, account.id, wanted)
            if found.validation and waits != (found.validation == "yes"):
                waits = not waits
                await talks.set_validation(conn, account.id, waits)
            return wanted, waits

    rules, waits = with_database(settings_of(found), work)
    ways = f"DKIM {'relaxed' if rules.relaxed else 'strict'}{', SPF' if rules.spf else ''}"
    print(f"account {found.name}: {ways}; validation {'always' if waits else 'of what port 25 proved'}")


async def account_of(conn: AsyncConnection, name: str) -> Account:
    """The account of that name; Failure when there is none."""
    account = await accounts.find_account(conn, name)
    if account is None:
        raise Failure(f"no account {name!r}: add it with mail2campaign account add")
    return account
