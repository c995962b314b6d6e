"""The doctor's visit: everything that can be checked, at once where it waits, in the order in which people read it.

In: the settings, and whether the network may be asked. Out: all findings. Asks DNS, and with `[doctor]` settings a time
server and blocklists; greets one mail server that the settings name. Nothing is raised but what the settings raise.
"""

from __future__ import annotations

import asyncio
import time
from fnmatch import fnmatchcase
from pathlib import Path

from config import keys
from config.durations import milliseconds
from config.settings import Settings, split_hostport
from gateway.certificates.cupboard import of_gateway
from gateway.doctor import database as base
from gateway.doctor import dns, machine, names, network, sts
from gateway.doctor.finding import Finding, advice
from mail.fetch import Client
from mail.resolver import Mx, Resolver
from store.engine import Database, now_ms
from store.sources import Source


async def visit(settings: Settings, *, offline: bool = False, deep: bool = False) -> list[Finding]:
    """Check everything; `offline` asks nobody but this machine and the database."""
    data = settings.gateway.data_dir
    database = Database.open(settings.database_url, settings.database) if _has_database(settings) else None
    try:
        sources = await base.addresses(database) if database else []
        running = machine.running(data)
        told = machine.settings(settings)
        if not offline:
            told += await _outside(settings, sources)
        told += _inside(settings)
        if database is not None:
            told += await base.check(database, settings, running, deep, now_ms())
            told += await names.check(database, settings, network.now())
        told += enrolment(settings)
        return told
    finally:
        if database is not None:
            await database.close()


def _has_database(settings: Settings) -> bool:
    prefix, _, path = settings.database_url.partition(":///")
    return not prefix.startswith("sqlite") or Path(path).is_file()


def _inside(settings: Settings) -> list[Finding]:
    data = settings.gateway.data_dir
    told = network.certificate(*of_gateway(settings), settings.gateway.domain, network.now())
    kept = network.kernel_clock()
    told += [kept] if kept is not None else []
    told += machine.disk(data, settings.smtp.min_free_disk)
    if not data.is_dir():
        return told
    told += machine.secrets(data)
    told += machine.spool(data, time.time())
    return told + machine.backup(data, settings.doctor.backup_age, time.time())


async def _outside(settings: Settings, sources: list[Source]) -> list[Finding]:
    resolver = Resolver(settings.dns.nameservers, milliseconds(settings.dns.timeout) / 1000)
    own = [one.address for one in sources] or [settings.delivery.source] * bool(settings.delivery.source)
    gateway = settings.gateway
    signing = ((f"{selector}._domainkey.{domain}", keys.dkim_record(pem)) for domain, selector, pem in
               keys.dkim_keys(gateway.data_dir))  # fmt: skip
    asked = dns.Asked(gateway.domain, gateway.url, settings.delivery.helo or gateway.domain, tuple(own), tuple(signing))
    try:
        web = Client(resolver, settings.tls.ca_file, agent=f"mail2campaign (+{gateway.url})")
        told, policy, door, clock = await asyncio.gather(
            dns.check(resolver, asked),
            sts.check(resolver, web, gateway.domain),
            _egress(resolver, settings),
            _clock(settings.doctor.time_server),
        )
        listed = await dns.blocklists(resolver, settings.doctor.blocklists, own or await _addresses(resolver, settings))
    finally:
        await resolver.close()
    return [*told, *policy, *door, *clock, *listed]


async def _addresses(resolver: Resolver, settings: Settings) -> list[str]:
    if not settings.doctor.blocklists:
        return []
    found = await resolver.records(settings.gateway.domain, "A")
    return list(found) if isinstance(found, tuple) else []


async def _egress(resolver: Resolver, settings: Settings) -> list[Finding]:
    """Greet the server that takes the operator's own mail: the only one that the settings name."""
    delivery, local = settings.delivery, settings.delivery.source or None
    domain = settings.gateway.operator.rpartition("@")[2].lower()
    if not domain:
        return [advice("egress_unknown")]
    for pattern, place in delivery.routes.items():
        if fnmatchcase(domain, pattern.lower()):
            return [await network.egress(*split_hostport(place), local)]
    found = await resolver.mail_domain(domain)
    if not isinstance(found, Mx):
        return [advice("egress_unknown")]
    return [await network.egress(found.hosts[0][1], delivery.port, local)]


async def _clock(server: str) -> list[Finding]:
    return [await network.clock(*split_hostport(server))] if server else []


def enrolment(settings: Settings) -> list[Finding]:
    """Where to register so that complaints and reputation are told to us: nobody can check that from here."""
    domain = settings.gateway.domain
    names = ("signalspam", "microsoft", "yahoo", "google", "validity", "cfbl")
    return [advice(f"enrol_{name}", domain=domain) for name in names]
