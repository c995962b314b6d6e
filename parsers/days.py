"""Days and instants of registers, as people write them in files and on command lines, and as registers write them.

In: text, or an instant (UTC ms). Out: the other of the two; a day is its first instant in UTC. Raises nothing, logs nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime

_FORMS = ("%Y-%m-%d %H:%M:%SZ", "%Y-%m-%d", "%d/%m/%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M:%SZ")


def day_or_none(text: str) -> int | None:
    """The start of a day (or an instant), UTC ms; None when it is none."""
    for form in _FORMS:
        try:
            return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() * 1000)
        except ValueError:
            continue
    return None


def date(ms: int | None) -> str:
    """An instant as registers write it, UTC; empty for none."""
    return "" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
