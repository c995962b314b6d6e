"""Databases of earlier versions, with rows in every table, come up to date and lose nothing.

The dumps are made by scripts/old_database.py; a version that is released gets one of its own.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from postgres import Postgres
from sqlalchemy import text

from store import accounts, campaigns, engine, health, reports, versions
from store.engine import Database
from store.versions import MIGRATIONS

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


async def is_whole(database: Database) -> None:
    """It is of the newest version, and tells what stood in it."""
    async with database.read() as conn:
        current, newest = await versions.heads(conn)
        assert current == newest
        assert await health.damage(conn) == ""
        assert [one.name for one in await accounts.list_accounts(conn)] == ["Name 1", "Name 2"]
        first, _ = sorted(await campaigns.recent(conn), key=lambda one: one.id)
        ledger = await campaigns.ledger(conn, first.id)
        assert ledger is not None and sum(ledger.statuses.values()) == ledger.recipients == 1
        person = await reports.person(conn, 1)
        assert person is not None and person.address == "p1@dest.test"
        assert await reports.history(conn, 1, 10)


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
        await is_whole(database)
    finally:
        await database.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    after = rows(path)
    assert {name: after[name] for name in before if name in after} == {n: before[n] for n in before if n in after}
    assert columns(path) == columns(migrated)
    assert indexes(path) == indexes(migrated)


async def test_tables_of_the_newest_version_are_left_alone(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def upgraded(*_: object) -> None:
        raise AssertionError("every row was read, at every start")

    monkeypatch.setattr(engine, "_upgrade", upgraded)
    await db.migrate()
    async with db.write() as conn:
        await conn.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(AssertionError):
        await db.migrate()


_SHAPE = text(
    "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = 'public'"
    " UNION ALL SELECT tablename, indexname, '', '' FROM pg_indexes WHERE schemaname = 'public'"
)


async def shape(database: Database) -> set[tuple[str, ...]]:
    """Columns and indexes of a PostgreSQL database."""
    async with database.read() as conn:
        return {tuple(row) for row in await conn.execute(_SHAPE)}


async def loaded(database: Database, dump: Path) -> dict[str, int]:
    """Put the rows of a SQLite dump into the tables of the same version; how many, by table."""
    kinds = {(table, column): kind for table, column, kind, _ in await shape(database)}
    counts: dict[str, int] = {}
    with closing(sqlite3.connect(":memory:")) as old:
        old.executescript(dump.read_text("utf-8"))
        old.row_factory = sqlite3.Row
        tables = [row[0] for row in old.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
        async with database.write() as conn:
            await conn.execute(text("SET LOCAL session_replication_role = replica"))  # in any order of the tables
            for table in tables:
                found = [dict(row) for row in old.execute(f"SELECT * FROM {table}")]
                if table in _MADE_ANEW or not found:
                    continue
                for row in found:
                    flags = [name for name in row if kinds[table, name] == "boolean" and row[name] is not None]
                    row.update({name: bool(row[name]) for name in flags})
                names = list(found[0])
                marks = ", ".join(f":{name}" for name in names)
                quoted = ", ".join(f'"{name}"' for name in names)
                await conn.execute(text(f"INSERT INTO {table} ({quoted}) VALUES ({marks})"), found)
                if kinds.get((table, "id")) in ("bigint", "integer"):  # what comes after them has other numbers
                    sequence = f"pg_get_serial_sequence('{table}', 'id')"
                    await conn.execute(
                        text(f"SELECT setval({sequence}, max(id)) FROM {table} HAVING {sequence} IS NOT NULL")
                    )
                counts[table] = len(found)
    return counts


@pytest.mark.peers
@pytest.mark.parametrize("dump", DUMPS, ids=lambda dump: dump.stem)
async def test_an_old_postgresql_database_comes_up_to_date(dump: Path, server: Postgres) -> None:
    name = f"old{dump.stem}"
    database = Database.open(await asyncio.to_thread(server.create, name))
    model = Database.open(server.url("model"))
    try:
        await database.migrate(dump.stem)
        before = await loaded(database, dump)
        assert sum(before.values()) > 15
        await database.migrate()
        await is_whole(database)
        there = {table for table, *_ in await shape(database)}
        async with database.read() as conn:
            for table in before.keys() & there:
                assert await conn.scalar(text(f"SELECT count(*) FROM {table}")) == before[table], table
        assert await shape(database) == await shape(model)
    finally:
        await database.close()
        await model.close()
        await asyncio.to_thread(server.drop, name)


def test_versions_follow_one_another() -> None:
    found = {}
    for path in (MIGRATIONS / "versions").glob("*.py"):
        said = path.read_text()
        revision = re.search(r'^revision\b[^=]*= *"(\d+)"', said, re.M)
        before = re.search(r'^down_revision\b[^=]*= *(?:"(\d+)"|None)', said, re.M)
        assert revision and before and path.name.startswith(f"{revision[1]}_")
        found[revision[1]] = before[1]
    ordered = sorted(found)
    assert [found[one] for one in ordered] == [None, *ordered[:-1]]
