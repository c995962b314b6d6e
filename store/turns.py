"""Whose turn it is to write to a SQLite file, among all processes that have it open.

In: the path of the file that is locked. Out: turns, first come, first served between processes, as SQLite's own busy handler,
which sleeps in steps of up to 100 ms, does not give them. A turn is held by the loop over the steps of a transaction, or in
a connection's thread for the whole of one. Raises what the file system raises.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def turn_file(database: Path) -> Path:
    """The file on whose lock the writers of a SQLite database queue."""
    return database.with_name(database.name + ".turn")


class WriteQueue:
    """Whose turn it is to write to a SQLite file: a lock within the process, and between processes a blocking flock taken in
    a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write-queue")
        self.here = asyncio.Lock()

    async def __aenter__(self) -> None:
        await self.here.acquire()
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody there: no hop to the thread
        except BlockingIOError:
            waiting = asyncio.get_running_loop().run_in_executor(self._thread, fcntl.flock, self._fd, fcntl.LOCK_EX)
            try:
                await asyncio.shield(waiting)
            except asyncio.CancelledError:
                waiting.add_done_callback(self._leave)  # taken in vain: pass it on
                raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self, *_: object) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        self.here.release()

    def within(self, work: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection) -> T:
        """Do a whole transaction in its turn, in the connection's thread; others of this process are kept away by `here`."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            return result
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def close(self) -> None:
        self._thread.shutdown(wait=False)
        os.close(self._fd)
