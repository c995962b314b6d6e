"""`account domain`: the own host of an account for its links, pages and bounces.

In: the parsed command line. Out: the record to publish and what was found when it was looked at last. An operator may
name any host; people of the account only one of their own organisation. Raises Failure with one sentence.
"""

from __future__ import annotations

import argparse

from config.settings import Settings
from gateway import i18n
from gateway.cli.commands.accounts import account_of
from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from gateway.hosts import choosing
from gateway.hosts.looking import target
from store import hosts
from store.accounts import Taken
from store.engine import Database, now_ms
from store.hosts import Host


def domain(found: argparse.Namespace) -> None:
    """Show, choose or leave the host of an account."""
    settings, wanted = settings_of(found), None
    if found.host not in (None, "off"):
        wanted = choosing.read(found.host)
        if wanted is None or wanted in (settings.gateway.domain, target(settings)):
            raise Failure(f"{found.host!r} is no host that an account could have of its own")

    async def work(database: Database) -> Host | None:
        async with database.write() as conn:
            account = await account_of(conn, found.name)
            try:
                if wanted is not None:
                    await hosts.use(conn, account.id, wanted, now_ms())
                elif found.host == "off":
                    await hosts.leave(conn, account.id, now_ms())
            except Taken as error:
                raise Failure(str(error)) from error
            return await hosts.of_account(conn, account.id)

    print("\n".join(_told(settings, found.name, with_database(settings, work))))


def _told(settings: Settings, name: str, host: Host | None) -> list[str]:
    leads_to, locale = target(settings), settings.gateway.locale
    if host is None:
        return [f"account {name}: no host of its own, mails bear {leads_to}"]
    lines = [f"account {name}: {host.host}", f"{host.host}. CNAME {leads_to}."]
    for kind, at, why in (("links", host.links_at, host.links_why), ("bounces", host.bounces_at, host.bounces_why)):
        state = "works" if at else "fails" if why else "unseen"
        said = i18n.text(locale, f"hosts.why_{why}", host=host.host, gateway=leads_to) if why else ""
        lines.append(f"{kind}: {i18n.text(locale, f'hosts.{state}')} {said}".rstrip())
    return lines
