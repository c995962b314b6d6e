"""A bell beside the spool: the web process rings when it has put a mail there, and intake looks at once.

In: the spool's folder. Out: `ring`, from any process; `Bell`, which calls back in the one that listens. It is a FIFO: nobody
listening is no trouble (the next look finds the mail), and ten rings may be heard as one. Raises OSError where a FIFO cannot
be made.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

_NAME = "bell"


def ring(folder: Path) -> None:
    """Tell whoever listens that a mail has come; never waits."""
    with contextlib.suppress(OSError):  # nobody there, or the pipe is full of rings
        handle = os.open(folder / _NAME, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(handle, b"!")
        finally:
            os.close(handle)


class Bell:
    """Listens, in the running loop, until it is closed."""

    def __init__(self, folder: Path, heard: Callable[[], None]) -> None:
        path = folder / _NAME
        if not path.is_fifo():
            path.unlink(missing_ok=True)
            os.mkfifo(path, 0o600)
        # both ends, so that the last ringer's going away is no end of file
        self._handle, self._heard = os.open(path, os.O_RDWR | os.O_NONBLOCK), heard
        asyncio.get_running_loop().add_reader(self._handle, self._read)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._handle, 4_096)
        self._heard()

    def close(self) -> None:
        """Listen no more."""
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
