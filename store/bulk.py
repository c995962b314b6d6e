"""Many rows in one statement: read, change, insert and lease, where a batch of senders' outcomes would be many steps.

In: an open connection, a table, column names, rows as tuples in that order. Out: rows as lists, or how many were changed.
SQLite gets the whole batch as one JSON text and does it in one step: Python's driver hands the interpreter's lock over at
every row (PEP 249 `executemany` and `fetchall` included), and beside a thread that signs mails each hand-over cost more
than the row: twelve a mail, measured. Other engines get SQLAlchemy's own statements, which the tests hold as the oracle.
Column names come from the code, never from a stranger. Raises what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Table, TextClause, bindparam, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection


async def read(conn: AsyncConnection, table: Table, names: tuple[str, ...], ids: Sequence[int]) -> list[list[Any]]:
    """The rows of these ids, locked until the transaction ends; in no order, and without those that do not exist."""
    if conn.dialect.name == "sqlite":
        told = (await conn.execute(_reader(table, names), {"ids": orjson.dumps(ids).decode()})).scalar_one()
        found: list[list[Any]] = orjson.loads(told)
        return found
    query = select(*(table.c[name] for name in names)).where(table.c.id.in_(ids))
    return [list(row) for row in await conn.execute(query.order_by(table.c.id).with_for_update())]


async def change(conn: AsyncConnection, table: Table, names: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
    """Write the columns `names` of rows that begin with their id: `(id, value, …)`."""
    if not rows:
        return
    if conn.dialect.name == "sqlite":
        await conn.execute(_changer(table, names), {"rows": orjson.dumps(rows).decode()})
        return
    query = update(table).where(table.c.id == bindparam("b_id"))
    keys = ("b_id", *(f"b_{name}" for name in names))
    await conn.execute(
        query.values({name: bindparam(f"b_{name}") for name in names}),
        [dict(zip(keys, row, strict=True)) for row in rows],
    )


async def add(conn: AsyncConnection, table: Table, names: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows; a value that is a dict or list is stored as its JSON text."""
    if not rows:
        return
    if conn.dialect.name == "sqlite":
        await conn.execute(_adder(table, names), {"rows": orjson.dumps(rows).decode()})
        return
    plain = [
        {
            name: orjson.dumps(v).decode() if isinstance(v, dict | list) else v
            for name, v in zip(names, row, strict=True)
        }
        for row in rows
    ]
    await conn.execute(insert(table), plain)


@lru_cache(maxsize=32)
def _reader(table: Table, names: tuple[str, ...]) -> TextClause:
    row = f"json_array({', '.join(names)})"
    wanted = "id IN (SELECT value FROM json_each(:ids))"
    return text(f"SELECT json_group_array({row}) FROM {table.name} WHERE {wanted}")  # noqa: S608 our own names


@lru_cache(maxsize=32)
def _changer(table: Table, names: tuple[str, ...]) -> TextClause:
    written, given = ", ".join(f"{name} = given.{name}" for name in names), _given(("id", *names))
    which = f"{table.name}.id = given.id"
    return text(f"UPDATE {table.name} SET {written} FROM ({given}) AS given WHERE {which}")  # noqa: S608 our own names


@lru_cache(maxsize=32)
def _adder(table: Table, names: tuple[str, ...]) -> TextClause:
    return text(f"INSERT INTO {table.name} ({', '.join(names)}) {_given(names)}")


def _given(names: tuple[str, ...]) -> str:
    """The rows of a JSON list of lists, as a query."""
    columns = ", ".join(f"json_extract(value, '$[{at}]') AS {name}" for at, name in enumerate(names))
    return f"SELECT {columns} FROM json_each(:rows)"  # noqa: S608 our own names
