"""What can be typed about people: consents, everything stored about one person, complaints.

In: how gateway.cli.arguments adds a command and a group. Out: nothing; the commands are there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

Add = Callable[..., argparse.ArgumentParser]
Group = Callable[[str, str], Any]
_ROLES = ("read", "send", "admin")


def arguments(add: Add, group: Group) -> None:
    """Add the commands about people."""
    _users(add, group)
    _consents(add, group)
    _persons(add, group)
    _complaints(add, group)


def _users(add: Add, group: Group) -> None:
    actions = group("user", "people who log in under an account: read looks, send writes campaigns, admin does all")
    new = add(actions, "add", "users:add", "add a user; without a password they get a link by mail to choose one")
    new.add_argument("name", metavar="ACCOUNT")
    new.add_argument("login", metavar="LOGIN", help="their e-mail address, or another name")
    new.add_argument("--email", default="", metavar="ADDRESS", help="(default: the login, when it is an address)")
    new.add_argument("--role", choices=_ROLES, default="send", help="(default: send)")
    new.add_argument("--operator", action="store_true", help="also looks after the gateway: all accounts, queues, IPs")
    add(actions, "list", "users:show", "list the users").add_argument("name", metavar="ACCOUNT", nargs="?")
    role = add(actions, "role", "users:role", "give a user another role")
    role.add_argument("login", metavar="LOGIN")
    role.add_argument("role", choices=_ROLES, nargs="?")
    role.add_argument("--operator", choices=("yes", "no"))
    word = add(actions, "password", "users:password", "mail a user a link to choose a password")
    word.add_argument("login", metavar="LOGIN")
    word.add_argument("--no-second-factor", action="store_true", help="and ask for no one-time code: theirs is lost")
    for parser in (new, word):
        parser.add_argument("--password-stdin", action="store_true", help="read the password from stdin instead")
    add(actions, "remove", "users:remove", "forget a user").add_argument("login", metavar="LOGIN")


def _consents(add: Add, group: Group) -> None:
    actions = group("consent", "the consent register: who agreed to be followed, who refused, and what proves it")
    parsers = {}
    for name, run, text in (
        ("list", "show", "list what stands for each address"),
        ("history", "history", "list every word that was recorded of an address"),
        ("agree", "agree", "record that a person agreed"),
        ("refuse", "refuse", "record that a person refused: acts on mails already sent too"),
        ("import", "bring_in", "add the words of a list (columns Email, Consent, Date, Source, Wording)"),
        ("export", "export", "write the whole register as CSV"),
    ):
        parsers[name] = add(actions, name, f"consents:{run}", text)
        parsers[name].add_argument("--account", required=True, metavar="NAME")
    for name in ("history", "agree", "refuse"):
        parsers[name].add_argument("address", metavar="ADDRESS")
    for name in ("agree", "refuse", "import"):
        parsers[name].add_argument("--by", default="", metavar="WHO", help="who records it")
        parsers[name].add_argument("--date", metavar="DATE", help="when it was said, 2026-11-27 (default: now)")
        wording = "what the person was asked, word for word"
        parsers[name].add_argument("--wording", required=name == "agree", default="", metavar="TEXT", help=wording)
        source = "import" if name == "import" else "command"
        parsers[name].add_argument("--source", default=source, metavar="TEXT", help="how it was said")
    parsers["import"].add_argument("file", metavar="FILE")
    parsers["export"].add_argument("file", metavar="FILE", nargs="?", help="(default: standard output)")


def _persons(add: Add, group: Group) -> None:
    actions = group("person", "everything stored about one person")
    export = add(actions, "export", "persons:export", "write everything that is stored about a person (JSON)")
    export.add_argument("--csv", action="store_true", help="as a table instead")
    erase = add(actions, "erase", "persons:erase", "erase a person; suppressions and refusals stay as keyed hashes")
    erase.add_argument("--suppress", action="store_true", help="and let nobody write to the address any more")
    for parser in (export, erase):
        parser.add_argument("address", metavar="ADDRESS")
        parser.add_argument("--account", metavar="NAME", help="of one account only (default: of all)")
    export.add_argument("file", metavar="FILE", nargs="?", help="(default: standard output)")


def _complaints(add: Add, group: Group) -> None:
    actions = group("complaints", "complaints by provider, beside what each bears")
    rates = add(
        actions, "rates", "complaints:rates", "show delivered mails, complaints and their rate at each provider"
    )
    rates.add_argument("--days", type=int, default=30, metavar="N", help="of the last N days (default: 30)")
    rates.add_argument("--account", metavar="NAME")
    rates.add_argument("--campaign", type=int, metavar="ID")
    bring = add(actions, "import", "complaints:bring_in", "add figures that a provider reports (Signal Spam's CSV)")
    bring.add_argument("file", metavar="FILE")
    bring.add_argument("--source", default="Signal Spam", metavar="NAME", help="(default: Signal Spam)")
    names = "which columns to read: date=Jour,ip=IP,count=Nombre,provider=FAI"
    bring.add_argument("--columns", default="", metavar="MAP", help=names)
