"""The one resolver: which servers take a domain's mail, and where they are.

In: domains and host names; name servers as host:port (empty: the system's). Out: frozen answers: `Mx`, `NullMx`,
`NoDomain`, `DnsTrouble`, texts, TLSA records that DNSSEC proves, and addresses without those that mail must never go to.
Time-outs and SERVFAIL are `DnsTrouble`, never a statement about the domain. Answers are kept for their TTL in a bounded
cache, and questions under way are asked once. Raises nothing but CancelledError.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import aiodns
import pycares

from mail.resolver_dnssec import Tlsas, Validating

_CACHE = 20_000  # answers kept
_AT_ONCE = 100  # questions under way
_MAX_TTL = 3_600.0  # seconds; longer is not trusted
_MIN_TTL = 5.0
_NEGATIVE_TTL = 60.0  # RFC 2308's SOA minimum is not given to us
_TROUBLE_TTL = 5.0
_MAX_HOSTS = 20
_MAX_TEXTS = 50
_NOTHING = frozenset({aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA})
_TYPES = {
    "MX": pycares.QUERY_TYPE_MX, "A": pycares.QUERY_TYPE_A, "AAAA": pycares.QUERY_TYPE_AAAA,
    "PTR": pycares.QUERY_TYPE_PTR, "TXT": pycares.QUERY_TYPE_TXT,
}  # fmt: skip
_NAME_FAULTS = frozenset({aiodns.error.ARES_EBADNAME})

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Mx:
    """The hosts that take a domain's mail, as (preference, lower-case name), best first; `secure` when DNSSEC proves it."""

    hosts: tuple[tuple[int, str], ...]
    secure: bool = False


@dataclass(frozen=True, slots=True)
class NullMx:
    """The domain declares that it takes no mail (RFC 7505)."""


@dataclass(frozen=True, slots=True)
class NoDomain:
    """No mail can be taken: the name does not exist (`exists` false), or has neither MX nor address."""

    exists: bool = False


