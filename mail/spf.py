"""Whether a server may send mail for a domain (SPF, RFC 7208), asked through the one resolver.

In: the address of the peer, the address of MAIL FROM, the name of HELO, and something that answers DNS questions. Out: a
`Verdict`; `broad` says that the record lets everybody pass, which proves nothing to us. The limits of section 4.6.4 hold,
and QUERIES in all, so that no record makes us ask for ever. DNS without an answer is TEMPERROR. Raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Protocol

from mail.resolver import DnsTrouble, NoDomain
from mail.spf_record import Address, Mechanism, Record, Speaker, expand, is_spf, read
from parsers.address import a_label

TERMS = 10  # include, a, mx, ptr, exists, redirect (section 4.6.4)
VOID = 2  # answers without a record
HOSTS = 10  # of one mx or ptr
QUERIES = 60
_BROAD = {4: 8, 6: 16}  # a shorter network is most of the world
_EXACT = Mechanism("+", "a")
_QUALIFIERS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


class Result(StrEnum):
    """Section 2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 a word of the RFC
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What SPF says of a peer."""

    result: Result
    broad: bool = False


class Dns(Protocol):
    """What is asked of the resolver: values as text, hosts of an MX best first."""

    async def records(self, name: str, kind: str) -> tuple[str, ...] | NoDomain | DnsTrouble: ...


class _Error(Exception):
    """Ends the evaluation with TEMPERROR or PERMERROR."""

    def __init__(self, result: Result) -> None:
        self.result = result


async def check(dns: Dns, peer: str, mail_from: str, helo: str) -> Verdict:
    """Evaluate SPF for the identity of MAIL FROM, or of HELO where that is the null sender (section 2.4)."""
    try:
        ip = ip_address(peer.partition("%")[0])
    except ValueError:
        return Verdict(Result.NONE)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    sender = mail_from.strip("<>") or helo
    local, _, domain = sender.rpartition("@")
    speaker = Speaker(ip, f"{local or 'postmaster'}@{domain}", domain, helo)
    try:
        return await _Evaluation(dns).host(speaker)
    except _Error as error:
        return Verdict(error.result)


class _Evaluation:
    """One check: its counters run through all included records."""

    def __init__(self, dns: Dns) -> None:
        self._dns = dns
        self._terms = self._void = self._queries = 0

    async def host(self, speaker: Speaker) -> Verdict:
        """check_host() of section 4."""
        domain = a_label(speaker.domain) if not speaker.domain.isascii() else speaker.domain.rstrip(".").lower()
        if "." not in domain or len(domain) > 253 or not all(0 < len(label) < 64 for label in domain.split(".")):
            return Verdict(Result.NONE)
        texts = [text for text in await self._ask(domain, "TXT", void=False) if is_spf(text)]
        if not texts:
            return Verdict(Result.NONE)
        record = read(texts[0]) if len(texts) == 1 else None
        if record is None:
            raise _Error(Result.PERMERROR)
        return await self._record(record, replace(speaker, domain=domain))

    async def _record(self, record: Record, speaker: Speaker) -> Verdict:
        for mechanism in record.mechanisms:
            matched, broad = await self._matches(mechanism, speaker)
            if matched:
                return Verdict(Result(_QUALIFIERS[mechanism.qualifier]), broad)
        if not record.redirect:
            return Verdict(Result.NEUTRAL)
        self._count()
        found = await self.host(replace(speaker, domain=self._name(record.redirect, speaker)))
        if found.result is Result.NONE:
            raise _Error(Result.PERMERROR)
        return found

    async def _matches(self, mechanism: Mechanism, speaker: Speaker) -> tuple[bool, bool]:
        """Whether a mechanism matches, and whether it would match nearly everybody."""
        match mechanism.name:
            case "all":
                return True, True
            case "ip4" | "ip6":
                network = mechanism.network
                assert network is not None
                same = network.version == speaker.ip.version and speaker.ip in network
                return same, network.prefixlen < _BROAD[network.version]
        self._count()
        name = self._name(mechanism.spec, speaker) if mechanism.spec else speaker.domain
        match mechanism.name:
            case "include":
                return await self._include(name, speaker)
            case "exists":
                return bool(await self._ask(name, "A")), False
            case "ptr":
                return await self._reverse(name, speaker.ip), False
            case "mx":
                hosts = await self._ask(name, "MX")
                if len(hosts) > HOSTS:
                    raise _Error(Result.PERMERROR)
                return await self._among(hosts, mechanism, speaker.ip, void=False), self._wide(mechanism, speaker.ip)
        return await self._among((name,), mechanism, speaker.ip), self._wide(mechanism, speaker.ip)

    async def _include(self, name: str, speaker: Speaker) -> tuple[bool, bool]:
        found = await self.host(replace(speaker, domain=name))
        if found.result is Result.NONE:
            raise _Error(Result.PERMERROR)
        return found.result is Result.PASS, found.broad

    @staticmethod
    def _wide(mechanism: Mechanism, ip: Address) -> bool:
        return (mechanism.length4 if ip.version == 4 else mechanism.length6) < _BROAD[ip.version]

    async def _among(self, hosts: tuple[str, ...], mechanism: Mechanism, ip: Address, void: bool = True) -> bool:
        length = mechanism.length4 if ip.version == 4 else mechanism.length6
        for host in hosts:
            for address in await self._ask(host, "A" if ip.version == 4 else "AAAA", void=void):
                if ip in ip_network(f"{address}/{length}", strict=False):
                    return True
        return False

    async def _reverse(self, name: str, ip: Address) -> bool:
        """Section 5.5: a name of the address that leads back to it and lies under `name`; trouble is no match."""
        try:
            names = (await self._ask(ip.reverse_pointer, "PTR"))[:HOSTS]
            for one in names:
                under = one.lower() == name.lower() or one.lower().endswith(f".{name.lower()}")
                if under and await self._among((one,), _EXACT, ip, void=False):
                    return True
        except _Error as error:
            if error.result is Result.PERMERROR:
                raise
        return False

    def _name(self, spec: str, speaker: Speaker) -> str:
        name = expand(spec, speaker)
        if name is None:
            raise _Error(Result.PERMERROR)
        return name

    def _count(self) -> None:
        self._terms += 1
        if self._terms > TERMS:
            raise _Error(Result.PERMERROR)

    async def _ask(self, name: str, kind: str, void: bool = True) -> tuple[str, ...]:
        self._queries += 1
        if self._queries > QUERIES:
            raise _Error(Result.PERMERROR)
        found = await self._dns.records(name, kind)
        if isinstance(found, DnsTrouble):
            raise _Error(Result.TEMPERROR)
        values = () if isinstance(found, NoDomain) else found
        if not values and void:
            self._void += 1
            if self._void > VOID:
                raise _Error(Result.PERMERROR)
        return values
