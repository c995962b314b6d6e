"""What the servers of a domain must prove: DANE before MTA-STS before a provider's rule, else nothing (RFC 8461 section 2).

In: domains and their MX hosts, the resolver, the MTA-STS policies, the authorities. Out: which hosts may be tried for a
domain, and a `Security` a host, or `Insecure` where the DNS is forged. All of it is asked when a domain is placed or a
connection opened, and remembered by those it asks. A chain is verified in a thread, once for each host. Nothing is raised.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from mail.resolver import DnsTrouble, Resolver
from mail.resolver_dnssec import Tlsa
from mta import dane
from mta.certificates import Authorities
from mta.security import MX_MISMATCH, Chain, Fault, Flaw, Need, Policy, Proof, Security, Seen
from mta.values import Insecure
from parsers.mta_sts import Mode, StsPolicy
from store.engine import now_ms

_PROVEN = 5_000  # verdicts kept
_PROVEN_FOR = 600_000  # ms; a certificate that expires meanwhile is refused so much later
_UNLISTED = Flaw(Fault.HANDSHAKE, MX_MISMATCH)

Hosts = tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a domain asks of its servers, part of what makes a site: domains that ask the same share connections."""

    sts: Mode = Mode.NONE
    unlisted: frozenset[str] = frozenset()  # hosts outside a policy that is only being tested
    signed: bool = False  # DNSSEC proves the MX records, so DANE counts


NO_DEMAND = Demand()


class Guard:
    """Asks for and remembers what hosts must prove. `sts` finds a domain's policy, `told` counts a session for domains,
    `must` says which hosts a provider wants encryption for."""

    def __init__(
        self,
        resolver: Resolver,
        authorities: Authorities,
        sts: Callable[[str], Awaitable[StsPolicy | None]] | None = None,
        told: Callable[[Sequence[str], Seen], None] | None = None,
        must: Callable[[str], bool] | None = None,
    ) -> None:
        self._resolver, self._authorities, self._sts, self._told, self._must = resolver, authorities, sts, told, must
        self._proven: OrderedDict[tuple[bytes, tuple[str, ...]], tuple[int, Flaw | None]] = OrderedDict()

    async def policy(self, domain: str) -> StsPolicy | None:
        """The MTA-STS policy of a domain in force, None when there is none."""
        return None if self._sts is None else await self._sts(domain)

    def demand(
        self, domain: str, hosts: Hosts, signed: bool, policy: StsPolicy | None
    ) -> tuple[Hosts, Demand] | Insecure:
        """The hosts of a domain that may be tried, and what they must prove; Insecure when the policy names none."""
        if policy is None or policy.mode is Mode.NONE:
            return hosts, Demand(signed=signed)
        unlisted = frozenset(host for _, host in hosts if not policy.lists(host))
        if policy.mode is Mode.TESTING:
            return hosts, Demand(Mode.TESTING, unlisted, signed)
        if signed:
            return hosts, Demand(Mode.ENFORCE, unlisted, signed)  # a host with TLSA records need not be in the policy
        listed = tuple(host for host in hosts if host[1] not in unlisted)
        if unlisted and self._told is not None:
            for host in sorted(unlisted):
                self._told([domain], Seen(Policy.STS, host, "", "", _UNLISTED))
        return (listed, Demand(Mode.ENFORCE)) if listed else Insecure("sts", _UNLISTED)

    async def host(self, demand: Demand, host: str, port: int, domains: Sequence[str]) -> Security | Insecure:
        """What one host must prove; `domains` are those whose mail goes there, for whoever counts."""
        told = None if self._told is None else partial(self._told, domains)
        if demand.signed:
            found = await self._resolver.tlsa(host, port)
            if isinstance(found, DnsTrouble):
                # RFC 7672 section 2.1: forged or lost on the way, nobody knows: this host has to wait
                flaw = Flaw(Fault.DNSSEC, found.why)
                if told is not None:
                    told(Seen(Policy.TLSA, host, "", "", flaw))
                return Insecure("dane", flaw)
            records = dane.usable(found.records)
            if records:
                # section 3.2.2: the domain itself is a right name, too; among several each could pass for another
                alone = domains if len(domains) == 1 else ()
                names = tuple(dict.fromkeys((found.base, host, *alone)))
                return Security(Need.DANE, "dane", Policy.TLSA, found.base, partial(_by_dane, records, names), told)
            if found.records and demand.sts is not Mode.ENFORCE:
                # section 2.2: TLSA records that nobody can use still say that there is TLS
                return Security(Need.ENCRYPT, "dane", Policy.TLSA, host, partial(self._unusable, host), told)
        return self._without_dane(demand, host, told)

    def _without_dane(self, demand: Demand, host: str, told: Callable[[Seen], None] | None) -> Security | Insecure:
        if demand.sts is Mode.ENFORCE:
            if host in demand.unlisted:
                if told is not None:
                    told(Seen(Policy.STS, host, "", "", _UNLISTED))
                return Insecure("sts", _UNLISTED)
            return Security(Need.VERIFY, "sts", Policy.STS, host, partial(self._by_authorities, host, Proof.STS), told)
        must = self._must is not None and self._must(host)
        need, by = (Need.ENCRYPT, "provider") if must else (Need.MAY, "")
        if demand.sts is Mode.TESTING:
            prove = partial(self._tested, host, host in demand.unlisted)
            return Security(need, by, Policy.STS, host, prove, told)
        return Security(need, by, Policy.NONE, host, partial(self._shown, host), told)

    async def _by_authorities(self, host: str, proof: Proof, chain: Chain) -> tuple[Proof, Flaw | None]:
        flaw = await self._flaw(chain, (host,))
        return (proof, None) if flaw is None else (Proof.NONE, flaw)

    async def _tested(self, host: str, unlisted: bool, chain: Chain) -> tuple[Proof, Flaw | None]:
        proof, flaw = await self._by_authorities(host, Proof.PKIX, chain)
        return proof, _UNLISTED if unlisted else flaw

    async def _shown(self, host: str, chain: Chain) -> tuple[Proof, Flaw | None]:
        proof, _ = await self._by_authorities(host, Proof.PKIX, chain)
        return proof, None  # nobody asked for more than encryption

    async def _unusable(self, host: str, chain: Chain) -> tuple[Proof, Flaw | None]:
        proof, _ = await self._by_authorities(host, Proof.PKIX, chain)
        return proof, Flaw(Fault.TLSA, "unusable")

    async def _flaw(self, chain: Chain, names: tuple[str, ...]) -> Flaw | None:
        key, now = (hashlib.sha256(b"".join(chain)).digest(), names), now_ms()
        kept = self._proven.get(key)
        if kept is not None and kept[0] > now:
            return kept[1]
        found = await asyncio.to_thread(self._authorities.flaw, chain, names, now)
        self._proven[key] = (now + _PROVEN_FOR, found)
        if len(self._proven) > _PROVEN:
            self._proven.popitem(last=False)
        return found


async def _by_dane(records: Sequence[Tlsa], names: tuple[str, ...], chain: Chain) -> tuple[Proof, Flaw | None]:
    flaw = await asyncio.to_thread(dane.verify, records, chain, names, now_ms())
    return (Proof.DANE, None) if flaw is None else (Proof.NONE, flaw)
