"""What can be typed about programs: the keys with which they call, and the secrets behind tokens.

In: how commands and groups are added. Out: nothing; the parser knows them. Raises nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

Add = Callable[..., argparse.ArgumentParser]
Group = Callable[[str, str], Any]


def arguments(add: Add, group: Group, accounts: Any) -> None:
    """Add the commands about programs."""
    single = add(accounts, "single", "singles:single", "let the logins of an account submit single messages to anybody")
    single.add_argument("name", metavar="NAME")
    single.add_argument("value", choices=("on", "off"))
    actions = group("key", "API keys of accounts, and the secrets that tokens and suppressions are made with")
    new = add(actions, "add", "api_keys:add", "make an API key for an account and print it, once")
    new.add_argument("name", metavar="NAME")
    new.add_argument("--label", default="", metavar="TEXT", help="what it is for, as key list shows it")
    new.add_argument(
        "--scope", action="append", choices=("read", "send", "admin"), help="what it may do (default: all three)"
    )
    new.add_argument("--expires", metavar="DATE", help="the day on which it ends, 2027-06-30")
    listing = add(actions, "list", "api_keys:show", "list API keys: name, account, scopes, last use, end, label")
    listing.add_argument("name", metavar="NAME", nargs="?", help="of one account (default: of all)")
    revoke = add(actions, "revoke", "api_keys:revoke", "end an API key at once")
    revoke.add_argument("key", metavar="KEY", help="its name as key list shows it, or the whole key")
    rotate = add(
        actions, "rotate", "keyring:rotate", "put a new secret in force; what the old ones made is read for ever"
    )
    rotate.add_argument("ring", choices=("tokens", "suppression"))
