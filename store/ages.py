"""What waits, by the recipients' domain and by how long it has waited: an operator's table, as Postfix's qshape draws it.

In: an open connection, an instant (UTC ms). Out: `Line` values, the largest first. Counts whole campaigns: for people, now
and then. A recipient's age runs from its first attempt, or from the date of its campaign. Raises only what the database
raises.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

MINUTES = (5, 15, 60, 240, 1_440)  # upper ends of the buckets; the last one has none
LINES = 40


@dataclass(frozen=True, slots=True)
class Line:
    """A domain: recipients in the queue, those that are due, and how many in each bucket of MINUTES (one more)."""

    domain: str
    waiting: int
    due: int
    ages: tuple[int, ...]


_DOMAIN = {
    "sqlite": "substr(r.address, instr(r.address, '@') + 1)",
    "postgresql": "substr(r.address, strpos(r.address, '@') + 1)",
}


def _query(dialect: str) -> str:
    low = [0, *(minutes * 60_000 for minutes in MINUTES)]
    high = [*low[1:], 1 << 62]
    age = "(:now - coalesce(r.first_attempt_at, c.send_at))"
    buckets = ", ".join(
        f"sum(CASE WHEN {age} < {two} AND ({age} >= {one} OR {one} = 0) THEN 1 ELSE 0 END)"
        for one, two in zip(low, high, strict=True)
    )
    return (
        f"SELECT lower({_DOMAIN[dialect]}) AS domain, count(*) AS waiting,"  # noqa: S608 our own words
        f" sum(CASE WHEN r.next_attempt_at <= :now THEN 1 ELSE 0 END), {buckets}"
        " FROM campaigns c JOIN recipients r ON r.campaign_id = c.id"
        " WHERE c.state IN ('scheduled', 'sending', 'paused') AND r.next_attempt_at IS NOT NULL"
        " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :most"
    )


async def by_domain(conn: AsyncConnection, now: int, most: int = LINES) -> list[Line]:
    """The domains with most recipients in the queue."""
    query = text(_query(conn.dialect.name)).bindparams(bindparam("now", now), bindparam("most", most))
    return [Line(row[0], row[1], int(row[2]), tuple(int(n) for n in row[3:])) for row in await conn.execute(query)]
