"""What an address of the gateway is for.

In: the address of a RCPT command, the gateway's domain and the token keys. Out: an `Addressee` with its kind and, for
token addresses, the number signed into the token; None for everything else (no relaying, ever). Pure; raises nothing.
"""

from __future__ import annotations

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


def addressee(keyring: Keyring, domain: str, address: str) -> Addressee | None:
    """Read an address of ours in any case; `postmaster` needs no domain (RFC 5321 section 4.5.1)."""
    local, at, host = address.lower().rpartition("@")
    if not at:
        return Addressee("postmaster") if address.lower() == "postmaster" else None
    if host.rstrip(".") != domain:
        return None
    if local in _PLAIN:
        return Addressee(_PLAIN[local])
    name, plus, token = local.partition("+")
    if not plus or name not in _TOKENS:
        return None
    kind, purpose = _TOKENS[name]
    number = verify(keyring, purpose, token)
    return Addressee(kind, number[0]) if number else None
