"""Every `log(...)` call in the house uses a literal event and fields of the closed vocabulary."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sources import ROOT, modules

from config.logging import _ANY, EVENTS


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "log":
            yield node


def _uses_the_log(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "config.logging"
        and any(name.name == "log" for name in node.names)
        for node in ast.walk(tree)
    )


def _names(word: ast.keyword) -> list[str]:
    if word.arg is not None:
        return [word.arg]
    if isinstance(word.value, ast.Dict):  # **{"class": …}: a keyword of the language as a field
        return [key.value if isinstance(key, ast.Constant) else "**" for key in word.value.keys]
    return ["**"]


def _faults(path: Path, text: str) -> list[str]:
    if "config.logging" not in text:  # parsing takes time
        return []
    tree = ast.parse(text)
    if not _uses_the_log(tree):
        return []
    faults = []
    for call in _calls(tree):
        where = f"{path.relative_to(ROOT)}:{call.lineno}"
        if not call.args or not isinstance(call.args[0], ast.Constant) or call.args[0].value not in EVENTS:
            faults.append(f"{where}: the event is no literal of EVENTS")
            continue
        _level, fields = EVENTS[call.args[0].value]
        unknown = {name for word in call.keywords for name in _names(word)} - fields - _ANY
        faults.extend(f"{where}: {call.args[0].value} has no field {name}" for name in sorted(unknown))
    return faults


def test_calls_keep_to_the_vocabulary() -> None:
    assert [fault for path, text in modules() for fault in _faults(path, text)] == []


@pytest.mark.parametrize(
    "source", ['log("no_such_event")', 'log("started", secret=1)', "log(name)", 'log("started", **more)']
)
def test_the_rule_finds_what_it_must(source: str) -> None:
    assert len(_faults(ROOT / "room.py", f"from config.logging import log\n{source}\n")) == 1
