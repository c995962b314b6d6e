"""The rules by which robots are known: an operator's own before ours, read again when their file changes.

In: the operator's file, which need not be there. Out: the rules in force. A file that has become unusable leaves those of
before in force and is said once. Logs machines_refused; raises nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from config.logging import log
from parsers.hits import OURS, Rule, RulesError, read_rules

LOOK = 2.0  # seconds between two looks at the file
_LARGEST = 1_000_000  # bytes


class Machines:
    """One a process."""

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._next_look = float("-inf")
        self._seen: tuple[int, int] | None = None
        self._rules = OURS

    def current(self) -> tuple[Rule, ...]:
        """The rules as the file says now."""
        if self._path is not None and self._clock() >= self._next_look:
            self._next_look = self._clock() + LOOK
            self._look(self._path)
        return self._rules

    def _look(self, path: Path) -> None:
        try:
            found = path.stat()
        except OSError:
            self._seen, self._rules = None, OURS
            return
        if self._seen == (found.st_mtime_ns, found.st_size):
            return
        self._seen = (found.st_mtime_ns, found.st_size)
        try:
            if found.st_size > _LARGEST:
                raise RulesError(f"{path.name} is larger than {_LARGEST} bytes")
            self._rules = (*read_rules(path.read_text("utf-8"), path.name), *OURS)
        except (RulesError, OSError, UnicodeDecodeError) as error:
            log("machines_refused", why=str(error))
