"""One thing that the doctor found, and how findings are told.

In: a code, a level and values. Out: a sentence and, where something is to be done, a remedy, in French or English
(`doctor.CODE.text` and `doctor.CODE.remedy` of gateway/locales); the level of all together, which is the exit status that
monitoring reads. Raises KeyError for a code without a text (a bug, found by tests).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from gateway import i18n

_MARKS = {"ok": "  ok   ", "advice": "  note ", "warning": "! WARN ", "critical": "!! CRIT"}


class Level(IntEnum):
    """How grave it is; only the last two are told to monitoring."""

    OK = 0
    ADVICE = 1
    WARNING = 2
    CRITICAL = 3

    @property
    def code(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` names the text; `values` fill its places."""

    level: Level
    code: str
    values: dict[str, Any] = field(default_factory=dict)

    def text(self, locale: str) -> str:
        """The sentence; one that counts (`n`) has a singular and a plural."""
        key, shown = f"doctor.{self.code}.text", self._shown(locale)
        if i18n.has(locale, key):
            return i18n.text(locale, key, **shown)
        return i18n.plural(locale, key, **shown | {"n": self.values["n"]})

    def remedy(self, locale: str) -> str:
        """What to do; empty where there is nothing to do."""
        key = f"doctor.{self.code}.remedy"
        return i18n.text(locale, key, **self._shown(locale)) if i18n.has(locale, key) else ""

    def _shown(self, locale: str) -> dict[str, str]:
        # DNS and mail servers belong to strangers: what they say must not command a terminal
        return {name: "".join(map(_harmless, self._written(locale, name))) for name in self.values}

    def _written(self, locale: str, name: str) -> str:
        """A value as its reader writes it: 2,3 or 2.3, minutes as a duration, what is amiss with a host in words."""
        value = self.values[name]
        if name == "minutes":
            return i18n.duration(locale, int(value) * 60_000)
        if self.code.startswith("host_") and name in ("kind", "why"):
            places = {place: self.values.get(place, "") for place in ("host", "gateway")}
            return i18n.text(locale, f"hosts.{'why_' if name == 'why' else ''}{value}", **places)
        return i18n.decimal(locale, value) if isinstance(value, float) else str(value)


def _harmless(char: str) -> str:
    return char if char.isprintable() or char in i18n.UNBROKEN + i18n.NARROW else "·"


def ok(code: str, **values: Any) -> Finding:
    return Finding(Level.OK, code, values)


def advice(code: str, **values: Any) -> Finding:
    return Finding(Level.ADVICE, code, values)


def warning(code: str, **values: Any) -> Finding:
    return Finding(Level.WARNING, code, values)


def critical(code: str, **values: Any) -> Finding:
    return Finding(Level.CRITICAL, code, values)


def status(findings: Sequence[Finding]) -> int:
    """The exit status: 0 nothing that presses, 1 a warning, 2 something critical."""
    return max((max(0, one.level - 1) for one in findings), default=0)


def lines(findings: Sequence[Finding], locale: str) -> list[str]:
    """The findings for people, one a line, the remedy below."""
    told = []
    for one in findings:
        told.append(f"{_MARKS[one.level.code]}  {one.text(locale)}")
        if one.level > Level.OK and (remedy := one.remedy(locale)):
            told.append(f"           → {remedy}")
    return told


def summary(findings: Sequence[Finding], locale: str) -> str:
    """How many findings press, in one line below all."""
    counts = [(level, sum(one.level is level for one in findings)) for level in (Level.CRITICAL, Level.WARNING)]
    told = [i18n.plural(locale, f"doctor_sum.{level.code}", n) for level, n in counts if n]
    return ", ".join(told) or i18n.text(locale, "doctor_sum.well")


def as_json(findings: Sequence[Finding], locale: str) -> dict[str, Any]:
    """The findings for programs."""
    worst = max((one.level for one in findings), default=Level.OK)
    return {
        "level": worst.code,
        "status": status(findings),
        "findings": [
            {
                "level": one.level.code,
                "code": one.code,
                "text": one.text(locale),
                "remedy": one.remedy(locale),
                "values": {name: str(value) for name, value in one.values.items()},
            }
            for one in findings
        ],
    }
