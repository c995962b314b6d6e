"""Look-ups of many requests gathered into one read: whoever asks while a read is under way waits for the next.

In: ids of recipients, from many requests at once. Out: what store.addressees finds; None for who is no more, and for all of
them where the database does not answer within PATIENCE: whoever asked has another way to find out why. Logs and raises
nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from store import addressees
from store.addressees import Addressee
from store.engine import Database

MOST = 500  # ids in one read
PATIENCE = 5.0  # seconds

Told = Callable[[Addressee | None], None]


class Lookup:
    """One a process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[int, list[Told]] = {}
        self._task: asyncio.Task[None] | None = None

    def ask(self, recipient_id: int, told: Told) -> None:
        """Have `told` called with the recipient of that id; it must not raise."""
        self._waiting.setdefault(recipient_id, []).append(told)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting:
                some = dict(list(self._waiting.items())[:MOST])
                for one in some:
                    del self._waiting[one]
                found = await self._read(list(some))
                for one, waiting in some.items():
                    for told in waiting:
                        told(found.get(one))
        finally:
            self._task = None

    async def _read(self, ids: list[int]) -> dict[int, Addressee]:
        try:
            async with asyncio.timeout(PATIENCE), self._db.read() as conn:
                return await addressees.find(conn, ids)
        except Exception:
            return {}
