"""A command's way to the settings and to the database.

In: the parsed command line. Out: the settings in force, and what one coroutine on an open database returned.
Raises ConfigError, or Failure when there is no database yet (a misspelt folder must not silently make one).
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from config.settings import Settings, load
from gateway.cli.failure import Failure
from store.engine import Database

T = TypeVar("T")


def settings_of(found: argparse.Namespace) -> Settings:
    """Read the settings that `--config`, the environment or the current folder name."""
    return load(found.config)


def with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Open the database, run `work` on it, and close it; Failure when it was never made."""
    prefix, _, path = settings.database_url.partition(":///")
    if prefix.startswith("sqlite") and not Path(path).is_file():
        raise Failure(f"no database at {path}: make the folder with mail2campaign init, or name it with --config")
    return asyncio.run(_worked(settings, work))


async def _worked(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    database = Database.open(settings.database_url, settings.database)
    try:
        return await work(database)
    finally:
        await database.close()