@dataclass(frozen=True, slots=True)
class DnsTrouble:
    """No answer that can be relied on; ask again later."""

    why: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of a host that may be dialled; `refused` are those that may not (private, loopback, our own …)."""

    allowed: tuple[str, ...]
    refused: tuple[str, ...] = ()


MailDomain = Mx | NullMx | NoDomain | DnsTrouble


@dataclass(frozen=True, slots=True)
class _Records:
    """What one question brought: records, or nothing and whether the name exists."""

    data: tuple[Any, ...]
    exists: bool
    ttl: float
    trouble: str = ""
    secure: bool = False


class Fence:
    """Which addresses mail may go to: public ones that are not our own, and what the operator allows."""

    def __init__(self, allow: Iterable[str] = (), own: Iterable[str] = ()) -> None:
        self._allow: tuple[Network, ...] = tuple(ipaddress.ip_network(network, strict=False) for network in allow)
        self._own = frozenset(own)

    def allows(self, address: str) -> bool:
        """Whether `address` (an IP literal) may be dialled."""
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        if any(ip.version == network.version and ip in network for network in self._allow):
            return True
        return ip.is_global and not ip.is_multicast and str(ip) not in self._own


class Resolver:
    """Asks and remembers; make one a process, inside its event loop, and close it at the end."""

    def __init__(
        self,
        nameservers: Sequence[str] = (),
        timeout: float = 5.0,
        fence: Fence | None = None,
        validated: bool = False,
    ) -> None:
        tries = 2
        self._dns = aiodns.DNSResolver(
            nameservers=list(nameservers) or None, timeout=timeout / (tries + 1), tries=tries
        )
        self._timeout = timeout
        self._fence = fence or Fence()
        self._validating = Validating(nameservers, timeout) if validated else None
        self._cache: OrderedDict[tuple[str, str], tuple[float, Any]] = OrderedDict()
        self._asking: dict[tuple[str, str], asyncio.Task[Any]] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def mail_domain(self, domain: str) -> MailDomain:
        """Where mail for `domain` (an A-label) goes, or why it can go nowhere; waits `timeout` seconds a question."""
        answer: MailDomain = await self._once(("mail", domain.rstrip(".").lower()), self._mail_domain)
        return answer

    async def addresses(self, host: str) -> Addresses | NoDomain | DnsTrouble:
        """The addresses of a mail server, IPv4 first; an address literal is its own answer."""
        try:
            return self._fenced([str(ipaddress.ip_address(host))])
        except ValueError:
            pass
        answer: Addresses | NoDomain | DnsTrouble
        answer = await self._once(("host", host.rstrip(".").lower()), self._addresses)
        return answer

    async def names(self, address: str) -> tuple[str, ...] | DnsTrouble:
        """The names that an address has in reverse; none where it has none."""
        found = await self._query(ipaddress.ip_address(address).reverse_pointer, "PTR")
        if found.trouble:
            return DnsTrouble(found.trouble)
        return tuple(str(record.dname).rstrip(".").lower() for record in found.data[:_MAX_HOSTS])

    async def texts(self, name: str) -> tuple[str, ...] | DnsTrouble:
        """The TXT records of a name, each as one string; none where it has none."""
        answer: tuple[str, ...] | DnsTrouble = await self._once(("text", name.rstrip(".").lower()), self._texts)
        return answer

    async def records(self, name: str, kind: str) -> tuple[str, ...] | NoDomain | DnsTrouble:
        """The records of a name as texts, nothing fenced off: A, AAAA, PTR, TXT, or the hosts of MX, best first."""
        if kind == "TXT":
            return await self.texts(name) or NoDomain(exists=True)
        answer: tuple[str, ...] | NoDomain | DnsTrouble
        answer = await self._once((kind, name.rstrip(".").lower()), lambda asked: self._plain(asked, kind))
        return answer

    async def tlsa(self, host: str, port: int) -> Tlsas | DnsTrouble:
        """The TLSA records of a server, where DNSSEC proves its address and them (RFC 7672 section 2.2)."""
        if self._validating is None:
            return Tlsas()
        key = ("tlsa", f"_{port}._tcp.{host.rstrip('.').lower()}")
        answer: Tlsas | DnsTrouble = await self._once(key, self._tlsa)
        return answer

    async def close(self) -> None:
        """Stop asking; questions under way are dropped."""
        for task in list(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        await self._dns.close()

    async def _once(self, key: tuple[str, str], ask: Callable[[str], Awaitable[tuple[Any, float]]]) -> Any:
        kept = self._cache.get(key)
        if kept is not None and kept[0] > time.monotonic():
            self._cache.move_to_end(key)
            return kept[1]
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._fetch(key, ask))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    async def _fetch(self, key: tuple[str, str], ask: Callable[[str], Awaitable[tuple[Any, float]]]) -> Any:
        async with self._turns:
            answer, ttl = await ask(key[1])
        self._cache[key] = (time.monotonic() + min(max(ttl, _MIN_TTL), _MAX_TTL), answer)
        self._cache.move_to_end(key)
        while len(self._cache) > _CACHE:
            self._cache.popitem(last=False)
        return answer

    async def _mail_domain(self, domain: str) -> tuple[MailDomain, float]:
        found = await self._query(domain, "MX") if self._validating is None else await self._proven_mx(domain)
        if found.trouble:
            return DnsTrouble(found.trouble), _TROUBLE_TTL
        hosts = sorted({_host(record) for record in found.data})
        if hosts:
            named = tuple(host for host in hosts if host[1])[:_MAX_HOSTS]
            # RFC 7505: "." stands for no host
            return (Mx(named, found.secure) if named else NullMx()), found.ttl
        if not found.exists:
            return NoDomain(), _NEGATIVE_TTL
        # RFC 5321 5.1: no MX, so the domain itself is the host, if it has an address
        answer, ttl = await self._addresses(domain)
        if isinstance(answer, Addresses):
            return Mx(((0, domain),), found.secure), ttl
        return (NoDomain(exists=True), _NEGATIVE_TTL) if isinstance(answer, NoDomain) else (answer, ttl)

    async def _addresses(self, host: str) -> tuple[Addresses | NoDomain | DnsTrouble, float]:
        four, six = await asyncio.gather(self._query(host, "A"), self._query(host, "AAAA"))
        found = [str(record.addr) for answer in (four, six) for record in answer.data]
        if found:
            return self._fenced(found[:_MAX_HOSTS]), min(answer.ttl for answer in (four, six) if answer.data)
        if four.trouble or six.trouble:
            return DnsTrouble(four.trouble or six.trouble), _TROUBLE_TTL
        return NoDomain(exists=four.exists or six.exists), _NEGATIVE_TTL

    async def _texts(self, name: str) -> tuple[tuple[str, ...] | DnsTrouble, float]:
        found = await self._query(name, "TXT")
        if found.trouble:
            return DnsTrouble(found.trouble), _TROUBLE_TTL
        return tuple(_text(record.data) for record in found.data[:_MAX_TEXTS]), found.ttl

    async def _plain(self, name: str, kind: str) -> tuple[tuple[str, ...] | NoDomain | DnsTrouble, float]:
        found = await self._query(name, kind)
        if found.trouble:
            return DnsTrouble(found.trouble), _TROUBLE_TTL
        if not found.data:
            return NoDomain(found.exists), found.ttl
        if kind == "MX":
            return tuple(host for _, host in sorted(map(_host, found.data)) if host), found.ttl
        names = (str(one.dname if kind == "PTR" else one.addr).rstrip(".") for one in found.data)
        return tuple(names)[:_MAX_TEXTS], found.ttl

    async def _proven_mx(self, domain: str) -> _Records:
        assert self._validating is not None
        found = await self._validating.ask(domain, "MX")
        return _Records(found.data, found.exists, found.ttl, found.trouble, found.secure)

    async def _tlsa(self, name: str) -> tuple[Tlsas | DnsTrouble, float]:
        assert self._validating is not None
        answer, ttl = await self._validating.tlsa(*name.split("._tcp.", 1))
        if isinstance(answer, str):
            return DnsTrouble(answer), _TROUBLE_TTL
        return answer, max(ttl, _NEGATIVE_TTL)

    def _fenced(self, found: Sequence[str]) -> Addresses:
        allowed = tuple(address for address in found if self._fence.allows(address))
        return Addresses(allowed, tuple(address for address in found if address not in allowed))

    async def _query(self, name: str, kind: str) -> _Records:
        wanted = _TYPES[kind]
        try:
            async with asyncio.timeout(self._timeout):
                result = await self._dns.query_dns(name, kind)
        except TimeoutError:
            return _Records((), exists=True, ttl=0, trouble="timeout")
        except aiodns.error.DNSError as error:
            return _failure(error)
        except (ValueError, UnicodeError):  # no name that DNS could carry
            return _Records((), exists=False, ttl=_NEGATIVE_TTL)
        # the answer may begin with the CNAMEs that led to it
        records = [record for record in result.answer if record.type == wanted]
        ttl = min((record.ttl for record in records), default=_NEGATIVE_TTL)
        return _Records(tuple(record.data for record in records), exists=True, ttl=float(ttl))


def _host(record: Any) -> tuple[int, str]:
    # aiodns says priority and a text, dnspython preference and a name
    preference = record.priority if hasattr(record, "priority") else record.preference
    return int(preference), str(record.exchange).rstrip(".").lower()


def _text(data: bytes | str) -> str:
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else data


def _failure(error: aiodns.error.DNSError) -> _Records:
    code = error.args[0] if error.args else None
    if code in _NOTHING or code in _NAME_FAULTS:
        return _Records((), exists=code == aiodns.error.ARES_ENODATA, ttl=_NEGATIVE_TTL)
    why = "timeout" if code == aiodns.error.ARES_ETIMEOUT else str(error.args[-1] if error.args else "failed")
    return _Records((), exists=True, ttl=0, trouble=why)
