"""Findings as the acknowledgement shows them: short, the gravest first, the records to copy at the end.

In: findings, a language. Out: blocks of a letter. Of several findings of a kind the first is told with the places of the
others. Pure; raises nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.findings.catalogue import Severity
from gateway.findings.finding import Finding, place, said, sorted_by_weight, to_do
from gateway.i18n import NARROW, plural, text
from gateway.letters.letter import Block, Points, Records

_TONES = {Severity.SERIOUS: "stop", Severity.WARNING: "warning", Severity.INFO: "info"}
_SHOWN = {Severity.SERIOUS: 8, Severity.WARNING: 6, Severity.INFO: 4}
_PLACES = 3
_ELSEWHERE = ("list_typos", "unaligned")  # told one by one, or as what holds the campaign, in blocks of their own
_TAGS = ("html_unclosed", "html_stray", "html_active")


def blocks(locale: str, findings: Sequence[Finding]) -> list[Block]:
    """Return the advice of an acknowledgement; nothing where there is none."""
    kinds = _by_kind(sorted_by_weight(one for one in findings if one.code not in _ELSEWHERE))
    found: list[Block] = []
    for severity, tone in _TONES.items():
        items = [_item(locale, kind) for kind in kinds if kind[0].severity is severity]
        if not items:
            continue
        shown, more = items[: _SHOWN[severity]], len(items) - _SHOWN[severity]
        if more > 0:
            shown.append(plural(locale, "tip.more", more))
        found.append(Points(text(locale, f"tip.title_{severity.value}"), tuple(shown), tone))
    return found


def records(locale: str, findings: Sequence[Finding]) -> list[Block]:
    """Return the DNS records of all findings as one block to copy; nothing where there are none."""
    rows = list(dict.fromkeys((one.name, one.type, one.value) for found in findings for one in found.records))
    if not rows:
        return []
    domain = next(str(found.values.get("domain", "")) for found in findings if found.records)
    aliased = next((name.partition("._domainkey.")[2] for name, kind, _ in rows if kind == "CNAME"), "")
    then = text(locale, "align.records_then", domain=aliased) if aliased else ""
    return [Records(text(locale, "align.records", domain=domain), tuple(rows), then)]


def _by_kind(findings: Sequence[Finding]) -> list[list[Finding]]:
    kinds: dict[str, list[Finding]] = {}
    for finding in findings:
        kinds.setdefault(finding.code, []).append(finding)
    return list(kinds.values())


def _item(locale: str, kind: Sequence[Finding]) -> str:
    """One item: what was found, where, where else; on a line of its own what to do."""
    first, others = kind[0], kind[1:]
    where = place(locale, first)
    sentence = f"{said(locale, first)} ({where})." if where else f"{said(locale, first)}."
    if places := [_place(locale, one) for one in others if one.line]:
        more = len(places) - _PLACES
        also = (f"{NARROW}; " if locale == "fr" else "; ").join(places[:_PLACES])
        sentence += " " + text(locale, "tip.also", places=also + (f" (+ {more})" if more > 0 else ""))
    return f"{sentence}\n→ {to_do(locale, first)}"


def _place(locale: str, finding: Finding) -> str:
    where = place(locale, finding)
    return f"{where} (<{finding.values['what']}>)" if finding.code in _TAGS else where
