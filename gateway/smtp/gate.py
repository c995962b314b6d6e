"""What all SMTP connections share: whom they belong to, where mails go, and what bounds them.

In: made once by the receiving process. Out: a frozen `Gate` that every connection holds. Nothing is raised or logged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from gateway.passwords import Passwords
from gateway.smtp.limits import Limits
from gateway.smtp.prover import Prover
from parsers.tokens import Keyring
from store.engine import Database
from store.spool import Spool
from store.suppressions import SuppressionKeys


@dataclass(frozen=True, slots=True)
class Gate:
    """What all connections share."""

    domain: str
    keyring: Keyring
    database: Database
    spool: Spool
    limits: Limits
    passwords: Passwords
    trusted: tuple[IPv4Network | IPv6Network, ...]
    idle_s: float
    wake: Callable[[], None]  # tells intake that a mail has come
    prover: Prover
    suppression: SuppressionKeys
    hosts: Callable[[], Collection[str]] = tuple  # of accounts, to which bounces and STOP mails come, too
