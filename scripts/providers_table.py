"""Writes the table of docs/providers.md from the shipped providers: `python scripts/providers_table.py`.

In: config/providers.toml. Out: the document with its table renewed, or what it would be (`renewed`). A test compares the
two. Raises ValueError when the document has lost the two marks between which the table stands.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from config.providers import Provider, Providers  # noqa: E402

DOCUMENT = ROOT / "docs" / "providers.md"
BEGIN, END = "<!-- table: made by scripts/providers_table.py -->\n", "<!-- end of the table -->\n"


def table(providers: Providers) -> str:
    """The table in Markdown: one line a provider, in the order in which they are asked."""
    head = "| provider | key | connections | messages a connection | TLS | rules | source |\n|---|---|---|---|---|---|---|\n"
    return head + "".join(_line(provider) for provider in (*providers.all, providers.default))


def _line(provider: Provider) -> str:
    each = "" if provider.shared or not provider.connections else " for each site"
    connections = f"{provider.connections}{each}" if provider.connections else "setting"
    messages = str(provider.messages or "setting")
    tls = "must" if provider.tls == "must" else "offered"
    cells = (provider.name, f"`{provider.key}`", connections, messages, tls, str(len(provider.rules)), provider.source)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def renewed(document: str) -> str:
    """The document with the table as the shipped file has it."""
    before, mark, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError("the document has lost the marks of its table")
    return f"{before}{BEGIN}\n{table(Providers.load())}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text("utf-8")), "utf-8")
