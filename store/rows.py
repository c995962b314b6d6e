"""Many rows at once, in the way that costs least for the database at hand.

In: a table, names of columns and tuples. Out: nothing; the rows are in the open transaction. SQLAlchemy builds a dictionary
and processes every value of every row, which for a list of a million lines costs more than reading it: SQLite gets the
tuples through its own driver, PostgreSQL an array a column. Raises what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from store import bulk


async def insert(conn: AsyncConnection, table: Table, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    """Insert tuples whose values stand in the order of `columns`; plain numbers and texts only."""
    if not rows:
        return
    if conn.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 our own names
        await conn.exec_driver_sql(statement, rows)
    else:
        await bulk.run(conn, bulk.add(table, tuple(columns), rows))
