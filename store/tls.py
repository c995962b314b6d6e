"""Rows of transport security: MTA-STS policies, sessions counted for the TLS reports, and which reports are sent.

In: an open connection, policies, counts, days (whole days since 1970-01-01 in UTC). Out: rows. Counts of several processes
add up; of several processes that want to send the same report one gets it. Raises what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import orjson
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables_delivery import sts_policies, tls_reports, tls_results

TRIES = 5  # of one report
_MOST_POLICIES = 50_000
_COUNTED = ("day", "domain", "policy", "mx", "result", "source", "ip", "detail")


@dataclass(frozen=True, slots=True)
class StsRow:
    """A policy as it was fetched; instants in milliseconds."""

    domain: str
    policy_id: str
    policy: str
    fetched_at: int
    expires_at: int


class Counted(NamedTuple):
    """What sessions have in common; `result` "" is success, `detail` says more exactly what failed."""

    day: int
    domain: str
    policy: str
    mx: str
    result: str
    source: str
    ip: str
    detail: str


@dataclass(frozen=True, slots=True)
class Owed:
    """A report that is not sent yet, tried so many times and last at `tried_at` (ms, 0: never)."""

    domain: str
    tries: int = 0
    tried_at: int = 0


async def policies(conn: AsyncConnection, now: int, since: int = 0) -> list[StsRow]:
    """The policies that have not expired and were fetched at `since` or later."""
    query = select(*sts_policies.c).where(sts_policies.c.expires_at > now, sts_policies.c.fetched_at >= since)
    rows = await conn.execute(query.order_by(sts_policies.c.fetched_at.desc()).limit(_MOST_POLICIES))
    return [StsRow(row.domain, row.policy_id, row.policy, row.fetched_at, row.expires_at) for row in rows]


async def policy(conn: AsyncConnection, domain: str) -> str:
    """The text of a domain's policy, "" when none is kept."""
    query = select(sts_policies.c.policy).where(sts_policies.c.domain == domain)
    return str((await conn.execute(query)).scalar() or "")


_KEEP = text(
    "INSERT INTO sts_policies (domain, policy_id, policy, fetched_at, expires_at)"
    " VALUES (:domain, :policy_id, :policy, :fetched_at, :expires_at)"
    " ON CONFLICT (domain) DO UPDATE SET policy_id = excluded.policy_id, policy = excluded.policy,"
    " fetched_at = excluded.fetched_at, expires_at = excluded.expires_at"
    " WHERE excluded.fetched_at >= sts_policies.fetched_at"
)


async def keep_policy(conn: AsyncConnection, row: StsRow) -> None:
    """Store a policy in place of an older one."""
    values = {name: getattr(row, name) for name in ("domain", "policy_id", "policy", "fetched_at", "expires_at")}
    await conn.execute(_KEEP, values)


_ADDED = " ON CONFLICT (day, domain, policy, mx, result, source, ip) DO UPDATE SET n = tls_results.n + excluded.n"
_NAMES = f"INSERT INTO tls_results ({', '.join(_COUNTED)}, n)"
_ADD = text(f"{_NAMES} VALUES ({', '.join(f':{name}' for name in _COUNTED)}, :n){_ADDED}")
_GIVEN = ", ".join(f"json_extract(value, '$[{at}]')" for at in range(len(_COUNTED) + 1))
# "WHERE true": else the parser takes ON CONFLICT for the condition of a join
_ADD_ALL = text(f"{_NAMES} SELECT {_GIVEN} FROM json_each(:rows) WHERE true{_ADDED}")  # noqa: S608 our own names


async def add_results(conn: AsyncConnection, counts: Mapping[Counted, int]) -> None:
    """Add sessions to what was counted before."""
    if not counts:
        return
    if conn.dialect.name == "sqlite":
        rows = [[*key, n] for key, n in counts.items()]
        await conn.execute(_ADD_ALL, {"rows": orjson.dumps(rows).decode()})
        return
    # in one order, so that two processes never wait for each other's rows
    await conn.execute(_ADD, [{**key._asdict(), "n": counts[key]} for key in sorted(counts)])


async def owed(conn: AsyncConnection, day: int, after: str, limit: int) -> list[Owed]:
    """Domains after `after` in the alphabet with sessions on a day, whose report was not sent, nor given up."""
    tries, tried_at = func.coalesce(tls_reports.c.tries, 0), func.coalesce(tls_reports.c.tried_at, 0)
    joined = tls_results.outerjoin(
        tls_reports, (tls_reports.c.day == tls_results.c.day) & (tls_reports.c.domain == tls_results.c.domain)
    )
    query = select(tls_results.c.domain, tries.label("tries"), tried_at.label("tried_at")).select_from(joined)
    query = query.where(tls_results.c.day == day, tls_results.c.domain > after)
    query = query.where(tls_reports.c.sent_at.is_(None), tries < TRIES)
    rows = await conn.execute(query.distinct().order_by(tls_results.c.domain).limit(limit))
    return [Owed(row.domain, row.tries, row.tried_at) for row in rows]


async def results(conn: AsyncConnection, day: int, domain: str) -> dict[Counted, int]:
    """The sessions of a domain on a day."""
    query = select(*tls_results.c).where(tls_results.c.day == day, tls_results.c.domain == domain)
    rows = await conn.execute(query)
    return {Counted(*(getattr(row, name) for name in _COUNTED)): row.n for row in rows}


_CLAIM = text(
    "INSERT INTO tls_reports (day, domain, tries, tried_at) VALUES (:day, :domain, 1, :now) ON CONFLICT (day, domain)"
    " DO UPDATE SET tries = tls_reports.tries + 1, tried_at = excluded.tried_at"
    " WHERE tls_reports.tries = :tries AND tls_reports.sent_at IS NULL"
    " RETURNING tries"
)


async def claim(conn: AsyncConnection, day: int, one: Owed, now: int) -> bool:
    """Take a report for one more try; False when somebody else was quicker."""
    values = {"day": day, "domain": one.domain, "tries": one.tries, "now": now}
    return (await conn.execute(_CLAIM, values)).first() is not None


async def sent(conn: AsyncConnection, day: int, domain: str, now: int) -> None:
    """Remember that a report needs no more tries."""
    which = (tls_reports.c.day == day) & (tls_reports.c.domain == domain)
    await conn.execute(update(tls_reports).where(which).values(sent_at=now))


async def forget(conn: AsyncConnection, before: int, now: int) -> None:
    """Delete what was counted before a day, and policies that have expired."""
    await conn.execute(delete(tls_results).where(tls_results.c.day < before))
    await conn.execute(delete(tls_reports).where(tls_reports.c.day < before))
    await conn.execute(delete(sts_policies).where(sts_policies.c.expires_at < now))
