"""The product's own modules, read once a test process."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("config", "parsers", "store", "mail", "mta", "gateway")
# An import stands at the beginning of its line: so our format has it. Parsing all modules would take a second.
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+(\w[\w.]*)[ \t]+import\b|import[ \t]+([\w., \t]+))", re.M)


@cache
def modules() -> list[tuple[Path, str]]:
    """Path and text of each."""
    return [(path, path.read_text("utf-8")) for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


@cache
def imports() -> list[tuple[str, int, str]]:
    """Everything that they import: place (`store/engine.py`), line, module."""
    return [(path.relative_to(ROOT).as_posix(), *found) for path, text in modules() for found in imported(text)]


def imported(text: str) -> list[tuple[int, str]]:
    """Line and module of every import; relative ones are not told."""
    return [
        (text.count("\n", 0, found.end()) + 1, name.split()[0])
        for found in _IMPORT.finditer(text)
        for name in (found[1] or found[2]).split(",")
    ]
