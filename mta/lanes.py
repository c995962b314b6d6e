"""The two lanes of a sender, wired from the settings: campaigns, and the fast one for system mail.

In: the settings, the database and whoever takes the campaign lane's results. Out: pools that share an atlas and nothing
else, so that a campaign can never hold back an acknowledgement. Raises nothing.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from config.durations import milliseconds
from config.settings import Settings, split_hostport
from mail.dkim import Signer
from mail.resolver import Fence, Resolver
from mta.gate import Gate
from mta.lines import Limits
from mta.notices import NoticeLane
from mta.pool import Hooks, Pool
from mta.retry import Plans
from mta.session import Dialling
from mta.sites import Atlas
from mta.transport import Transport, transport
from mta.values import Contact, Outcome, Parcel, Patience
from store.engine import Database

NOTICES_IN_FLIGHT = 40
_NOTICE_LIMITS = Limits(per_site=3, total=40, messages=50, idle=2.0)


class Taker(Protocol):
    """Who takes the results of the campaign lane."""

    def outcome(self, parcel: Parcel, outcome: Outcome, contact: Contact) -> None: ...
    def unsent(self, parcel: Parcel) -> None: ...
    def later(self, parcel: Parcel) -> None: ...
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
    limits = Limits(per_site=delivery.connections_per_site, messages=delivery.messages_per_connection)
    hooks = Hooks(taker.outcome, taker.unsent, taker.later, taker.broken)
    pool = Pool(atlas, dialling, patience, limits, gate, hooks)
    notice_gate = Gate(NOTICES_IN_FLIGHT, time.monotonic)
    notices = NoticeLane(database, atlas, notice_gate, plans)
    notice_hooks = Hooks(notices.outcome, notices.unsent, notices.unsent, notices.broken)
    notice_pool = Pool(atlas, dialling, patience, _NOTICE_LIMITS, notice_gate, notice_hooks)
    notices.pool = notice_pool
    return Lanes(resolver, atlas, pool, notice_gate, notice_pool, notices, secured)


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
