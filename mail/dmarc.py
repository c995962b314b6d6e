"""What a domain asks of mail that bears its name: DMARC (RFC 7489), read from DNS.

In: the domain of a From, the resolver. Out: a `Published` policy: `p=` of the domain's own record, else `sp=` (or `p=`) of
its organisational domain's. What DNS does not tell counts as p=none, with `known` false. Raises nothing; logs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from mail.resolver import DnsTrouble
from mail.suffixes import organisation

_TAGS = 30
_LENGTH = 4_000  # characters of a record that are read


class Policy(StrEnum):
    """What receivers shall do with mail that fails."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


class Texts(Protocol):
    """The half of the resolver that is asked here."""

    async def texts(self, name: str) -> tuple[str, ...] | DnsTrouble: ...


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its policies for the domain and for its subdomains, and whether DKIM must name the very domain."""

    policy: Policy
    subdomains: Policy
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """The policy in force for a domain; `at` is the domain whose record says so, "" for none."""

    policy: Policy = Policy.NONE
    at: str = ""
    known: bool = True
    strict: bool = False

    @property
    def enforced(self) -> bool:
        """Whether mail without an aligned signature is put aside or refused."""
        return self.policy is not Policy.NONE


UNKNOWN = Published(known=False)


def parse(texts: Sequence[str]) -> Record | None:
    """Read the DMARC record among a name's TXT records; None when there is none, or more than one (section 6.6.3)."""
    found = [tags for text in texts if (tags := _tags(text)) is not None]
    if len(found) != 1:
        return None
    tags = found[0]
    policy = _policy(tags.get("p", ""))
    subdomains = _policy(tags["sp"]) if "sp" in tags else policy
    if policy is None or subdomains is None:
        # section 6.6.3: a record that cannot be read, but asks for reports, counts as p=none; any other as no record
        return Record(Policy.NONE, Policy.NONE) if tags.get("rua") else None
    return Record(policy, subdomains, tags.get("adkim", "r").lower() == "s")


async def policy_of(resolver: Texts, domain: str) -> Published:
    """Look up the policy in force for `domain`, an A-label: two questions at most."""
    own = await resolver.texts(f"_dmarc.{domain}")
    if isinstance(own, DnsTrouble):
        return UNKNOWN
    if (record := parse(own)) is not None:
        return Published(record.policy, domain, strict=record.strict)
    above = organisation(domain)
    if above == domain:
        return Published()
    texts = await resolver.texts(f"_dmarc.{above}")
    if isinstance(texts, DnsTrouble):
        return UNKNOWN
    record = parse(texts)
    return Published() if record is None else Published(record.subdomains, above, strict=record.strict)


def _tags(text: str) -> dict[str, str] | None:
    pairs = [part.partition("=") for part in text[:_LENGTH].split(";")][:_TAGS]
    name, _, version = pairs[0]
    if name.strip() != "v" or version.strip() != "DMARC1":  # the first tag, and in that very case (section 6.3)
        return None
    return {name.strip().lower(): value.strip() for name, equals, value in reversed(pairs) if equals}


def _policy(value: str) -> Policy | None:
    try:
        return Policy(value.strip().lower())
    except ValueError:
        return None
