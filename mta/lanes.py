"""The two lanes of a sender, wired from the settings: campaigns, and the fast one for system mail.

In: the settings, the database and whoever takes the campaign lane's results. Out: pools that share an atlas and nothing
else, so that a campaign can never hold back an acknowledgement. Raises nothing.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from config import warmup
from config.durations import milliseconds
from config.providers import Provider, Providers, Watch
from config.settings import Delivery, Settings, split_hostport
from mail.dkim import Signer
from mail.resolver import Fence, Resolver
from mta.conditions import Conditions
from mta.descriptors import connections
from mta.gate import Gate
from mta.lines import Line
from mta.notices import NoticeLane
from mta.permits import Permits
from mta.pool import Hooks, Pool, Rules
from mta.providers import Limits
from mta.reactions import Reactions, asking
from mta.retry import Plans
from mta.session import Dialling
from mta.sites import Atlas, Site
from mta.slots import Slots
from mta.sources import Land, Sources
from mta.throttle import SHORTEST
from mta.transport import Transport, transport
from mta.values import Contact, Outcome, Parcel, Patience
from mta.ways import Way
from store.engine import Database, now_ms

NOTICES_IN_FLIGHT = 40


class Taker(Protocol):
    """Who takes the results of the campaign lane."""

    def outcome(self, parcel: Parcel, outcome: Outcome, contact: Contact, line: Line | None) -> None: ...
    def unsent(self, parcel: Parcel) -> None: ...
    def later(self, parcel: Parcel, seconds: float) -> None: ...
    def broken(self, parcel: Parcel, error: Exception) -> None: ...


@dataclass(slots=True)
class Lanes:
    """What a sender has running."""

    resolver: Resolver
    atlas: Atlas
    pool: Pool
    notice_gate: Gate
    notice_pool: Pool
    notices: NoticeLane
    transport: Transport
    reactions: Reactions
    choice: Sources
    broken: set[int] = field(default_factory=set)  # campaigns with a mail that could not be rendered


def lanes(
    settings: Settings, database: Database, gate: Gate, plans: Plans, taker: Taker, signers: Sequence[Signer] = ()
) -> Lanes:
    """Wire both lanes; call it inside the event loop."""
    delivery = settings.delivery
    resolver = resolver_of(settings)
    secured = transport(settings, database, resolver, signers)
    atlas = Atlas(resolver, delivery.routes, delivery.port, secured.guard)
    reply, dot = (milliseconds(text) / 1000 for text in (delivery.reply_timeout, delivery.dot_timeout))
    patience = Patience(reply=reply, dot=dot, behind=min(5.0, dot / 4), group=min(30.0, reply / 4))
    dialling = Dialling(
        delivery.helo or settings.gateway.domain, delivery.source, milliseconds(delivery.connect_timeout) / 1000, reply
    )
    claims = asking(database)
    providers = Watch(settings.providers_file).current
    conditions = Conditions(providers, claims, now_ms)
    limits = _limits(delivery, plans, dialling)
    calendar = warmup.load(settings.warmup_file)
    choice = Sources(Permits(database, calendar, now_ms), calendar, _land(providers, conditions, limits, atlas), now_ms)
    slots = settings.gateway.data_dir / "slots"
    hooks = Hooks(taker.outcome, taker.unsent, taker.later, taker.broken)
    pool = Pool(atlas, dialling, patience, limits, gate, hooks, Rules(conditions, Slots(slots)))
    notice_gate = Gate(NOTICES_IN_FLIGHT, time.monotonic)
    notices = NoticeLane(database, atlas, notice_gate, plans, choice)
    notice_hooks = Hooks(notices.outcome, notices.unsent, notices.later, notices.broken)
    notice_limits = replace(limits, per_site=3, total=40, messages=50, idle=2.0, metered=False)
    rules = Rules(conditions, Slots(slots, urgent=True))
    notice_pool = Pool(atlas, dialling, patience, notice_limits, notice_gate, notice_hooks, rules)
    notices.pool = notice_pool
    reactions = Reactions(database, conditions, claims)
    reactions.pools = (pool, notice_pool)
    return Lanes(resolver, atlas, pool, notice_gate, notice_pool, notices, secured, reactions, choice)


def _land(providers: Callable[[], Providers], conditions: Conditions, limits: Limits, atlas: Atlas) -> Land:
    def provider(site: Site) -> str:
        return key_of(providers().of([host for _, host in sorted(site.hosts)]))

    def shut(way: Way) -> float:
        return conditions.shut(conditions.terms(way, limits).site, way.source_id)

    async def reached(site: Site) -> tuple[bool, bool]:
        targets = await atlas.targets(site)
        six = [":" in target.ip for target in targets] if isinstance(targets, list) else [True, False]
        return not all(six), any(six)

    return Land(provider, shut, reached)


def key_of(provider: Provider | None) -> str:
    """The key of a provider under which warm-up is counted; "" for sites of no known one."""
    return provider.key if provider is not None and provider.mx else ""


def _limits(delivery: Delivery, plans: Plans, dialling: Dialling) -> Limits:
    soonest = min(plans.retry.steps[0], plans.awaiting.steps[0]) / 1000
    return Limits(
        per_site=delivery.connections_per_site,
        total=connections(delivery.connections),
        messages=delivery.messages_per_connection,
        dial=2 * dialling.connect_timeout + dialling.reply_timeout,
        dead=min(SHORTEST, soonest),  # no use in leaving a site alone for longer than its mails wait
    )


def resolver_of(settings: Settings) -> Resolver:
    """The resolver that the settings ask for; both sides of the house make theirs so."""
    fence = Fence(settings.delivery.allow_networks, own_addresses(settings.smtp.mx_listen))
    dns = settings.dns
    return Resolver(dns.nameservers, milliseconds(dns.timeout) / 1000, fence, validated=dns.dnssec == "trust")


def own_addresses(listen: Sequence[str]) -> set[str]:
    """Addresses of this machine that are known without asking the network: mail to them would come round again."""
    found = {split_hostport(value)[0] for value in listen}
    with contextlib.suppress(OSError):
        found |= {str(row[4][0]) for row in socket.getaddrinfo(socket.gethostname(), None)}
    return {str(ipaddress.ip_address(one)) for one in found if _literal(one)}


def _literal(text: str) -> bool:
    try:
        return not ipaddress.ip_address(text).is_unspecified
    except ValueError:
        return False
