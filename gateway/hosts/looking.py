"""Whether the host of an account leads here: its pages by the very way that readers take, its mail by MX and SPF.

In: the desk, hosts. Out: rows of store.hosts, looked at again every minute, by which senders decide whether mails bear
the host or the gateway's own name. The web is asked for a word that only this gateway can say (gateway.web.known); DNS, a
network or a server that does not answer in time tells nothing, and what was known stays for some minutes. Raises what the
database raises. Logs host_looked when something changes.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from config.durations import milliseconds
from config.logging import log
from config.settings import Settings
from config.urls import at_host, is_address
from gateway.intake.desk import Desk
from mail import spf
from mail.fetch import Client, Trouble, Unfetched
from mail.resolver import DnsTrouble, Fence, Mx, NoDomain, Resolver
from mail.spf import Result
from parsers.tokens import Keyring
from store import hosts, sources
from store.engine import now_ms
from store.hosts import Host
from store.sources import State

PATH = "/.well-known/mail2campaign"
EVERY = 60_000  # ms until a host is looked at again: what stops working must not stand in mails for long
GRACE = 600_000  # ms for which what answers nothing is taken to be as it was
_LARGEST = 1_000  # bytes
_TROUBLES = {
    Trouble.NO_HOST: "dns", Trouble.FORBIDDEN: "private", Trouble.CONNECT: "silent",
    Trouble.CERTIFICATE: "certificate", Trouble.TLS: "certificate", Trouble.PROTOCOL: "elsewhere",
    Trouble.SIZE: "elsewhere",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """ "" it works, a word of the catalogue (`hosts.why_…`) why not, None when nobody could tell."""

    links: str | None
    bounces: str | None


def word(keyring: Keyring, host: str) -> str:
    """What this gateway, and no other, says when it is asked under a name; the oldest key makes it."""
    secret = keyring.keys[min(keyring.keys)]
    return hmac.digest(secret, b"host " + host.lower().encode("ascii", "replace"), "sha256").hex()


def target(settings: Settings) -> str:
    """Where a host's CNAME leads: to the host of the pages; that it is the gateway's domain, too, lets bounces work."""
    host = urlsplit(settings.gateway.url).hostname or ""
    return settings.gateway.domain if not host or is_address(host) else host


async def leads_here(resolver: Resolver, settings: Settings, host: str) -> bool:
    """Whether DNS gives a host addresses of ours and no others."""
    theirs, ours = await _addresses(resolver, host), await _addresses(resolver, target(settings))
    return bool(theirs) and theirs <= ours


async def _addresses(resolver: Resolver, host: str) -> set[str]:
    found = [await resolver.records(host, kind) for kind in ("A", "AAAA")]
    return {one for part in found if isinstance(part, tuple) for one in part}


def _lasting(why: str | None, good_at: int | None, now: int) -> str | None:
    """What is to be kept of a look: silence counts as a no once it has lasted."""
    return "silent" if why is None and good_at is not None and now - good_at > GRACE else why


class Lookout:
    """Looks at all hosts; one a gateway. `names` are those to which bounces may come."""

    def __init__(self, desk: Desk) -> None:
        self._desk, settings = desk, desk.settings
        fence = Fence(settings.delivery.allow_networks)
        self._resolver = Resolver(settings.dns.nameservers, milliseconds(settings.dns.timeout) / 1000, fence)
        self._client = Client(self._resolver, settings.tls.ca_file, agent=f"mail2campaign (+{settings.gateway.url})")
        self.names: frozenset[str] = frozenset()

    async def close(self) -> None:
        """Let go of DNS."""
        await self._resolver.close()

    async def load(self) -> list[Host]:
        """Read which hosts there are."""
        async with self._desk.database.read() as conn:
            known = await hosts.every(conn)
        self.names = frozenset(one.host for one in known)
        return known

    async def turn(self) -> int:
        """Look at those whose time has come; returns how many."""
        now, seen = now_ms(), 0
        for one in await self.load():
            if one.left_at is None and (one.looked_at is None or now - one.looked_at >= EVERY):
                await self.look(one)
                seen += 1
        return seen

    async def look(self, one: Host) -> Found:
        """Look at one, and keep what was found."""
        links, bounces = await self._links(one.host), await self._bounces(one.host)
        now = now_ms()
        found = Found(_lasting(links, one.links_at, now), _lasting(bounces, one.bounces_at, now))
        async with self._desk.database.write() as conn:
            await hosts.looked(conn, one.id, found.links, found.bounces, now)
        for kind, why, known, before in (
            ("links", found.links, one.links_why, one.links_at),
            ("bounces", found.bounces, one.bounces_why, one.bounces_at),
        ):
            if why is not None and (why != known or bool(before) == bool(why)):
                log("host_looked", account=one.account_id, host=one.host, kind=kind, why=why or "it works")
        return found

    async def _links(self, host: str) -> str | None:
        if isinstance(await self._resolver.addresses(host), NoDomain):
            return "dns"
        url = at_host(self._desk.settings.gateway.url, host)
        got = await self._client.read(url + PATH, _LARGEST, plain=url.startswith("http:"))
        if isinstance(got, Unfetched):
            return _TROUBLES.get(got.why)
        said = got.body.strip() if got.status == 200 else b""
        return "" if hmac.compare_digest(said, word(self._desk.keyring, host).encode()) else "elsewhere"

    async def _bounces(self, host: str) -> str | None:
        settings = self._desk.settings
        theirs, ours = await self._resolver.mail_domain(host), await self._resolver.mail_domain(settings.gateway.domain)
        if isinstance(theirs, DnsTrouble) or isinstance(ours, DnsTrouble):
            return None
        known = {settings.gateway.domain, *(name for _, name in ours.hosts)} if isinstance(ours, Mx) else set()
        if not isinstance(theirs, Mx) or not {name for _, name in theirs.hosts} <= known:
            return "mx"
        for source in await self._sources():
            helo = settings.delivery.helo or settings.gateway.domain
            verdict = await spf.check(self._resolver, source, f"bounce@{host}", helo)
            if verdict.result is Result.TEMPERROR:
                return None
            if verdict.result is not Result.PASS:
                return "spf"
        return ""

    async def _sources(self) -> list[str]:
        """The addresses that mail leaves from."""
        async with self._desk.database.read() as conn:
            own = [one.address for one in await sources.every(conn) if one.state is not State.OFF]
        settings = self._desk.settings
        return (
            own
            or [settings.delivery.source] * bool(settings.delivery.source)
            or sorted(await _addresses(self._resolver, settings.gateway.domain))
        )
