"""Under which address a campaign's mails go out, where answers go, and who signs: one rule for all rooms (SPEC 5).

In: the sender as declared, whether the campaign goes out via the gateway, the gateway's domain; the DKIM keys at hand.
Out: an `Identity` for the header, and the signers in their order. Pure; raises nothing; logs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mail.dkim import Signer, from_pem
from mail.suffixes import organisation
from parsers.address import a_label

MAILBOX = "mail"  # of the gateway: it exists, and answers a stranger who writes to it with what to do


class Second(StrEnum):
    """Whose second signature mails bear."""

    NONE = "none"
    GATEWAY = "gateway"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class Identity:
    """What recipients see: From, and where their answers go."""

    name: str
    address: str
    reply_to: str
    via: bool = False

    @property
    def shown(self) -> str:
        """The From as people write it."""
        return f"{self.name} <{self.address}>" if self.name else self.address


def domain_of(address: str) -> str:
    """The domain of an address as DNS spells it."""
    domain = address.rpartition("@")[2]
    return a_label(domain) or domain.lower()


def identity(name: str, address: str, reply_to: str, via: bool, gateway: str, house: str = "") -> Identity:
    """Return the identity in force; `house` is the name of the account, for a sender without one."""
    if not via:
        return Identity(name, address, reply_to or address)
    # an address as name above another address is what impostors do, and filters know it
    known = next((one for one in (name, house) if one.strip() and "@" not in one), address.partition("@")[0])
    return Identity(f"{known} via {gateway}", f"{MAILBOX}@{gateway}", reply_to or address, via=True)


def signers_of(keys: Iterable[tuple[str, str, bytes]]) -> tuple[Signer, ...]:
    """Return the signers of `(domain, selector, PEM)`, RSA first: the first signature must be one that all can check."""
    found = [Signer(domain, selector, from_pem(pem)) for domain, selector, pem in keys]
    return tuple(sorted(found, key=lambda one: one.kind != "rsa"))


def aligned(signers: Sequence[Signer], domain: str, strict: bool = False) -> Signer | None:
    """Return the RSA key that is aligned with `domain`: its own, else one of a domain above it (not where `strict`)."""
    own = {one.domain: one for one in reversed(signers) if one.kind == "rsa"}
    name = domain
    while name not in own:
        if strict or "." not in name or name == organisation(domain):
            return None
        name = name.partition(".")[2]
    return own[name]


def signing(signers: Sequence[Signer], author: str, gateway: str, second: Second) -> tuple[Signer, ...]:
    """Return who signs a mail of domain `author`: the aligned key, else the gateway's; then the second, where wanted."""
    rsa = [one for one in signers if one.kind == "rsa"]
    ours = next((one for one in rsa if one.domain == gateway), None)
    first = aligned(signers, author) or ours or rsa[0]
    other: Signer | None = None
    if second is Second.GATEWAY:
        other = ours
    elif second is Second.ED25519:
        modern = [one for one in signers if one.kind == "ed25519"]
        other = next((one for name in (first.domain, gateway) for one in modern if one.domain == name), None)
    return (first,) if other is None or other == first else (first, other)
