"""Advice on the list: addresses of roles, of an hour, of traps; lists that look bought or old; typos; a first use.

In: the good lines of a list, what its lines amounted to, whether its addresses are known. Out: findings. Pure; raises
nothing.
"""

from __future__ import annotations

import heapq
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.findings.finding import Finding, Where
from parsers.throwaway import is_throwaway
from parsers.typos import typo_hint

SAMPLE = 1_000  # addresses by which a list is known again
_SHARE = 32  # every address in so many, by its checksum, is of the sample: a part of a known list is known, too
_SMALL = 2_000  # lines; a longer list has enough of those
_LEAST = 32  # of a small list, those with the lowest checksums
_ROLES_TEXT = (
    "contact info infos accueil secretariat secretaire admin administration direction commercial compta comptabilite rh"
    " recrutement marketing sales support service sav office bureau mairie hello bonjour mail courrier communication presse"
    " reception reservation reservations webmaster team equipe jobs billing facturation formation"
)
_ROLES = frozenset(_ROLES_TEXT.split())
_TECHNICAL_TEXT = (
    "abuse postmaster hostmaster mailer-daemon noc security spam root nobody devnull bounce bounces no-reply noreply"
)
_TECHNICAL = frozenset(_TECHNICAL_TEXT.split())
_SOME, _MANY = 10, 50  # addresses of roles that are worth a word; lines of a list that can look bought


@dataclass(slots=True)
class Sieve:
    """What the addresses of a list amount to, one after the other."""

    people: int = 0
    roles: int = 0
    domains: set[str] = field(default_factory=set)  # of the roles, as long as they can tell something
    technical: Counter[str] = field(default_factory=Counter)
    sample: dict[str, int] = field(default_factory=dict)
    lowest: dict[str, int] = field(default_factory=dict)

    def role(self, local: str, domain: str) -> None:
        """Count an address that belongs to nobody in particular."""
        if local in _TECHNICAL:
            self.technical[f"{local}@"] += 1  # what is kept of a list names nobody
            return
        self.roles += 1
        if len(self.domains) < 100_000:
            self.domains.add(domain)

    def addresses(self) -> list[str]:
        """The sample: the same for the same list, whatever its order."""
        few = heapq.nsmallest(_LEAST, self.lowest, self.lowest.__getitem__) if len(self.sample) < _LEAST else ()
        return list(dict.fromkeys([*heapq.nsmallest(SAMPLE, self.sample, self.sample.__getitem__), *few]))


def sieve(addresses: Iterable[str]) -> Sieve:
    """Look at the good addresses of a list: a million of them, so one plain loop."""
    found, sample, crc32, special = Sieve(), {}, zlib.crc32, _ROLES | _TECHNICAL
    for address in addresses:
        low = address.lower()
        local, _, domain = low.rpartition("@")
        if local in special:
            found.role(local, domain)
        checksum = crc32(low.encode("utf-8", "replace"))
        if not checksum % _SHARE:
            sample[low] = checksum
        if found.people < _SMALL:
            found.lowest[low] = checksum
        found.people += 1
    found.sample = sample
    return found


def of_addresses(found: Sieve, domains: Mapping[str, int], typos: int) -> list[Finding]:
    """What the addresses tell; `domains` counts them by domain (A-label)."""
    told: list[Finding] = []
    if found.people >= _MANY and found.roles >= 0.6 * found.people and len(found.domains) >= 0.8 * found.roles:
        told.append(_list("list_bought", found.roles))
    elif found.roles >= _SOME and found.roles >= 0.3 * found.people:
        told.append(_list("list_roles", found.roles))
    if found.technical:
        told.append(_list("list_technical", found.technical.total(), examples=", ".join(list(found.technical)[:3])))
    # some list of those has gmial.com, which is a misspelling here
    thrown = {domain: n for domain, n in domains.items() if is_throwaway(domain) and not typo_hint(domain)}
    if thrown:
        told.append(_list("list_throwaway", sum(thrown.values()), examples=", ".join(list(thrown)[:3])))
    if typos:
        told.append(_list("list_typos", typos))
    return told


def of_lines(lines: int, bad: Mapping[str, int]) -> list[Finding]:
    """What the faults of a list tell of its age: addresses that cannot be right, domains without mail."""
    dead = sum(bad.get(kind, 0) for kind in ("syntax", "no_mail", "literal"))
    if dead < 5 or dead * 10 < lines:
        return []
    return [_list("list_old", dead, percent=round(100 * dead / lines))]


def of_use(sampled: int, known: int, any_known: bool, asks: bool) -> list[Finding]:
    """Whether the account writes to these people for the first time; `asks`: the mail asks for the address book."""
    if sampled == 0 or known * 5 >= sampled:
        return []
    found = [Finding("first_list" if any_known else "first_campaign", Where.LIST)]
    return found if asks else [*found, Finding("address_book", Where.MESSAGE)]


def _list(code: str, n: int, **values: str | int) -> Finding:
    return Finding(code, Where.LIST, {"n": n, **values})
