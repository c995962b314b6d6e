"""What `make check` leaves out because it is `costly` names what keeps its promise there."""

from __future__ import annotations

import ast
import re

import pytest
from sources import ROOT

TESTS = ROOT / "tests"
LEFT_OUT = {"slow", "crash", "browser", "peers", "costly"}
HERE = "rules/test_rings.py"


def _marks(*expressions: ast.expr) -> set[str]:
    """The names of `pytest.mark.NAME` and `pytest.mark.NAME(…)`."""
    bare = [one.func if isinstance(one, ast.Call) else one for one in expressions]
    return {one.attr for one in bare if isinstance(one, ast.Attribute)}


def _tests(text: str) -> dict[str, set[str]]:
    """The marks of each test of a file, those of the whole file among them."""
    body = ast.parse(text).body
    whole = [
        node.value for node in body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    ]
    own = [one for node in whole for one in (node.elts if isinstance(node, ast.List) else [node])]
    tests = [node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {node.name: _marks(*own, *node.decorator_list) for node in tests if node.name.startswith("test_")}


def _flaw(kept_by: str) -> str | None:
    """Why the word of a `costly` mark names nothing that `make check` does."""
    if target := re.fullmatch(r"make (\w+)", kept_by):
        check = re.search(r"\$\(MAKE\) .* -Oline (.*)", (ROOT / "Makefile").read_text())
        return None if check and target[1] in check[1].split() else f"`make check` does no {kept_by}"
    place, _, name = kept_by.partition("::")
    file = TESTS / place
    marks = _tests(file.read_text("utf-8")).get(name) if file.is_file() else None
    if marks is None:
        return f"there is no test {kept_by}"
    return f"{kept_by} is left out, too" if marks & LEFT_OUT or place.partition("/")[0] in LEFT_OUT else None


def test_what_is_costly_is_kept_by_something_quick() -> None:
    found, flaws = 0, []
    for path in sorted(TESTS.rglob("test_*.py")):
        text, place = path.read_text("utf-8"), path.relative_to(TESTS).as_posix()
        named = re.findall(r'mark\.costly\(\s*"([^"]+)"\s*\)', text) if place != HERE else []
        found += len(named)
        flaws += [f"{place}: {flaw}" for flaw in map(_flaw, named) if flaw]
        if place != HERE and len(named) != text.count("mark.costly"):
            flaws.append(f"{place}: `costly` names nothing that keeps its promise")
    assert found and flaws == []


@pytest.mark.parametrize(
    ("kept_by", "flaw"),
    [
        ("make bench", "does no make bench"),
        (f"{HERE}::test_nothing", "there is no test"),
        ("rules/nowhere.py::test_nothing", "there is no test"),
        ("rules/test_forking.py::test_what_happens_is_told", "is left out, too"),
        ("gateway/processes/test_watchdog.py::FIRST", "is left out, too"),
        ("crash/test_kill.py::FIRST", "is left out, too"),
        ("make floors", None),
        (f"{HERE}::test_the_rule_finds_what_it_must", None),
    ],
)
def test_the_rule_finds_what_it_must(kept_by: str, flaw: str | None) -> None:
    place = kept_by.removesuffix("::FIRST")
    if place != kept_by:
        kept_by = f"{place}::{next(iter(_tests((TESTS / place).read_text())))}"
    found = _flaw(kept_by)
    assert found == flaw or (flaw and found and flaw in found), found
