"""One piece of advice as a value: what was found, how grave it is, where, and which records would mend it.

In: codes of the catalogue with their values. Out: `Finding`s, as JSON and back; sentences in two languages. A code outside
the catalogue raises KeyError (a bug, found by a test). Pure; logs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gateway.findings.catalogue import CATALOGUE, FIRST, Severity
from gateway.i18n import has, number, plural, text

Value = str | int | float


class Where(StrEnum):
    """The part of a mail that a finding is about."""

    SUBJECT = "subject"
    HTML = "html"
    TEXT = "text"
    FILES = "files"
    LIST = "list"
    SENDER = "sender"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Record:
    """A DNS record to publish."""

    name: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; `line` and `column` count from 1 in the HTML as it was sent, 0 where there is no such place."""

    code: str
    where: Where
    values: Mapping[str, Value] = field(default_factory=dict)
    line: int = 0
    column: int = 0
    records: tuple[Record, ...] = ()

    @property
    def severity(self) -> Severity:
        """How grave it is."""
        return CATALOGUE[self.code]

    def as_json(self, locale: str) -> dict[str, Any]:
        """The finding for programs and for the row that keeps it, with its sentences."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "where": self.where.value,
            "line": self.line or None,
            "column": self.column or None,
            "text": said(locale, self),
            "advice": to_do(locale, self),
            "values": dict(self.values),
            "records": [{"name": one.name, "type": one.type, "value": one.value} for one in self.records],
        }


def from_json(data: Mapping[str, Any]) -> Finding:
    """Read back what `as_json` wrote."""
    records = tuple(Record(one["name"], one["type"], one["value"]) for one in data["records"])
    place = data["line"] or 0, data["column"] or 0
    return Finding(data["code"], Where(data["where"]), data["values"], *place, records)


def said(locale: str, finding: Finding) -> str:
    """What was found, in a sentence without its full stop."""
    key, values = f"tip.{finding.code}.say", _written(locale, finding)
    if not has(locale, f"{key}.other"):
        return text(locale, key, **values)
    del values["n"]
    return plural(locale, key, int(finding.values["n"]), **values)


def to_do(locale: str, finding: Finding) -> str:
    """What to do about it, in a sentence."""
    return text(locale, f"tip.{finding.code}.do", **_written(locale, finding))


def _written(locale: str, finding: Finding) -> dict[str, object]:
    return {name: _value(locale, value) for name, value in finding.values.items()}


def _value(locale: str, value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.1f}".replace(".", "," if locale == "fr" else ".")
    return number(locale, value)


def place(locale: str, finding: Finding) -> str:
    """Where it stands: `ligne 12, colonne 5`; "" where there is no such place."""
    if not finding.line:
        return ""
    return text(locale, "tip.place", line=number(locale, finding.line), column=number(locale, finding.column))


def sorted_by_weight(findings: Iterable[Finding]) -> list[Finding]:
    """The gravest first; then what few people know of themselves; else in the order in which they were found."""
    order = list(Severity)
    return sorted(findings, key=lambda one: (order.index(one.severity), one.code not in FIRST))
