"""Transport security of a sender, wired from the settings: what hosts must prove, whose policies, which reports.

In: the settings, the database, the resolver, the keys. Out: the guard for the atlas, and chores for the worker. Nothing
is raised.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from config.providers import Watch
from config.settings import Settings
from mail.dkim import Signer
from mail.fetch import Client
from mail.resolver import Resolver
from mta.certificates import Authorities
from mta.guard import Guard
from mta.policies import Policies
from mta.tls_ledger import Ledger
from mta.tls_report import Author
from mta.tls_reporter import Reporter, Ways
from store.engine import Database

_LAST = 2.0  # seconds for the last counts


@dataclass(frozen=True, slots=True)
class Transport:
    """What a sender has of it; without policies or reporter where the settings say so."""

    guard: Guard
    policies: Policies | None
    reporter: Reporter | None

    async def turn(self) -> None:
        """The chores of a minute."""
        if self.reporter is not None:
            await self.reporter.turn()

    async def close(self) -> None:
        """Write what was counted and stop fetching."""
        if self.reporter is not None:
            with contextlib.suppress(Exception):  # counts are worth no long delay at the end
                async with asyncio.timeout(_LAST):
                    await self.reporter.flush()
        if self.policies is not None:
            await self.policies.close()


def transport(
    settings: Settings,
    database: Database,
    resolver: Resolver,
    signers: Sequence[Signer],
) -> Transport:
    """Wire it."""
    tls, domain = settings.tls, settings.gateway.domain
    client = Client(resolver, tls.ca_file, agent=f"mail2campaign (+{settings.gateway.url})")
    own = next((one for one in signers if one.domain == domain), signers[0] if signers else None)
    reporter, told = None, None
    if tls.reports and own is not None:
        ledger = Ledger()
        told = ledger.note
        author = Author(domain, tls.report_contact or f"postmaster@{domain}")
        reporter = Reporter(ledger, database, Ways(resolver, client, own, author, settings.delivery.port))
    policies = Policies(resolver, client, database, told) if tls.mta_sts else None
    sts = None if policies is None else policies.of
    must = partial(_must, Watch(settings.providers_file))
    return Transport(Guard(resolver, Authorities(tls.ca_file), sts, told, must), policies, reporter)


def _must(watch: Watch, host: str) -> bool:
    # GMX and others are never written to in the clear; asked when a connection is opened
    return watch.current().of((host,)).tls == "must"
