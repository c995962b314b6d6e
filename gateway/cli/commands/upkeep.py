"""`dkim`, `db`, `settings` and `--version`.

In: the parsed command line. Out: lines for people and scripts. Raises KeysError or ConfigError with one sentence.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata

from config import keys
from config.reference import reference
from gateway.cli.commands.database import settings_of
from store.engine import Database


def dkim_list(found: argparse.Namespace) -> None:
    """Print the record to publish for every DKIM key, one a line."""
    for domain, selector, pem in keys.dkim_keys(settings_of(found).gateway.data_dir):
        print(_line(domain, selector, pem))


def dkim_add(found: argparse.Namespace) -> None:
    """Make a DKIM key for a domain and print the record to publish."""
    data = settings_of(found).gateway.data_dir
    domain, selector = found.domain.rstrip(".").lower(), found.selector.lower()
    keys.add_dkim(data, domain, selector)
    print(*(_line(*key) for key in keys.dkim_keys(data) if key[:2] == (domain, selector)), sep="\n")


def upgrade(found: argparse.Namespace) -> None:
    """Bring the database's tables to the newest version; a new one is made."""
    settings = settings_of(found)
    asyncio.run(migrate(settings.database_url))
    print("database: up to date")


def settings(_found: argparse.Namespace) -> None:
    """Print every setting with its description and default."""
    print(reference(), end="")


def version(_found: argparse.Namespace) -> None:
    """Print the version."""
    print(f"mail2campaign {importlib.metadata.version('mail2campaign')}")


async def migrate(url: str) -> None:
    """Bring the tables of one database to the newest version."""
    database = Database.open(url)
    try:
        await database.migrate()
    finally:
        await database.close()


def _line(domain: str, selector: str, pem: bytes) -> str:
    return f'{selector}._domainkey.{domain} TXT "{keys.dkim_record(pem)}"'
