"""What PostgreSQL makes of our own statements, and what its tables and indexes take.

In: an open PostgreSQL database. Out: the statements that the product sends while it is listened to, the plan of each by
EXPLAIN (ANALYZE, BUFFERS) in a transaction that is rolled back, shortened so that it can be read, and sizes by
pg_relation_size. Raises what the database raises.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event, text

from store.engine import Database

LARGE = (
    "recipients",
    "events",
    "suppressions",
    "curves",
    "tallies",
    "remnants",
    "faults",
    "link_counts",
    "agent_counts",
)
_LONGEST = 170  # characters of a line
ALIKE = 2  # nodes of one kind that are shown
_NOISE = re.compile(
    r"^\s*(Planning:|Settings:|Worker |JIT:|Functions:|Options:|Timing:|Buckets:|Batches:|Heap Fetches: 0)"
)
_SCANNED = re.compile(rf"Seq Scan on ({'|'.join(LARGE)})\b")
_LOOKS_UP = re.compile(r"\bFROM (?!unnest\()|\bJOIN\b")  # rows that are given as arrays are looked up nowhere
_SPENT = re.compile(r"Execution Time: ([\d.]+) ms")


@dataclass
class Listener:
    """Statements of each subject, with the values that they were last sent with."""

    heard: dict[str, dict[str, Any]] = field(default_factory=dict)
    subject: str = ""

    def take(self, statement: str, parameters: Any, many: bool) -> None:
        """Remember one, if it looks something up in a table that grows."""
        plain = statement.startswith("INSERT") and not _LOOKS_UP.search(statement)
        if self.subject and not plain and any(re.search(rf"\b{name}\b", statement) for name in LARGE):
            self.heard.setdefault(self.subject, {})[statement] = parameters[0] if many else parameters


@contextmanager
def listening(db: Database) -> Iterator[Listener]:
    """Hear what is sent to the database in the block."""
    listener, engine = Listener(), db._writer.sync_engine

    def sent(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        listener.take(statement, parameters, many)

    event.listen(engine, "before_cursor_execute", sent)
    try:
        yield listener
    finally:
        event.remove(engine, "before_cursor_execute", sent)


@dataclass(frozen=True, slots=True)
class Plan:
    """How the server ran a statement of a subject: its own words, and the statement with them in few lines."""

    subject: str
    told: str
    shown: str


async def plans(db: Database, listener: Listener) -> list[Plan]:
    """The plan of each statement that was heard, once."""
    found: dict[str, Plan] = {}
    for subject, statements in listener.heard.items():
        for statement, parameters in statements.items():
            if statement not in found:
                told = await explained(db, statement, parameters)
                found[statement] = Plan(subject, told, shortened(statement, told))
    return list(found.values())


async def explained(db: Database, statement: str, parameters: Any) -> str:
    """How the server runs a statement, as it tells."""
    async with db._writer.connect() as conn:
        rows = await conn.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters)
        told = "\n".join(str(row[0]) for row in rows)
        await conn.rollback()
    return told


def shortened(statement: str, told: str) -> str:
    """The statement in one line, and its plan without what says nothing: what did not run, and branches like two before."""
    head = re.sub(r"\s+", " ", re.sub(r"::[A-Z]+", "", statement)).strip()
    lines, seen, alike, hidden = ["-- " + head], Counter[str](), 0, False
    for line in told.splitlines():
        if "->" in line or "InitPlan" in line:
            kind = "InitPlan" if "InitPlan" in line else re.sub(r"( \w+)?_?\d+", "", line.partition("(cost")[0]).strip()
            seen[kind] += 1
            hidden = "never executed" in line or seen[kind] > ALIKE
            alike += hidden and "->" in line
        if not line.startswith(" "):
            hidden = False
        if not hidden and not _NOISE.match(line):
            lines.append(line)
    return "\n".join([*map(_cut, lines), *([f"({alike} more nodes, like those above or not run)"] if alike else [])])


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def scanned(told: str) -> set[str]:
    """Tables that grow and were read from end to end."""
    return set(_SCANNED.findall(told))


def spent(told: str) -> float:
    """ms that the server took."""
    found = _SPENT.search(told)
    return float(found.group(1)) if found else 0.0


_SIZES = text(
    "SELECT c.relname AS name, pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0) AS bytes"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i')"
)


async def sizes(db: Database) -> Mapping[str, int]:
    """Bytes of each table and index."""
    async with db.read() as conn:
        return {row.name: int(row.bytes) for row in await conn.execute(_SIZES)}
