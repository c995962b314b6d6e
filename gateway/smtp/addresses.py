"""What an address of the gateway is for.

In: the address of a RCPT command, the gateway's domain, the hosts of accounts and the token keys. Out: an `Addressee`
with its kind and, for token addresses, the number signed into the token; None for everything else (no relaying, ever).
Pure; raises nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from parsers.tokens import Keyring, Purpose, verify

_PLAIN = {"mail": "campaign", "fbl": "fbl", "postmaster": "postmaster", "abuse": "postmaster", "stop": "forwarded"}
_TOKENS = {
    "bounce": ("bounce", Purpose.BOUNCE),
    "stop": ("stop", Purpose.STOP),
    "campagne": ("reply", Purpose.REPLY),
}


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who a mail is for: a kind of the spool, and the recipient's or campaign's number in a token."""

    kind: str
    token: int | None = None


_EVERYWHERE = ("bounce", "stop")  # tokens that mails bear under the host of an account, too


def addressee(keyring: Keyring, domain: str, address: str, hosts: Collection[str] = ()) -> Addressee | None:
    """Read an address of ours in any case; `postmaster` needs no domain (RFC 5321 section 4.5.1)."""
    local, at, host = address.lower().rpartition("@")
    if not at:
        return Addressee("postmaster") if address.lower() == "postmaster" else None
    own = host.rstrip(".") == domain
    if not own and host.rstrip(".") not in hosts:
        return None
    if local in _PLAIN and (own or _PLAIN[local] == "postmaster"):
        return Addressee(_PLAIN[local])
    name, plus, token = local.partition("+")
    if not plus or name not in (_TOKENS if own else _EVERYWHERE):
        return None
    kind, purpose = _TOKENS[name]
    number = verify(keyring, purpose, token)
    return Addressee(kind, number[0]) if number else None
