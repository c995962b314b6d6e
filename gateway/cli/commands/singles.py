"""`account single`: whether the logins of an account may submit single transactional messages to anybody.

In: the parsed command line. Out: one line. Raises Failure with one sentence: without a cap (account transactional) there is
nothing to allow.
"""

from __future__ import annotations

import argparse

from gateway.cli.commands.accounts import account_of
from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from store import accounts
from store.engine import Database


def single(found: argparse.Namespace) -> None:
    """Let single messages in on 587 and 465, or not."""

    async def work(database: Database) -> int | None:
        async with database.write() as conn:
            account = await account_of(conn, found.name)
            if found.value == "on" and not account.transactional_per_hour:
                raise Failure(f"grant it a cap first: mail2campaign account transactional {found.name} 500")
            await accounts.set_single(conn, account.id, found.value == "on")
            return account.transactional_per_hour

    cap = with_database(settings_of(found), work)
    said = f"single messages to anybody, {cap} an hour" if found.value == "on" else "no single messages"
    print(f"account {found.name}: {said}")
