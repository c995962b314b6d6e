"""The product's own modules, read and parsed once a test process."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("config", "parsers", "store", "mail", "mta", "gateway")


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
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node.lineno, node.module))
    return found
