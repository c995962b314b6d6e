"""Look-ups of many requests gathered into one read: whoever asks while a read is under way waits for the next.

In: ids of recipients, from many requests at once. Out: what store.addressees finds, None for who is no more. Raises what the
database raises, to everybody who waited for that read; logs nothing.
"""

from __future__ import annotations

import asyncio

from store import addressees
from store.addressees import Addressee
from store.engine import Database

MOST = 500  # ids in one read


class Lookup:
    """One a process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: dict[int, asyncio.Future[Addressee | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def find(self, recipient_id: int) -> Addressee | None:
        """The recipient of that id."""
        waiting = self._waiting.get(recipient_id)
        if waiting is None:
            waiting = self._waiting[recipient_id] = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await asyncio.shield(waiting)  # others may wait for the same

    async def _run(self) -> None:
        try:
            while self._waiting:
                some = dict(list(self._waiting.items())[:MOST])
                for one in some:
                    del self._waiting[one]
                await self._read(some)
        finally:
            self._task = None

    async def _read(self, some: dict[int, asyncio.Future[Addressee | None]]) -> None:
        try:
            async with self._db.read() as conn:
                found = await addressees.find(conn, list(some))
        except Exception as error:
            for waiting in some.values():
                waiting.set_exception(error)
                waiting.exception()  # whoever asked may have gone meanwhile
            return
        for one, waiting in some.items():
            waiting.set_result(found.get(one))
