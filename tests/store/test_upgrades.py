"""Databases of earlier versions, with rows in every table, come up to date and lose nothing.

The dumps are made by scripts/old_database.py; a version that is released gets one of its own.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from store import accounts, campaigns, health, reports
from store.engine import MIGRATIONS, Database

DUMPS = sorted((Path(__file__).resolve().parents[1] / "corpus" / "databases").glob("*.sql"))
_MADE_ANEW = {"alembic_version", "sqlite_sequence"}


def rows(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables if name not in _MADE_ANEW
        }


def columns(path: Path) -> dict[str, set[tuple[str, int]]]:
    with closing(sqlite3.connect(path)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: {(one[1], one[5]) for one in db.execute(f"PRAGMA table_info({name})")}
            for name in tables
            if name not in _MADE_ANEW
        }


def indexes(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'"
        return {row[0] for row in db.execute(query)}


@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
async def test_an_old_database_comes_up_to_date(dump: Path, tmp_path: Path, migrated: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(dump.read_text("utf-8"))
    before = rows(path)
    assert sum(before.values()) > 15
    database = Database.open(f"sqlite+aiosqlite:///{path}")
    try:
        await database.migrate()
        async with database.read() as conn:
            current, newest = await health.heads(conn)
            assert current == newest
            assert await health.damage(conn) == ""
            assert [one.name for one in await accounts.list_accounts(conn)] == ["Name 1", "Name 2"]
            first, _ = sorted(await campaigns.recent(conn), key=lambda one: one.id)
            ledger = await campaigns.ledger(conn, first.id)
            assert ledger is not None and sum(ledger.statuses.values()) == ledger.recipients == 1
            person = await reports.person(conn, 1)
            assert person is not None and person.address == "p1@dest.test"
            assert await reports.history(conn, 1, 10)
    finally:
        await database.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    after = rows(path)
    assert {name: after[name] for name in before if name in after} == {n: before[n] for n in before if n in after}
    assert columns(path) == columns(migrated)
    assert indexes(path) == indexes(migrated)


def test_versions_follow_one_another() -> None:
    found = {}
    for path in (MIGRATIONS / "versions").glob("*.py"):
        text = path.read_text()
        revision = re.search(r'^revision\b[^=]*= *"(\d+)"', text, re.M)
        before = re.search(r'^down_revision\b[^=]*= *(?:"(\d+)"|None)', text, re.M)
        assert revision and before and path.name.startswith(f"{revision[1]}_")
        found[revision[1]] = before[1]
    ordered = sorted(found)
    assert [found[one] for one in ordered] == [None, *ordered[:-1]]
