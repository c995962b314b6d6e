"""The floors and fences of ARCHITECTURE: who may import whom, and which library lives in which room."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sources import ROOT, imported, imports, modules

# library -> the rooms or files in which it may be imported
FENCES = {
    "sqlalchemy": ("store/", "gateway/"),
    "alembic": ("store/",),
    "aiosmtpd": ("gateway/smtp/", "gateway/processes/receive", "gateway/rehearsal/"),
    "starlette": ("gateway/web/", "gateway/api/"),
    "uvicorn": ("gateway/web/",),
    "jinja2": ("gateway/web/",),
    "xlrd": ("parsers/",),
    "openpyxl": ("gateway/letters/example",),
    "aiodns": ("mail/resolver",),
    "pycares": ("mail/resolver",),
    "dns": ("mail/resolver", "gateway/rehearsal/"),
    "cryptography": ("config/", "mail/dkim", "mta/certificates", "mta/dane", "gateway/certificates/jws"),
    "dkim": ("mail/", "gateway/rehearsal/"),
    "aiosmtplib": ("mta/", "gateway/rehearsal/"),
    "prometheus_client": ("config/metrics", "gateway/web/"),
    "argon2": ("gateway/passwords",),
    "rich": ("gateway/rehearsal/", "gateway/cli/"),
    "asyncio": ("store/", "mail/resolver", "mail/fetch", "mta/", "gateway/"),
    "httptools": ("mail/fetch",),
}
# PURE rooms know no clock and no network
FORBIDDEN = {"parsers/": {"asyncio", "socket", "sqlite3", "http", "urllib.request", "subprocess"}}


def _breaches(place: str, line: int, module: str) -> Iterator[str]:
    allowed = FENCES.get(module.partition(".")[0])
    if allowed is not None and not place.startswith(allowed):
        yield f"{place}:{line} imports {module}, which lives in {', '.join(allowed)}"
    for room, words in FORBIDDEN.items():
        if place.startswith(room) and any(module == word or module.startswith(f"{word}.") for word in words):
            yield f"{place}:{line} imports {module}, which {room} does without"


def test_libraries_stay_behind_their_fences() -> None:
    assert [breach for place, line, module in imports() for breach in _breaches(place, line, module)] == []


def test_no_test_code_at_run_time() -> None:
    tests = {"pytest", "hypothesis", "tests", "trustme", "time_machine", "playwright", "xlwt", "unittest"}
    found = [f"{place}:{line} {module}" for place, line, module in imports() if module.partition(".")[0] in tests]
    assert found == []


def test_imports_are_found_as_the_language_finds_them() -> None:
    """In the longest module of each room, and in a few lines of all kinds."""
    lines = (
        "import a, b.c as d\nfrom e.f import (\n    g,\n)\nif 1:\n    from h import i\nfrom . import j\n# import k\n"
    )
    longest = {path.relative_to(ROOT).parts[0]: text for path, text in sorted(modules(), key=lambda one: len(one[1]))}
    for text in (lines, *longest.values()):
        found: list[tuple[int, str]] = []
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                found += ((node.lineno, name.name) for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.append((node.lineno, node.module))
        assert sorted(imported(text)) == sorted(found)


@pytest.mark.parametrize(
    ("place", "module", "wrong"),
    [
        ("parsers/mime.py", "asyncio", True),
        ("mta/worker.py", "sqlalchemy.exc", True),
        ("gateway/web/app.py", "starlette.routing", False),
        ("gateway/intake/steps.py", "starlette", True),
        ("gateway/api/routes.py", "starlette.routing", False),
        ("mail/dkim.py", "cryptography.hazmat", False),
    ],
)
def test_the_rule_finds_what_it_must(place: str, module: str, wrong: bool) -> None:
    assert bool(list(_breaches(place, 1, module))) is wrong


@pytest.mark.costly("make floors")
def test_floors_are_kept() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
