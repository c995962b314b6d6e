"""Connections counted over all processes of a machine: one lock file for each that a site allows.

In: what a limit holds for (a provider or site, from one source) and how many connections it allows. Out: a `Slot`, kept as
long as the connection is open, or None. The kernel frees the locks of a process that ends, however it ends. Whoever has
no slot may say so (`want`), and whoever holds one asks (`wanted`) and makes room; system mail wants more urgently. Each
call is a few system calls on small local files. Raises OSError when the folder cannot be used.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from pathlib import Path

_UNSAFE = re.compile(r"[^A-Za-z0-9.@-]+")


class Slot:
    """One connection's place; `release` it once."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        """Give the place up; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)  # the lock goes with the last descriptor of its file
            self._fd = -1


class Slots:
    """The places of one lane of a process; `urgent` for system mail."""

    def __init__(self, folder: Path, *, urgent: bool = False) -> None:
        self._folder, self._urgent = folder, urgent
        self._wanted: dict[str, int] = {}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def take(self, key: str, most: int) -> Slot | None:
        """A place among `most`; None when all are taken."""
        name = _name(key)
        for number in range(most):
            fd = self._lock(f"{name}.{number}", fcntl.LOCK_EX)
            if fd is not None:
                self.unwant(key)
                return Slot(fd)
        return None

    def want(self, key: str) -> None:
        """Let those who hold places of `key` know that somebody waits."""
        if key not in self._wanted:
            fd = self._lock(f"{_name(key)}.{'urgent' if self._urgent else 'want'}", fcntl.LOCK_SH)
            if fd is not None:
                self._wanted[key] = fd

    def unwant(self, key: str) -> None:
        """Nobody waits here any more."""
        fd = self._wanted.pop(key, None)
        if fd is not None:
            os.close(fd)

    def wanted(self, key: str, *, urgently: bool) -> bool:
        """Whether somebody else waits for a place of `key`."""
        if not urgently and key in self._wanted:
            return False
        fd = self._lock(f"{_name(key)}.{'urgent' if urgently else 'want'}", fcntl.LOCK_EX)
        if fd is None:
            return True
        os.close(fd)
        return False

    def close(self) -> None:
        """Want nothing any more."""
        for key in list(self._wanted):
            self.unwant(key)

    def _lock(self, name: str, kind: int) -> int | None:
        fd = os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return fd


def _name(key: str) -> str:
    """A file name for any key: readable, and its own."""
    return f"{_UNSAFE.sub('_', key)[:60]}-{hashlib.blake2b(key.encode(), digest_size=6).hexdigest()}"
