"""The empty tables of a database, which take a quarter of a second to make, are made once a test process.

`Database.migrate` of a file that is not there yet copies one that was migrated; what migrations do is told by
tests/store/test_upgrades.py.
"""

from __future__ import annotations

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store.engine import Database

_migrate = Database.migrate


class Tables:
    """Empty tables in a file of `folder`, made when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "m2c.db"

    def path(self) -> Path:
        if not self._path.exists():
            with ThreadPoolExecutor(1) as thread:  # a test's own loop may be running in this one
                thread.submit(lambda: asyncio.run(self._make())).result()
        return self._path

    async def _make(self) -> None:
        database = Database.open(f"sqlite+aiosqlite:///{self._path}")
        await _migrate(database)
        await database.close()

    def share(self, patch: pytest.MonkeyPatch) -> None:
        """From here on new files are copies of this one."""

        async def migrate(database: Database, revision: str = "head") -> None:
            path = Path(database._writer.url.database or "")
            if database.sqlite and revision == "head" and not path.exists():
                shutil.copy(self.path(), path)
            else:
                await _migrate(database, revision)

        patch.setattr(Database, "migrate", migrate)
