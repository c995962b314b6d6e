"""`account unaligned|advice|leaving`: what an account wants of senders without a key, of grave advice, of unsubscribing.

In: the parsed command line. Out: one line that says what is in force. Raises Failure when there is no such account.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from store import accounts, rulings
from store.engine import Database
from store.rulings import Rules


def unaligned(found: argparse.Namespace) -> None:
    """Show or change what becomes of a sender whose domain we have no DKIM key for."""
    wanted = _wanted(found.value, ("via", "hold"))
    rules = _rules(found, lambda old: replace(old, unaligned_held=wanted) if wanted is not None else old)
    print(
        f"account {found.name}: senders without a key are {'held' if rules.unaligned_held else 'sent via the gateway'}"
    )


def advice(found: argparse.Namespace) -> None:
    """Show or change whether grave advice holds a campaign until it is corrected."""
    wanted = _wanted(found.value, ("show", "hold"))
    rules = _rules(found, lambda old: replace(old, advice_holds=wanted) if wanted is not None else old)
    print(f"account {found.name}: grave advice {'holds campaigns' if rules.advice_holds else 'is shown only'}")


def leaving(found: argparse.Namespace) -> None:
    """Show or change what people leave who unsubscribe: all campaigns of the account, or those of one sender address."""
    wanted = _wanted(found.value, ("account", "sender"))
    rules = _rules(found, lambda old: replace(old, leaving_sender=wanted) if wanted is not None else old)
    what = "the campaigns of that sender address" if rules.leaving_sender else "all campaigns of the account"
    print(f"account {found.name}: who unsubscribes leaves {what}")


def _wanted(value: str | None, words: tuple[str, str]) -> bool | None:
    if value is not None and value not in words:
        raise Failure(f"{value!r} is neither {words[0]} nor {words[1]}")
    return None if value is None else value == words[1]


def _rules(found: argparse.Namespace, change: Callable[[Rules], Rules]) -> Rules:
    async def work(database: Database) -> Rules:
        async with database.write() as conn:
            account = await accounts.find_account(conn, found.name)
            if account is None:
                raise Failure(f"no account {found.name!r}: add it with mail2campaign account add")
            rules = change(await rulings.rules_of(conn, account.id))
            await rulings.set_rules(conn, account.id, rules)
            return rules

    return with_database(settings_of(found), work)
