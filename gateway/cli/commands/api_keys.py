"""`key add|list|revoke`: the keys with which programs call the API.

In: the parsed command line. Out: the key alone (add), lines for people and scripts (list), one line (revoke). Raises Failure
with one sentence.
"""

from __future__ import annotations

import argparse

from gateway.cli.commands.accounts import account_of
from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.commands.people import day
from gateway.cli.failure import Failure
from parsers.days import date
from store import accounts, api_keys
from store.api_keys import SCOPES, Key
from store.engine import Database, now_ms


def add(found: argparse.Namespace) -> None:
    """Make a key and print it alone: it is shown this once."""
    now, ends = now_ms(), day(found.expires) if found.expires else None
    if ends is not None and ends <= now:
        raise Failure(f"--expires {found.expires} has passed")

    async def work(database: Database) -> str:
        async with database.write() as conn:
            account = await account_of(conn, found.name)
            _, text = await api_keys.add(conn, account.id, found.label, found.scope or SCOPES, ends, now)
            return text

    print(with_database(settings_of(found), work))


def show(found: argparse.Namespace) -> None:
    """List keys, one a line: name, account, scopes, state, last use, end, label."""

    async def work(database: Database) -> list[tuple[Key, str]]:
        async with database.read() as conn:
            names = {one.id: one.name for one in await accounts.list_accounts(conn)}
            wanted = (await account_of(conn, found.name)).id if found.name else None
            return [(key, names[key.account_id]) for key in await api_keys.list_of(conn, wanted)]

    now = now_ms()
    for key, name in with_database(settings_of(found), work):
        state = "revoked" if key.revoked_at is not None else "works" if key.works(now) else "ended"
        scopes = ",".join(scope for scope in SCOPES if scope in key.scopes)
        used = date(key.used_at) or "never used"
        print("\t".join((key.public, name, scopes, state, used, date(key.expires_at), key.label)))


def revoke(found: argparse.Namespace) -> None:
    """End a key: the next request with it is refused."""
    words = found.key.strip().split("_")
    public = words[1] if len(words) == 3 else words[-1]

    async def work(database: Database) -> bool:
        async with database.write() as conn:
            return await api_keys.revoke(conn, public, now_ms())

    if not with_database(settings_of(found), work):
        raise Failure(f"no key {public!r} that works: see mail2campaign key list")
    print(f"key {public}: revoked")
