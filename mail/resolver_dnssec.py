"""Questions whose answers must be proven: MX, addresses and TLSA over a name server that validates DNSSEC (RFC 4035).

In: names and types, the name servers that the operator declared to validate ([dns] dnssec = "trust"). Out: `Proven`, with
`secure` only where the server set AD. We do not validate ourselves: the way to the server must be safe, as on loopback
(RFC 7672 section 2.1.1 and RFC 6698 appendix A.3). aiodns shows neither AD nor TLSA, so dnspython asks. A bogus answer is
SERVFAIL, thus trouble and never "no record". Raises nothing but CancelledError.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from config.settings import split_hostport

_PAYLOAD = 1232  # bytes of a datagram that arrive everywhere
_TRIES = 2
_MOST = 32  # TLSA records looked at
_FOUND = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})


@dataclass(frozen=True, slots=True)
class Proven:
    """What one question brought; `canonical` is the name at the end of a chain of CNAME, `ttl` in seconds."""

    data: tuple[Any, ...] = ()
    secure: bool = False
    exists: bool = True
    ttl: float = 0.0
    canonical: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One TLSA record (RFC 6698 section 2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


@dataclass(frozen=True, slots=True)
class Tlsas:
    """The proven TLSA records of a host, none where there is no DANE; `base` is the name that they stand under."""

    records: tuple[Tlsa, ...] = ()
    base: str = ""


class Validating:
    """Asks name servers that validate; `nameservers` as host:port, none: those of the system."""

    def __init__(self, nameservers: Sequence[str], timeout: float) -> None:
        self._servers = tuple(split_hostport(one) for one in nameservers) or _of_the_system()
        self._timeout = timeout

    async def ask(self, name: str, kind: str) -> Proven:
        """One question, at most the timeout in all."""
        try:
            question = dns.message.make_query(dns.name.from_text(name), kind, use_edns=0, payload=_PAYLOAD)
        except (dns.exception.DNSException, ValueError, UnicodeError):
            return Proven(exists=False)  # no name that DNS could carry
        question.flags |= dns.flags.AD  # RFC 6840 section 5.7: tell us whether it was validated
        try:
            async with asyncio.timeout(self._timeout):
                return await self._any_server(question)
        except TimeoutError:
            return Proven(trouble="timeout")

    async def tlsa(self, service: str, host: str) -> tuple[Tlsas | str, float]:
        """The TLSA records of a host at `service` ("_25"), or the trouble; with the seconds that this holds."""
        where = await self.ask(host, "A")
        if where.trouble:
            return where.trouble, 0.0
        if not where.secure:  # RFC 7672 section 2.2.2: servers of unsigned zones break on TLSA, so they are not asked
            return Tlsas(), where.ttl
        for base in dict.fromkeys((where.canonical or host, host)):  # section 2.2.3: where an alias leads, then itself
            found = await self.ask(f"{service}._tcp.{base}", "TLSA")
            if found.trouble:
                return found.trouble, 0.0
            if found.secure and found.data:
                records = tuple(Tlsa(one.usage, one.selector, one.mtype, one.cert) for one in found.data[:_MOST])
                return Tlsas(records, base), found.ttl
        return Tlsas(), where.ttl

    async def _any_server(self, question: dns.message.Message) -> Proven:
        last = Proven(trouble="timeout")
        patience = self._timeout / (_TRIES * max(1, len(self._servers)))
        for _ in range(_TRIES):
            for host, port in self._servers:
                try:
                    reply, _tcp = await dns.asyncquery.udp_with_fallback(question, host, timeout=patience, port=port)
                    last = _read(reply)
                except dns.exception.Timeout:
                    continue
                except (dns.exception.DNSException, OSError, ValueError, EOFError) as error:
                    last = Proven(trouble=type(error).__name__)
                    continue
                if not last.trouble:
                    return last
        return last


def _read(reply: dns.message.Message) -> Proven:
    if reply.rcode() not in _FOUND or not isinstance(reply, dns.message.QueryMessage):
        return Proven(trouble=dns.rcode.to_text(reply.rcode()))
    chain = reply.resolve_chaining()
    secure = bool(reply.flags & dns.flags.AD)
    return Proven(
        data=tuple(chain.answer) if chain.answer is not None else (),
        secure=secure,
        exists=reply.rcode() != dns.rcode.NXDOMAIN,
        ttl=float(chain.minimum_ttl if chain.answer is not None else 0),
        canonical=chain.canonical_name.to_text(omit_final_dot=True).lower(),
    )


def _of_the_system() -> tuple[tuple[str, int], ...]:
    try:
        found = dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError):
        return (("127.0.0.1", 53),)  # resolv.conf(5): what the system itself assumes
    return tuple((str(one), 53) for one in found.nameservers)
