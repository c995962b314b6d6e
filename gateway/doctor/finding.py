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
        """The sentence."""
        return i18n.text(locale, f"doctor.{self.code}.text", **self._shown())

    def remedy(self, locale: str) -> str:
        """What to do; empty where there is nothing to do."""
        key = f"doctor.{self.code}.remedy"
        return i18n.text(locale, key, **self._shown()) if i18n.has(locale, key) else ""

    def _shown(self) -> dict[str, str]:
        # DNS and mail servers belong to strangers: what they say must not command a terminal
        return {name: "".join(c if c.isprintable() else "·" for c in str(value)) for name, value in self.values.items()}


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
