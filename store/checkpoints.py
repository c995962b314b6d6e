"""SQLite's write-ahead log copied back into the database beside the writers, not inside somebody's commit.

In: the database file, and word of each commit. Out: a log that stays short. By itself SQLite checkpoints within the commit
that makes the log long: whoever waits behind it (a pixel, an acknowledgement) waits for some thousand pages and two flushes
of the disk, and while a reader looks at an older moment each commit after it tries anew. Here a thread copies them once a
second while everybody writes on; only the little that was written meanwhile is copied in a turn of the writers, so that the
next commit can start the log anew. Source: sqlite.org/wal.html ("Checkpointing"), sqlite.org/pragma.html (wal_checkpoint).
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path

EVERY = 1.0  # seconds between two looks of a process
LONG = 4_000  # pages of the log from which on it is to start anew
TOO_LONG = 40_000  # pages at which a commit copies them itself after all: nobody else came to it


class Checkpoints:
    """One a process and database; `turn` is a place in the queue of the writers."""

    def __init__(self, database: Path, turn: AbstractAsyncContextManager[None]) -> None:
        self._database, self._turn = database, turn
        self._looked = time.monotonic()
        self._looking: asyncio.Task[None] | None = None

    def written(self) -> None:
        """Something was committed: look at the log if that was long ago."""
        now = time.monotonic()
        if now - self._looked >= EVERY and (self._looking is None or self._looking.done()):
            self._looked = now
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        if await asyncio.to_thread(self._copy) >= LONG:
            async with self._turn:
                await asyncio.to_thread(self._copy)

    def _copy(self) -> int:
        """Copy what no reader holds back; returns how many pages the log had, 0 when another process is at it. A failure is
        left to the writers, who meet it, too."""
        try:
            with closing(sqlite3.connect(self._database, timeout=0)) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                busy, length, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.OperationalError:
            return 0
        return 0 if busy else int(length)

    async def close(self) -> None:
        """Wait for what is being copied."""
        if self._looking is not None:
            await asyncio.wait([self._looking])
