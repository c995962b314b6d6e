"""Write the tables of docs/advice.md from the catalogue and its sentences, so that they cannot grow old.

In: nothing. Out: docs/advice.md between its marks, and nothing when it is right already. A test calls `tables`.
"""

from __future__ import annotations

import re
from pathlib import Path

from gateway.findings.catalogue import GROUPS
from gateway.i18n import catalogue

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "advice.md"
TITLES = {
    "message": "The message",
    "page": "Its HTML and its links",
    "sender": "The sender and their domain",
    "list": "The list",
    "score": "Spam filters",
}
_MARKS = re.compile(r"(<!-- tables -->\n).*?(<!-- end -->)", re.DOTALL)


def tables() -> str:
    """The tables, one a group: code, how grave, what is said and what to do in both languages."""
    parts = []
    for group, codes in GROUPS.items():
        rows = [f"## {TITLES[group]}", "", "| code | severity | French | English |", "|---|---|---|---|"]
        for code, severity in codes.items():
            rows.append(f"| `{code}` | {severity.value} | {_sentences('fr', code)} | {_sentences('en', code)} |")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def _sentences(locale: str, code: str) -> str:
    words = catalogue(locale)
    said = words.get(f"tip.{code}.say.other") or words[f"tip.{code}.say"]
    return f"{said}. {words[f'tip.{code}.do']}".replace("|", "\\|").replace("<", "&lt;").replace("{{{{", "{{")


def document(text: str) -> str:
    """The document with its tables made anew."""
    return _MARKS.sub(lambda found: f"{found[1]}{tables()}{found[2]}", text)


if __name__ == "__main__":
    DOCUMENT.write_text(document(DOCUMENT.read_text("utf-8")), "utf-8")
