"""A database as an earlier version of the tables left it, with rows in every table, as SQL text for the tests.

In: `python scripts/old_database.py REVISION`. Out: the dump on standard output, kept as tests/corpus/databases/REVISION.sql.
Each table gets two rows; values are made from the columns' types, words with a meaning from WORDS.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from store.engine import Database

# table.column, or column of any table -> value
WORDS: dict[str, object] = {
    "campaigns.state": "finished", "columns": '["Email", "Nom"]', "options": '{"bulk": true}',
    "held": "[]",
    "links": "[]",
    "fields": '["p@dest.test", "Nom"]', "recipients.status": 6, "tracked": 0, "detail": "{}",
    "owner": None, "address_column": 0,
    "next_attempt_at": None, "locale": "fr", "timezone": "Europe/Paris", "events.kind": 0, "findings": "[]",
    "pauses.kind": "pause", "sources.state": "ready", "workers.retired_at": 1, "suppressions.reason": "manual",
    "campaigns.recipients": 1, "campaigns.lines": 1, "campaigns.invalid": 0, "campaigns.duplicate": 0,
    "campaigns.suppressed": 0, "tallies.name": "status:6", "tallies.n": 1, "remaining": "{}", "rates": "{}",
    "logins.role": "admin",
    "erased_at": None, "part": 0, "machine": 0,
}  # fmt: skip
TEXTS = {"address": "p{n}@dest.test", "address_key": "p{n}@dest.test", "name": "Name {n}", "sha256": "{n}"}


def fill(path: Path) -> None:
    """Put two rows into every table."""
    with closing(sqlite3.connect(path)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")]
        for table in tables:
            if table in ("alembic_version", "sqlite_sequence"):
                continue
            for n in (1, 2):
                row = {column[1]: _value(table, column, n) for column in db.execute(f"PRAGMA table_info({table})")}
                marks = ", ".join("?" for _ in row)
                names = ", ".join(f'"{name}"' for name in row)
                db.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", list(row.values()))
        db.commit()
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def _value(table: str, column: tuple[object, ...], n: int) -> object:
    name, kind = str(column[1]), str(column[2]).upper()
    for key in (f"{table}.{name}", name):
        if key in WORDS:
            return WORDS[key]
    if kind in ("TEXT", "VARCHAR"):
        return TEXTS.get(name, f"{name} {{n}}").format(n=n)
    return bytes([n]) * 16 if kind == "BLOB" else n % 2 if kind == "BOOLEAN" else n


async def make(revision: str, path: Path) -> None:
    """Make the tables of a revision."""
    database = Database.open(f"sqlite+aiosqlite:///{path}")
    try:
        await database.migrate(revision)
    finally:
        await database.close()


def main(revision: str) -> None:
    """Print the dump."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "old.db"
        asyncio.run(make(revision, path))
        fill(path)
        with closing(sqlite3.connect(path)) as db:
            print(f"-- scripts/old_database.py {revision}")
            for line in db.iterdump():
                print(line)


if __name__ == "__main__":
    main(sys.argv[1])
