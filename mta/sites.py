"""Sites: recipients' domains grouped by the servers that take their mail.

In: the static routes of the settings and a domain. Out: a `Site` (the same for every domain with the same MX set), or
the outcome that every mail to this domain has at once; the targets of a site in the order in which they are tried.
Routes are shell patterns on the domain, in the order of the settings; MX sets come from the resolver. Nothing is raised.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from config.settings import split_hostport
from mail.resolver import DnsTrouble, Mx, NoDomain, NullMx, Resolver
from mta.guard import NO_DEMAND, Demand, Guard
from mta.security import Security
from mta.session import OPPORTUNISTIC, Target
from mta.values import Insecure, Outcome, Unanswered, Undeliverable
from parsers.address import a_label
from parsers.classify import ReplyClass
from parsers.mta_sts import StsPolicy
from parsers.replies import Stage

_TARGETS = 10  # addresses tried for one connection
_SITES = 20_000  # sites whose domains are remembered
_SERVED = 50  # domains of one site that are


@dataclass(frozen=True, slots=True)
class Site:
    """Where mail of one or more domains goes: hosts by preference; `routed` by the operator, so never fenced; `demand` is
    what the domains ask the hosts to prove."""

    hosts: tuple[tuple[int, str], ...]
    port: int
    routed: bool = False
    demand: Demand = NO_DEMAND

    @property
    def name(self) -> str:
        """The best host's name, for logs."""
        return self.hosts[0][1]


class Atlas:
    """Knows the site of every domain and the addresses of every site."""

    def __init__(self, resolver: Resolver, routes: Mapping[str, str], port: int, guard: Guard | None = None) -> None:
        self._resolver, self._guard = resolver, guard
        self._domains: OrderedDict[Site, OrderedDict[str, None]] = OrderedDict()
        self._routes = tuple((pattern.lower(), *split_hostport(value)) for pattern, value in routes.items())
        self._port = port

    def route(self, domain: str) -> Site | None:
        """The static route of a domain, None when DNS decides."""
        for pattern, host, port in self._routes:
            if fnmatchcase(domain, pattern):
                return Site(((0, host),), port, routed=True)
        return None

    async def locate(self, domain: str, guarded: bool = True) -> Site | Outcome:
        """The site of a recipient's domain (any spelling), or the outcome of every mail to it; not `guarded` is for the
        reports on the domain's own broken TLS."""
        label = a_label(domain) or domain.lower()
        routed = self.route(label)
        if routed is not None:
            return routed
        answer, policy = await self._resolver.mail_domain(label), None
        if guarded and self._guard is not None and isinstance(answer, Mx):
            policy = await self._guard.policy(label)
        match answer:
            case Mx(hosts, secure):
                return self._guarded(label, hosts, secure and guarded, policy)
            case NullMx():
                return Undeliverable(ReplyClass.NO_MAIL, "null MX")
            case NoDomain(exists):
                return Undeliverable(ReplyClass.UNKNOWN_DOMAIN, "no MX and no address" if exists else "NXDOMAIN")
            case DnsTrouble(why):
                return Unanswered(Stage.DNS, why)

    def _guarded(
        self, domain: str, hosts: tuple[tuple[int, str], ...], secure: bool, policy: StsPolicy | None
    ) -> Site | Outcome:
        if self._guard is None:
            return Site(hosts, self._port)
        asked = self._guard.demand(domain, hosts, secure, policy)
        if isinstance(asked, Insecure):
            return asked
        site = Site(asked[0], self._port, demand=asked[1])
        # whom a connection serves, for the TLS reports
        served = self._domains.setdefault(site, OrderedDict())
        served[domain] = None
        served.move_to_end(domain)
        self._domains.move_to_end(site)
        for known, most in ((served, _SERVED), (self._domains, _SITES)):
            while len(known) > most:
                known.popitem(last=False)
        return site

    async def targets(self, site: Site) -> list[Target] | Outcome:
        """Addresses to dial, best host first, hosts of one preference in random order (RFC 5321 5.1)."""
        ranked = sorted(site.hosts, key=lambda host: (host[0], random.random()))
        found: list[Target] = []
        trouble: Outcome = Unanswered(Stage.DNS, "no address")
        for _, host in ranked:
            if site.routed:
                addresses = await _named_by_operator(host)
            else:
                answer = await self._resolver.addresses(host)
                if isinstance(answer, DnsTrouble):
                    trouble = Unanswered(Stage.DNS, answer.why)
                    continue
                if isinstance(answer, NoDomain):
                    continue
                if answer.refused and not answer.allowed:
                    trouble = Unanswered(Stage.CONNECT, "address not allowed")
                addresses = answer.allowed
            security = await self._security(site, host) if addresses else OPPORTUNISTIC
            if isinstance(security, Insecure):
                trouble = security
                continue
            found += [Target(host, address, site.port, security) for address in addresses]
            if len(found) >= _TARGETS:
                break
        return found[:_TARGETS] or trouble

    async def _security(self, site: Site, host: str) -> Security | Insecure:
        if site.routed or self._guard is None:
            return OPPORTUNISTIC  # the operator's own way: nobody's policy speaks of it
        return await self._guard.host(site.demand, host, site.port, tuple(self._domains.get(site, ())))


async def _named_by_operator(host: str) -> tuple[str, ...]:
    # a route may name a container or a line of /etc/hosts, which only the system's resolver knows
    try:
        rows = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(dict.fromkeys(str(row[4][0]) for row in sorted(rows, key=lambda row: row[0] != socket.AF_INET)))
