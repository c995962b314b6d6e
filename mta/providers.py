"""The terms of each way: what its provider allows and what is slowed down or paused for now.

In: the providers in force, the bounds of the settings, the pauses that all senders share. Out: `Terms`, worked out when a
line begins and again when something of that changes, never for a mail. No I/O of its own; nothing is raised.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from config.providers import Provider
from mta.sites import Site
from mta.ways import Way


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a pool: connections a site and in all, mails a connection, seconds that an idle one is kept."""

    per_site: int = 20
    total: int = 200
    messages: int = 100
    idle: float = 5.0
    dial: float = 360.0  # seconds that opening one connection may take, over all hosts of a site
    dead: float = 60.0  # seconds that a site which answers nobody is left alone at first
    metered: bool = True  # whether its mails count in rates an hour


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one way. `site` names the site in pauses; `key` is what the limits hold for, its source included."""

    connections: int = 20
    messages: int = 100
    exact: bool = False  # connections count over all processes of the machine
    per_hour: int = 0  # 0: no limit
    burst: int = 1
    site: str = ""
    key: str = ""
    provider: Provider | None = None


def site_key(site: Site) -> str:
    """A short name of a site that is its own: the best host's, with a mark of the whole set where there are more."""
    if len(site.hosts) == 1 and site.port == 25:
        return site.name
    whole = repr((sorted(site.hosts), site.port)).encode()
    return f"{site.name}#{hashlib.blake2b(whole, digest_size=4).hexdigest()}"


def terms(way: Way, provider: Provider, limits: Limits, slowed_to: int | None = None) -> Terms:
    """The terms of a way; `slowed_to` mails an hour and one connection while the site wants less than usual."""
    site = provider.key if provider.shared and provider.mx else site_key(way.site)
    connections, per_hour, burst = provider.connections or limits.per_site, provider.per_hour, provider.burst
    if slowed_to is not None:
        connections, burst = 1, 1
        per_hour = min(per_hour, slowed_to) if per_hour else slowed_to
    return Terms(
        connections=connections,
        messages=provider.messages or limits.messages,
        exact=bool(provider.connections) or slowed_to is not None,
        per_hour=per_hour,
        burst=max(1, burst or per_hour // 60),
        site=site,
        key=f"{site}@{way.source_id or 0}",
        provider=provider,
    )
