"""What can be typed about accounts: their life, what they attest, what they may send, the rules that hold for them.

In: how gateway.cli.arguments adds a command, and the group `account`. Out: nothing; the commands are there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

Add = Callable[..., argparse.ArgumentParser]


def arguments(add: Add, actions: Any) -> None:
    """Add the commands about accounts."""
    named = partial(_named, add, actions)
    _life(add, actions, named)
    _attested(named)
    _bounds(named)
    _rules(named)


def _named(add: Add, actions: Any, name: str, run: str, text: str) -> argparse.ArgumentParser:
    """A command whose first word is an account's name."""
    parser = add(actions, name, run, text)
    parser.add_argument("name", metavar="NAME")
    return parser


Named = Callable[[str, str, str], argparse.ArgumentParser]


def _life(add: Add, actions: Any, named: Named) -> None:
    new = named("add", "accounts:add", "add an account with its first login")
    new.add_argument("--login", required=True, metavar="LOGIN")
    new.add_argument("--password-stdin", action="store_true", required=True, help="read the password from stdin")
    new.add_argument("--legal-name", default="", metavar="TEXT", help="name written under marketing mails")
    new.add_argument("--address", default="", metavar="TEXT", help="postal address written under marketing mails")
    add(actions, "list", "accounts:list_all", "list the accounts")
    named("suspend", "accounts:suspend", "stop every sending of an account, within a second; nothing is lost")
    named("resume", "accounts:resume", "let a suspended account send again")


def _attested(named: Named) -> None:
    attest = named("attest", "accounts:attest", "record that an account holds its recipients' consents")
    attest.add_argument("--by", required=True, metavar="WHO")
    what = attest.add_mutually_exclusive_group(required=True)
    what.add_argument("--wording", metavar="TEXT", help="what is attested, word for word")
    what.add_argument("--withdraw", action="store_true", help="take back what was attested, for mails already sent too")
    attest.add_argument("--date", metavar="DATE", help="when it was attested, 2026-11-27 (default: now)")
    text = "let service mail keep the day of each person's last reading"
    named("hygiene", "accounts:hygiene", text).add_argument("value", choices=("on", "off"))


def _bounds(named: Named) -> None:
    grant = named("transactional", "accounts:transactional", "grant transactional mail: so many messages an hour")
    grant.add_argument("per_hour", metavar="N|off", help="messages an hour over all its campaigns; off: not granted")
    quota = named("quota", "accounts:quota", "show or change how many recipients a day an account may write to")
    quota.add_argument("value", metavar="N|none|auto", nargs="?", help="auto: the rule of new accounts")
    domain = named("domain", "hosts:domain", "show or choose an account's own host for links and bounces")
    domain.add_argument("host", metavar="HOST", nargs="?", help="envois.example.fr; off: the gateway's own name again")
    pool = named("pool", "ip:account_pool", "let an account send from a pool of addresses")
    pool.add_argument("pool", metavar="POOL", help="its addresses are added with ip add --pool; shared: those of all")


def _rules(named: Named) -> None:
    proof = named("proof", "accounts:proof", "show or change what proves an account's mails on port 25")
    proof.add_argument("--alignment", choices=("strict", "relaxed"), help="strict: signed by the very domain of From")
    proof.add_argument("--spf", choices=("yes", "no"), help="yes: SPF of an aligned return path proves, too")
    proof.add_argument("--validation", choices=("yes", "no"), help="yes: every campaign waits for its author's word")
    for name, values, text, about in (
        ("unaligned", "via|hold", "what becomes of a sender for whom we have no DKIM key",
         "via: sent as NAME via GATEWAY; hold: until it has one"),
        ("advice", "show|hold", "whether grave advice holds the campaigns of an account", None),
        ("leaving", "account|sender", "what people leave who unsubscribe",
         "sender: the campaigns of that sender address only"),
    ):  # fmt: skip
        named(name, f"rules:{name}", text).add_argument("value", metavar=values, nargs="?", help=about)
