"""`db`, `settings` and `--version`.

In: the parsed command line. Out: lines for people and scripts. Raises ConfigError with one sentence.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata

from config.reference import reference
from config.settings import Settings
from gateway.cli.commands.database import settings_of
from store.engine import Database


def upgrade(found: argparse.Namespace) -> None:
    """Bring the database's tables to the newest version; a new one is made."""
    settings = settings_of(found)
    asyncio.run(migrate(settings))
    print("database: up to date")


def settings(_found: argparse.Namespace) -> None:
    """Print every setting with its description and default."""
    print(reference(), end="")


def version(_found: argparse.Namespace) -> None:
    """Print the version."""
    print(f"mail2campaign {importlib.metadata.version('mail2campaign')}")


async def migrate(settings: Settings) -> None:
    """Bring the tables of the database to the newest version."""
    database = Database.open(settings.database_url, settings.database)
    try:
        await database.migrate()
    finally:
        await database.close()
