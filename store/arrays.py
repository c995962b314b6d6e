"""PostgreSQL's way of writing many rows at once: an array a column, and several such steps as one statement.

In: a table, column names, the number of the first parameter; rows as tuples. Out: statements and their parameters, for
asyncpg, which sends arrays in binary. A statement a row was three times the server's time, and each statement of its own a
round trip in which a sender's other mails wait. Column names come from the code, never from a stranger. Nothing is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

Rows = Sequence[Sequence[Any]]
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be written into one table; `statement` is told the number of its first parameter."""

    table: Table
    statement: Callable[[int], str]
    rows: Rows


def together(parts: Sequence[Part]) -> Iterator[tuple[str, tuple[list[Any], ...]]]:
    """Statements that do these parts, with their parameters. Parts of one statement do not see each other's work, so a table
    that comes again begins another one."""
    some: list[Part] = []
    for part in parts:
        if any(part.table is other.table for other in some):
            yield _one(some)
            some = []
        some.append(part)
    if some:
        yield _one(some)


def _one(parts: Sequence[Part]) -> tuple[str, tuple[list[Any], ...]]:
    statements: list[str] = []
    values: list[list[Any]] = []
    for part in parts:
        statements.append(part.statement(len(values) + 1))
        values += _columns(part.rows)
    if len(statements) == 1:
        return statements[0], tuple(values)
    named = ", ".join(f"part{at} AS ({statement})" for at, statement in enumerate(statements))
    return f"WITH {named} SELECT 1", tuple(values)


def _columns(rows: Rows) -> list[list[Any]]:
    """The rows' values by column; one that is a dict or list as its JSON text."""
    return [
        [orjson.dumps(value).decode() if isinstance(value, dict | list) else value for value in column]
        for column in zip(*rows, strict=True)
    ]


@lru_cache(maxsize=256)
def reader(table: Table, names: tuple[str, ...], also: str) -> str:
    """The rows whose ids are in the only parameter, locked, in the order of their ids; the last column is `also`."""
    wanted = f"{table.name}.id = ANY($1::BIGINT[]) ORDER BY id FOR UPDATE OF {table.name}"
    return f"SELECT {', '.join(names)}, {also} FROM {table.name} WHERE {wanted}"  # noqa: S608 our own names


@lru_cache(maxsize=256)
def changer(table: Table, names: tuple[str, ...], first: int) -> str:
    """Write the columns `names` of rows; the first parameter has their ids."""
    written = ", ".join(f"{name} = given.{name}" for name in names)
    rows = _given(table, ("id", *names), first)
    return f"UPDATE {table.name} SET {written} FROM {rows} WHERE {table.name}.id = given.id"  # noqa: S608 our own names


@lru_cache(maxsize=256)
def adder(table: Table, names: tuple[str, ...], more: str, first: int) -> str:
    """Insert rows; `more` says what else is to be done."""
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT * FROM {_given(table, names, first)}{more}"  # noqa: S608 our own names


def _given(table: Table, names: tuple[str, ...], first: int) -> str:
    """The rows of the arrays, as a table."""
    kinds = [table.c[name].type.compile(_DIALECT) for name in names]
    arrays = ", ".join(f"${first + at}::{kind}[]" for at, kind in enumerate(kinds))
    return f"unnest({arrays}) AS given ({', '.join(names)})"
