"""Taking what is due: recipients and system mails become a worker's, in as few statements as there can be.

In: an open write transaction, a worker, an instant (UTC ms), how many of which campaigns. Out: rows, marked in the same
transaction; none for a worker that was retired. Whoever asks at the same time gets others. Raises only what the database
raises.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import driver
from store.values import CampaignState

_FREE = "owner IS NULL AND next_attempt_at IS NOT NULL AND next_attempt_at <= :now"
_ALIVE = "EXISTS (SELECT 1 FROM workers w WHERE w.id = :worker AND w.retired_at IS NULL)"
JOB = "id, campaign_id, address, name, fields, tracked, status, attempts, first_attempt_at, source_id"
_NOTICE = "id, campaign_id, address, raw, attempts, first_attempt_at"
_DUE = f"FROM recipients WHERE campaign_id = wanted.campaign AND next_attempt_at > wanted.low AND {_FREE}"
# where the rows are found and where they are marked: PostgreSQL goes to the places of those that it has just locked, which
# costs it a fifth less than looking them up by their numbers
_LOCKED = "FOR NO KEY UPDATE SKIP LOCKED"
_WANTED = (
    "unnest(CAST(:ids AS BIGINT[]), CAST(:lows AS BIGINT[]), CAST(:counts AS BIGINT[])) AS wanted(campaign, low, n)"
)
_LOCKED_DUE = f"LATERAL (SELECT ctid {_DUE} ORDER BY next_attempt_at LIMIT wanted.n {_LOCKED}) AS due"
_TAKE_JOBS = text(
    f"UPDATE recipients SET owner = :worker WHERE ctid = ANY(ARRAY(SELECT due.ctid FROM {_WANTED}, {_LOCKED_DUE}))"  # noqa: S608
    f" AND {_ALIVE} RETURNING {JOB}"
)
NOTICES = {
    dialect: text(f"UPDATE notices SET owner = :worker WHERE {rows} AND {_ALIVE} RETURNING {_NOTICE}")  # noqa: S608
    for dialect, rows in {
        "sqlite": f"id IN (SELECT id FROM notices WHERE {_FREE} ORDER BY next_attempt_at LIMIT :n)",  # noqa: S608
        "postgresql": (
            f"ctid = ANY(ARRAY(SELECT ctid FROM notices WHERE {_FREE} ORDER BY next_attempt_at LIMIT :n {_LOCKED}))"  # noqa: S608
        ),
    }.items()
}
# SQLite bounds all campaigns of a statement alike
_LIVE = ", ".join(f"'{state.value}'" for state in (CampaignState.SCHEDULED, CampaignState.SENDING))
_DUE_JOBS = (
    "WITH wanted(campaign, low) AS MATERIALIZED"  # noqa: S608 our own names
    " (SELECT campaigns.id, json_extract(value, '$[1]') FROM json_each(:wanted)"
    " JOIN campaigns ON campaigns.id = json_extract(value, '$[0]') {campaigns})"
    f" SELECT json_group_array(json_array({JOB})) FROM wanted JOIN recipients"
    f" ON id IN (SELECT id {_DUE} ORDER BY next_attempt_at LIMIT :n)"
)
_DUE_OF_LIVE = _DUE_JOBS.format(campaigns=f"AND campaigns.state IN ({_LIVE})")
# what was read before the transaction: nothing but the recipients is to be written
_DUE_PLAINLY = _DUE_JOBS.format(
    campaigns=f"AND campaigns.state = '{CampaignState.SENDING.value}' AND campaigns.started_at IS NOT NULL"
    " JOIN accounts ON accounts.id = campaigns.account_id AND NOT accounts.suspended AND coalesce(accounts.per_day, 0) = 0"
)
_TAKE_IDS = f"UPDATE recipients SET owner = :worker WHERE id IN (SELECT value FROM json_each(:ids)) AND {_ALIVE}"  # noqa: S608
Wanted = Sequence[tuple[int, int, int]]  # a campaign, the instant after which its mails must be due, how many at most


async def recipients(conn: AsyncConnection, worker: int, now: int, wanted: Wanted) -> Sequence[Sequence[Any]]:
    """Due recipients that are the worker's from now on, as JOB. One question for all campaigns: with fifty at once, asking
    one by one cost each mail a quarter more."""
    if not wanted:
        return []
    if conn.dialect.name != "sqlite":
        columns = dict(zip(("ids", "lows", "counts"), map(list, zip(*wanted, strict=True)), strict=True))
        values = {"worker": worker, "now": now, **columns}
        return (await conn.execute(_TAKE_JOBS, values)).all()
    return await driver.of(conn).inside(lambda sqlite: inside(worker, now, wanted, sqlite, _DUE_OF_LIVE))


def inside(
    worker: int, now: int, wanted: Wanted, sqlite: sqlite3.Connection, query: str = _DUE_PLAINLY
) -> Sequence[Sequence[Any]]:
    """The same in the thread of a connection to SQLite, in a transaction that is open; unless told otherwise, only of
    campaigns that are being sent, of accounts without a quota."""
    alike: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for campaign, low, count in wanted:
        alike[count].append((campaign, low))
    due: list[list[Any]] = []
    for count, some in alike.items():
        said = {"wanted": orjson.dumps(some).decode(), "now": now, "n": count}
        due += orjson.loads(sqlite.execute(query, said).fetchone()[0])
    # Nobody else writes meanwhile, so reading and marking can be statements of one step each (store.bulk says why).
    ids = orjson.dumps([row[0] for row in due]).decode()
    marked = sqlite.execute(_TAKE_IDS, {"ids": ids, "worker": worker}).rowcount if due else 0
    return due if marked == len(due) else []
