"""Which certificates were asked for, how that went, and what proves to the authority that a name is ours.

In: an open connection, a name, instants. Out: `Asked` rows; `take` lets one process at a time ask for a name. Raises only
what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables_hosts import acme_answers, certificates


@dataclass(frozen=True, slots=True)
class Asked:
    """How it goes with a name: failures in a row with the last reason, when it is asked again, when that was told."""

    host: str
    failures: int
    failing_since: int | None
    again_at: int
    error: str
    told_at: int | None


async def every(conn: AsyncConnection) -> dict[str, Asked]:
    """All names that were ever asked for."""
    return {
        row.host: Asked(row.host, row.failures, row.failing_since, row.again_at, row.error, row.told_at)
        for row in await conn.execute(select(certificates))
    }


async def take(conn: AsyncConnection, host: str, owner: str, now: int, until: int) -> bool:
    """Begin to ask for a name, unless somebody else is at it or its time has not come."""
    module = sqlite if conn.dialect.name == "sqlite" else postgresql
    await conn.execute(module.insert(certificates).on_conflict_do_nothing(), {"host": host})
    free = or_(certificates.c.owner == owner, certificates.c.until <= now)
    mine = update(certificates).where(certificates.c.host == host, free, certificates.c.again_at <= now)
    return (await conn.execute(mine.values(owner=owner, until=until))).rowcount == 1


async def got(conn: AsyncConnection, host: str, now: int) -> None:
    """The name has its certificate."""
    values = {
        "until": 0,
        "got_at": now,
        "failures": 0,
        "failing_since": None,
        "again_at": 0,
        "error": "",
        "told_at": None,
    }
    await conn.execute(update(certificates).where(certificates.c.host == host).values(**values))


async def failed(conn: AsyncConnection, host: str, why: str, now: int, again_at: int) -> None:
    """The authority gave none."""
    row = certificates.c
    since = row.failing_since
    values = {"until": 0, "failures": row.failures + 1, "again_at": again_at, "error": why}
    await conn.execute(update(certificates).where(row.host == host).values(**values))
    await conn.execute(update(certificates).where(row.host == host, since.is_(None)).values(failing_since=now))


async def told(conn: AsyncConnection, host: str, now: int, before: int) -> bool:
    """Mark that the operator is written to about a name; False when that was done since `before`."""
    row = certificates.c
    mine = update(certificates).where(row.host == host, or_(row.told_at.is_(None), row.told_at < before))
    return (await conn.execute(mine.values(told_at=now))).rowcount == 1


async def prove(conn: AsyncConnection, token: str, answer: str, now: int, until: int) -> None:
    """Answer the authority's question `token` until then; old answers go."""
    await conn.execute(delete(acme_answers).where(or_(acme_answers.c.until <= now, acme_answers.c.token == token)))
    await conn.execute(acme_answers.insert(), {"token": token, "answer": answer, "until": until})


async def forget(conn: AsyncConnection, tokens: Sequence[str]) -> None:
    """Answer these no more."""
    await conn.execute(delete(acme_answers).where(acme_answers.c.token.in_(tokens)))


async def answer(conn: AsyncConnection, token: str, now: int) -> str | None:
    """What to answer the authority's question."""
    found = await conn.scalar(
        select(acme_answers.c.answer).where(acme_answers.c.token == token, acme_answers.c.until > now)
    )
    return None if found is None else str(found)
