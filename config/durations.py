"""Durations as people write them in settings: one string, units s m h d.

In: `90s`, `5m`, `1h30m`, `3d`, and retry plans such as `5m, 15m, 30m, 1h, 2h, 4h*` (a star repeats the step for ever).
Out: whole milliseconds, and frozen `Plan` values. Raises ValueError with a sentence that names what was wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def milliseconds(text: str) -> int:
    """Read one duration, e.g. `1h30m`, as milliseconds; ValueError when it is none."""
    squeezed = re.sub(r"\s+", "", text).lower()
    if squeezed == "0":
        return 0
    if not squeezed or _PART.sub("", squeezed):
        raise ValueError(f"{text!r} is no duration: write for example 30s, 5m, 4h or 3d")
    return int(sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(squeezed)))


@dataclass(frozen=True, slots=True)
class Plan:
    """Waiting times between attempts, in milliseconds; `forever` tells that the last one repeats."""

    steps: tuple[int, ...]
    forever: bool

    def delay(self, attempts: int) -> int | None:
        """Milliseconds to wait after attempt number `attempts` (from 1); None when the plan has ended."""
        if attempts <= len(self.steps):
            return self.steps[attempts - 1]
        return self.steps[-1] if self.forever else None


def plan(text: str) -> Plan:
    """Read a retry plan such as `5m, 15m, 4h*`; ValueError when a step is no duration."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise ValueError("a retry plan needs at least one duration, for example 5m, 15m, 1h, 4h*")
    if any(word.endswith("*") for word in words[:-1]):
        raise ValueError(f"{text!r}: only the last step may carry a star")
    forever = words[-1].endswith("*")
    steps = tuple(milliseconds(word.rstrip("*")) for word in words)
    if min(steps) <= 0:
        raise ValueError(f"{text!r}: a waiting time must be longer than zero")
    return Plan(steps, forever)
