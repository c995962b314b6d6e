"""What `init` still wants to know: asked on a terminal, and only there.

In: the parsed command line. Out: a `Wanted` with folder, domain, values for the settings file and addresses for the zone.
Without a terminal nothing is asked: a missing folder or domain ends the program with status 2 and one line. Raises Failure
for a value that is none; on a terminal it is asked again.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from gateway.cli.failure import Failure
from gateway.i18n import text

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """`chosen` are values of the settings file: section -> key -> value."""

    dir: str
    domain: str
    chosen: dict[str, dict[str, Any]]
    addresses: tuple[str, ...]


def complete(found: argparse.Namespace) -> Wanted:
    """Ask for what is missing where somebody can answer."""
    addresses = [_address(one) for one in found.public_address or ()]
    if found.dir is None or found.domain is None:
        if not _terminal():
            missing = "--dir" if found.dir is None else "--domain"
            found.usage_error(f"the following arguments are required: {missing}")
        _ask(found, addresses)
    chosen = {
        name: value
        for name in ("operator", "public_url", "locale", "timezone")
        if (value := getattr(found, name)) is not None and value != ""
    }
    return Wanted(found.dir, found.domain, {"gateway": chosen}, tuple(addresses))


def _terminal() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _ask(found: argparse.Namespace, addresses: list[str]) -> None:
    locale = found.locale or ("en" if os.environ.get("LANG", "").lower().startswith("en") else "fr")
    found.locale = locale
    print(text(locale, "setup.hello"))
    if found.domain is None:
        found.domain = _answer(locale, "domain", "", _domain)
    if found.dir is None:
        found.dir = _answer(locale, "dir", found.domain, lambda said: said)
    if found.operator is None:
        found.operator = _answer(locale, "operator", "", _mailbox)
    if not addresses:
        said = _answer(locale, "address", "", lambda said: _address(said) if said else "")
        addresses += [said] if said else []


def _answer(locale: str, name: str, default: str, read: Callable[[str], str]) -> str:
    question = text(locale, f"setup.{name}", default=default)
    for _ in range(_TRIES):
        try:
            return read(input(question).strip() or default)
        except Failure as error:
            print(f"  {error}")
        except EOFError:
            break
    raise Failure(f"no answer to: {question.strip()}")


def _domain(said: str) -> str:
    from gateway.cli.commands.setup import a_label

    return a_label(said)


def _mailbox(said: str) -> str:
    if said and ("@" not in said or any(char.isspace() for char in said)):
        raise Failure(f"{said!r} is no address")
    return said


def _address(said: str) -> str:
    try:
        return str(ip_address(said))
    except ValueError as error:
        raise Failure(f"{said!r} is no IP address") from error
