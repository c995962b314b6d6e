"""What went wrong in a command, as one line.

In: an exception. Out: a sentence without line breaks; a refusal of ours speaks for itself, what others raise is named
by its kind. Raises nothing.
"""

from __future__ import annotations

from pathlib import Path

# by name: telling what went wrong needs none of their modules
_OURS = {
    "ArchiveError", "ConfigError", "CopyError", "Failure", "KeysError", "LastAdmin", "Occupied", "ServeError", "StageError",
    "Taken",
}  # fmt: skip
_LONGEST = 400


class Failure(Exception):
    """A command cannot be done; the text says why and what to do."""


def sentence(error: BaseException) -> str:
    """Return what to tell the operator about an exception."""
    words = " ".join(str(error).split())[:_LONGEST]
    if type(error).__name__ in _OURS:
        return words
    if isinstance(error, OSError) and error.strerror:
        where = f": {Path(error.filename)}" if isinstance(error.filename, str) else ""
        return f"{error.strerror}{where}"
    if type(error).__module__.startswith("sqlalchemy"):
        if "no such table" in words or "UndefinedTable" in words:
            return "the database has no tables yet: run mail2campaign db upgrade"
        return f"the database does not answer: {words}"
    return f"{type(error).__name__}: {words}"
