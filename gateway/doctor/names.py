"""Certificates that the gateway gets by itself, and the hosts of accounts, as the database and the disk know them.

In: an open database, the settings, an instant. Out: findings. A database that does not answer is told elsewhere: nothing
here. Nothing is raised.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from config.settings import Settings
from gateway.certificates.keeper import PRESSING, own_names, seen
from gateway.doctor.finding import Finding, advice, critical, ok, warning
from gateway.hosts.looking import target
from store import certificates, hosts
from store.certificates import Asked
from store.engine import Database
from store.hosts import Host


async def check(database: Database, settings: Settings, now: datetime) -> list[Finding]:
    """Look at all names."""
    try:
        async with asyncio.timeout(10), database.read() as conn:
            asked, theirs = await certificates.every(conn), await hosts.every(conn)
    except Exception:  # told by gateway.doctor.database
        return []
    used = [one for one in theirs if one.left_at is None]
    told = _certificates(settings, asked, [*own_names(settings), *(one.host for one in used)], now)
    return told + [finding for one in used for finding in _host(one, target(settings))]


def _certificates(settings: Settings, asked: dict[str, Asked], names: list[str], now: datetime) -> list[Finding]:
    if not settings.acme.directory:
        return []
    told = []
    for name in names:
        found, known = seen(settings, name), asked.get(name)
        if known is not None and known.failures:
            grave = critical if found is None or found.spent(now) >= PRESSING else warning
            again = f"{datetime.fromtimestamp(known.again_at / 1000, UTC):%Y-%m-%d %H:%M} UTC"
            told.append(grave("acme_failing", host=name, n=known.failures, why=known.error, again=again))
        elif found is None:
            told.append(advice("acme_waiting", host=name))
        else:
            told.append(ok("acme_ok", host=name, date=f"{found.ends:%Y-%m-%d}"))
    return told


def _host(one: Host, gateway: str) -> list[Finding]:
    told = []
    for kind, code, at, why in (
        ("links", "host_links", one.links_at, one.links_why),
        ("bounces", "host_bounces", one.bounces_at, one.bounces_why),
    ):
        if at:
            told.append(ok("host_ok", host=one.host, kind=kind))
        elif why:
            told.append(warning(code, host=one.host, why=why, gateway=gateway))
        else:
            told.append(advice("host_unseen", host=one.host, kind=kind))
    return told
