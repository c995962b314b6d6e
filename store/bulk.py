"""Many rows in one statement, and several of these at once, where a batch of senders' outcomes would be many steps.

In: an open connection, and steps: a table, column names, rows as tuples in that order. Out: rows as lists, or nothing.
SQLite gets the rows of each step as one JSON text and does all steps in one go: Python's driver hands the interpreter's lock
over at every row (PEP 249 `executemany` and `fetchall` included) and its thread is woken at every statement, and beside a
thread that signs mails each hand-over cost more than the row: twelve a mail, measured. PostgreSQL gets arrays (store.arrays).
SQLAlchemy's own statements are the tests' oracle for both. Column names come from the code, never from a stranger. Raises
what the database raises.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import orjson
from sqlalchemy import Executable, Table, bindparam, insert, literal_column, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import arrays, driver
from store.arrays import Part, Rows


@dataclass(frozen=True, slots=True)
class Step:
    """One statement over many rows: SQLite's own, PostgreSQL's, and how to make any other engine's with its parameters."""

    packed: str
    rows: Rows
    plain: Callable[[], tuple[Executable, list[dict[str, Any]]]]
    part: Part | None = None  # none: PostgreSQL gets the plain one, after all others


async def run(conn: AsyncConnection, *steps: Step, commit: bool = False) -> None:
    """Do these steps in their order; one without rows does nothing. `commit`: nothing follows, so that where it is cheaper
    the transaction may end at once: whoever opened it then finds nothing left to commit."""
    wanted = [step for step in steps if step.rows]
    if conn.dialect.name == "sqlite" and wanted:
        packed = [(step.packed, {"rows": orjson.dumps(step.rows).decode()}) for step in wanted]
        await driver.of(conn).together(packed, commit=commit)
        return
    if conn.dialect.name == "postgresql":
        for statement, values in arrays.together([step.part for step in wanted if step.part is not None]):
            await conn.exec_driver_sql(statement, values)
        wanted = [step for step in wanted if step.part is None]
    for step in wanted:
        await conn.execute(*step.plain())


async def read(
    conn: AsyncConnection, table: Table, names: tuple[str, ...], ids: Sequence[int], also: str = "NULL"
) -> tuple[Rows, Any]:
    """The rows of these ids, locked until the transaction ends; in no order, and without those that do not exist. With them
    comes what the expression `also` gives, None where there is no row."""
    if conn.dialect.name == "sqlite":
        return await driver.of(conn).inside(lambda sqlite: read_inside(sqlite, table, names, ids, also))
    if conn.dialect.name == "postgresql":
        answer = await conn.exec_driver_sql(arrays.reader(table, names, also), (ids,))
    else:
        query = select(*(table.c[name] for name in names), literal_column(also)).where(table.c.id.in_(ids))
        answer = await conn.execute(query.order_by(table.c.id).with_for_update(of=table))
    rows = [list(row) for row in answer]
    return [row[:-1] for row in rows], rows[0][-1] if rows else None


def read_inside(
    sqlite: sqlite3.Connection, table: Table, names: tuple[str, ...], ids: Sequence[int], also: str
) -> tuple[Rows, Any]:
    """As `read`, in the thread of a connection to SQLite."""
    told = sqlite.execute(_reader(table, names, also), {"ids": orjson.dumps(ids).decode()}).fetchone()
    return orjson.loads(told[0]), told[1]


def run_inside(sqlite: sqlite3.Connection, *steps: Step) -> None:
    """As `run`, in the thread of a connection to SQLite; whoever opened the transaction ends it."""
    for step in steps:
        if step.rows:
            sqlite.execute(step.packed, {"rows": orjson.dumps(step.rows).decode()})


def change(table: Table, names: tuple[str, ...], rows: Rows) -> Step:
    """Write the columns `names` of rows that begin with their id: `(id, value, …)`."""

    def plain() -> tuple[Executable, list[dict[str, Any]]]:
        keys = ("b_id", *(f"b_{name}" for name in names))
        query = update(table).where(table.c.id == bindparam("b_id"))
        return query.values({name: bindparam(f"b_{name}") for name in names}), _named(keys, rows)

    return Step(_changer(table, names), rows, plain, Part(table, partial(arrays.changer, table, names), rows))


def add(table: Table, names: tuple[str, ...], rows: Rows) -> Step:
    """Insert rows; a value that is a dict or list is stored as its JSON text."""
    part = Part(table, partial(arrays.adder, table, names, ""), rows)
    return Step(_adder(table, names), rows, lambda: (insert(table), _named(names, rows)), part)


def count(table: Table, names: tuple[str, ...], rows: Rows) -> Step:
    """Add to counters: the last column to that of the row that has the others as its key, or as a new row."""
    *key, counter = names
    more = f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {counter} = {table.name}.{counter} + excluded.{counter}"

    def plain() -> tuple[Executable, list[dict[str, Any]]]:
        return text(f"{_into(table, names)} VALUES ({', '.join(f':{name}' for name in names)}){more}"), _named(
            names, rows
        )

    # WHERE true: else SQLite takes ON for the beginning of a join's condition
    part = Part(table, partial(arrays.adder, table, names, more), rows)
    return Step(f"{_adder(table, names)} WHERE true{more}", rows, plain, part)


def _named(names: tuple[str, ...], rows: Rows) -> list[dict[str, Any]]:
    return [
        {
            name: orjson.dumps(v).decode() if isinstance(v, dict | list) else v
            for name, v in zip(names, row, strict=True)
        }
        for row in rows
    ]


@lru_cache(maxsize=32)
def _reader(table: Table, names: tuple[str, ...], also: str) -> str:
    row = f"json_array({', '.join(names)})"
    wanted = "id IN (SELECT value FROM json_each(:ids))"
    return f"SELECT json_group_array({row}), {also} FROM {table.name} WHERE {wanted}"  # noqa: S608 our own names


@lru_cache(maxsize=32)
def _changer(table: Table, names: tuple[str, ...]) -> str:
    written, given = ", ".join(f"{name} = given.{name}" for name in names), _given(("id", *names))
    which = f"{table.name}.id = given.id"
    return f"UPDATE {table.name} SET {written} FROM ({given}) AS given WHERE {which}"  # noqa: S608 our own names


@lru_cache(maxsize=32)
def _adder(table: Table, names: tuple[str, ...]) -> str:
    return f"{_into(table, names)} {_given(names)}"


def _into(table: Table, names: Sequence[str]) -> str:
    return f"INSERT INTO {table.name} ({', '.join(names)})"


def _given(names: tuple[str, ...]) -> str:
    """The rows of a JSON list of lists, as a query."""
    columns = ", ".join(f"json_extract(value, '$[{at}]') AS {name}" for at, name in enumerate(names))
    return f"SELECT {columns} FROM json_each(:rows)"  # noqa: S608 our own names
