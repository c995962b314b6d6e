"""Leases: which worker holds which recipients, and what becomes of them when it dies.

In: a worker's id, instants in ms. Out: Jobs. A row is free when `owner` is null; a worker is one *incarnation* of a
sender process whose `seen_at` is renewed every 5 s. Whoever is silent for STALE ms is retired and its rows are freed in
the same transaction, so a mail that a server takes ten minutes to answer is never sent twice while its sender lives.
Nothing is raised but what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson
from sqlalchemy import BigInteger, and_, bindparam, case, exists, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import lateness, quotas, taking
from store.engine import Database
from store.states import Status
from store.tables import accounts, campaigns, notices, recipients, workers
from store.values import CampaignState, Job, NoticeJob, Tracked

STALE = 20_000  # ms without a sign of life
GAP = 7_000  # ms between two looks for silent workers that are counted at most
_LIVE = (CampaignState.SCHEDULED, CampaignState.SENDING)


async def join(conn: AsyncConnection, host: str, pid: int, now: int) -> int:
    """Register a new incarnation of a sender; returns its id."""
    await lateness.check(conn, now)
    row = {"host": host, "pid": pid, "joined_at": now, "seen_at": now}
    return int((await conn.execute(insert(workers).returning(workers.c.id), row)).scalar_one())


async def beat(conn: AsyncConnection, worker: int, now: int) -> bool:
    """Renew a worker's sign of life; False when it was retired: it must drop all it holds and join anew."""
    await lateness.check(conn, now)  # the database may have been away for a day
    query = update(workers).where(workers.c.id == worker, workers.c.retired_at.is_(None)).values(seen_at=now)
    return (await conn.execute(query)).rowcount == 1


async def retire(conn: AsyncConnection, worker: int, now: int) -> int:
    """End an incarnation and free what it held; returns how many recipients."""
    await conn.execute(
        update(workers).where(workers.c.id == worker, workers.c.retired_at.is_(None)).values(retired_at=now)
    )
    await conn.execute(update(notices).where(notices.c.owner == worker).values(owner=None))
    return (await conn.execute(update(recipients).where(recipients.c.owner == worker).values(owner=None))).rowcount


class Watch:
    """Which workers have stopped giving signs of life, told by the observer's own monotonic clock: when a wall clock jumps,
    or two machines disagree, nobody who goes on beating is taken for dead. Nor is anybody while the database was locked:
    then the observer could not look either, and of such a gap GAP ms count at most."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, int]] = {}  # worker -> its sign, and when we first saw that very sign
        self._looked_at: int | None = None
        self._clock = 0

    def silent(self, signs: Mapping[int, int], clock: int) -> list[int]:
        """Workers whose sign is the same for more than STALE ms; `clock` is monotonic, in ms."""
        self._clock += min(clock - self._looked_at, GAP) if self._looked_at is not None else 0
        self._looked_at, clock = clock, self._clock
        old = self._last
        self._last = {w: old[w] if w in old and old[w][0] == sign else (sign, clock) for w, sign in signs.items()}
        return [worker for worker, (_, since) in self._last.items() if clock - since > STALE]


_SIGN = text(
    "INSERT INTO revisions (name, n) VALUES ('sweeps', 1) ON CONFLICT (name) DO UPDATE SET n = revisions.n + 1"
)


async def sign(conn: AsyncConnection) -> None:
    """Write something, in a transaction of its own before each `sweep`: while a disk is full nobody can give signs of life,
    and an observer who cannot write either must not count that time against them."""
    await conn.execute(_SIGN)


async def sweep(conn: AsyncConnection, watch: Watch, now: int, clock: int) -> int:
    """Retire every worker that has been silent for STALE ms of the monotonic `clock`; returns how many."""
    rows = await conn.execute(select(workers.c.id, workers.c.seen_at).where(workers.c.retired_at.is_(None)))
    stale = watch.silent({row.id: row.seen_at for row in rows}, clock)
    for worker in stale:
        await retire(conn, worker, now)
    return len(stale)


async def retire_process(conn: AsyncConnection, host: str, pid: int | None, now: int) -> int:
    """Retire the workers of a host (or of one of its processes) at once: its supervisor saw them end."""
    query = select(workers.c.id).where(workers.c.host == host, workers.c.retired_at.is_(None))
    if pid is not None:
        query = query.where(workers.c.pid == pid)
    gone = (await conn.execute(query)).scalars().all()
    for worker in gone:
        await retire(conn, worker, now)
    return len(gone)


_WAITING = exists().where(
    recipients.c.campaign_id == campaigns.c.id,
    recipients.c.owner.is_(None),
    recipients.c.next_attempt_at <= bindparam("now"),
    # past its quota, a campaign has only retries (and what came back untried): these are due later than it began
    recipients.c.next_attempt_at > case((campaigns.c.paced_until > bindparam("now"), campaigns.c.send_at), else_=-1),
)
_CAMPAIGNS_DUE = (
    select(campaigns.c.id)
    .join(accounts, accounts.c.id == campaigns.c.account_id)
    .where(
        campaigns.c.state.in_(_LIVE),
        # one that has begun goes on, also when the clock is set back
        or_(campaigns.c.state == CampaignState.SENDING, campaigns.c.send_at <= bindparam("now")),
        accounts.c.suspended.is_(False),
        _WAITING,
    )
    .order_by(campaigns.c.send_at, campaigns.c.id)
    .limit(bindparam("most"))
)


async def due(conn: AsyncConnection, now: int, limit: int = 1_000) -> list[int]:
    """Campaigns that have recipients to be sent now, longest started first; a read, so asking costs no writer."""
    return list((await conn.execute(_CAMPAIGNS_DUE, {"now": now, "most": limit})).scalars())


# options are JSON written by ourselves without blanks, where a quotation mark inside a text stands behind a backslash
_URGENT = select(campaigns.c.id).where(
    campaigns.c.id.in_(bindparam("ids", expanding=True)), campaigns.c.options.contains('"type":"transactional"')
)


async def urgent(conn: AsyncConnection, ids: Sequence[int]) -> frozenset[int]:
    """Which of these campaigns are transactional: they go first."""
    return frozenset((await conn.execute(_URGENT, {"ids": list(ids)})).scalars())


_TRACKED, _STATUS = {int(one): one for one in Tracked}, {int(one): one for one in Status}


def _job(
    recipient: int, campaign: int, address: str, name: str, fields: str, tracked: int, status: int, *tries: Any
) -> Job:
    own = tuple(orjson.loads(fields))
    return Job(recipient, campaign, address, name, own, _TRACKED[tracked], _STATUS[status], *tries)


_LEASABLE = (
    select(
        campaigns.c.id,
        campaigns.c.account_id,
        campaigns.c.send_at,
        campaigns.c.paced_until,
        accounts.c.per_day,
        and_(campaigns.c.state == CampaignState.SENDING, campaigns.c.started_at.is_not(None)).label("begun"),
    )
    .join(accounts, accounts.c.id == campaigns.c.account_id)
    .where(campaigns.c.id.in_(bindparam("ids", expanding=True)), campaigns.c.state.in_(_LIVE))
)


def _wanted(live: Sequence[Any], shares: Mapping[int, int], now: int) -> taking.Wanted:
    """Past its quota, a campaign has only retries."""
    return [(row.id, row.send_at if (row.paced_until or 0) > now else -1, shares[row.id]) for row in live]


async def plainly(conn: AsyncConnection, shares: Mapping[int, int], now: int) -> taking.Wanted | None:
    """What taking these shares comes to where nothing else is to be written: all have begun, no account has a quota; else
    None. A read."""
    live = (await conn.execute(_LEASABLE, {"ids": list(shares)})).all()
    return _wanted(live, shares, now) if all(row.begun and not row.per_day for row in live) else None


async def lease_plainly(database: Database, worker: int, now: int, wanted: taking.Wanted) -> list[Job]:
    """Take what `plainly` told, on SQLite, by one errand: other writers wait for a millisecond, not for seven statements."""
    return [_job(*row) for row in await database.at_once(partial(taking.inside, worker, now, wanted))]


async def lease(
    conn: AsyncConnection, worker: int, now: int, shares: Mapping[int, int], new_account_per_day: int = 0
) -> list[Job]:
    """Take due recipients, at most shares[campaign_id] of each campaign; none when the worker was retired, none beyond
    the quotas of their accounts."""
    live = (await conn.execute(_LEASABLE, {"ids": list(shares)})).all()
    jobs = [_job(*row) for row in await taking.recipients(conn, worker, now, _wanted(live, shares, now))]
    if jobs and (new_account_per_day or any(row.per_day for row in live)):
        owners = {row.id: row.account_id for row in live}
        jobs = await quotas.admit(conn, jobs, owners, new_account_per_day, now)
    begin = {job.campaign_id for job in jobs} - {row.id for row in live if row.begun}
    if begin:
        start = update(campaigns).where(campaigns.c.id.in_(begin), campaigns.c.state == CampaignState.SCHEDULED)
        await conn.execute(start.values(state=CampaignState.SENDING))
        first = update(campaigns).where(campaigns.c.id.in_(begin), campaigns.c.started_at.is_(None))
        await conn.execute(first.values(started_at=now))
    return jobs


# whoever unsubscribed, or was reported on, while leased is out of the queue and stays out
_GIVE_BACK = text(
    "UPDATE recipients SET owner = NULL, next_attempt_at = CASE WHEN next_attempt_at IS NULL THEN NULL"
    " ELSE coalesce(given.due, next_attempt_at) END"
    " FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS due FROM json_each(:rows)) AS given"
    " WHERE recipients.id = given.id AND owner = :worker"
)


async def give_back(conn: AsyncConnection, worker: int, rows: Sequence[tuple[int, int | None]]) -> None:
    """Give back recipients that were not tried, as (id, when they are due again; None: as before)."""
    if not rows:
        return
    if conn.dialect.name == "sqlite":
        await conn.execute(_GIVE_BACK, {"rows": orjson.dumps(rows).decode(), "worker": worker})
        return
    waits = recipients.c.next_attempt_at.is_not(None)
    due = case((waits, func.coalesce(bindparam("b_due", type_=BigInteger), recipients.c.next_attempt_at)), else_=None)
    query = update(recipients).where(recipients.c.id == bindparam("b_id"), recipients.c.owner == worker)
    values = [{"b_id": one, "b_due": due_at} for one, due_at in rows]
    await conn.execute(query.values(owner=None, next_attempt_at=due), values)


async def release(conn: AsyncConnection, worker: int, ids: Sequence[int], *, not_before: int | None = None) -> None:
    """Give back recipients that were not tried; `not_before` makes all of them due later."""
    await give_back(conn, worker, [(one, not_before) for one in ids])


async def owned(conn: AsyncConnection, worker: int) -> list[int]:
    """The recipients that a worker holds, as the database sees it."""
    return list((await conn.execute(select(recipients.c.id).where(recipients.c.owner == worker))).scalars())


async def lease_notices(conn: AsyncConnection, worker: int, now: int, limit: int) -> list[NoticeJob]:
    """Take system mails that are due, oldest first."""
    rows = await conn.execute(taking.NOTICES[conn.dialect.name], {"now": now, "n": limit, "worker": worker})
    return [NoticeJob(r.id, r.campaign_id, r.address, bytes(r.raw), r.attempts, r.first_attempt_at) for r in rows]


_NOTICES_DUE = (
    select(notices.c.id).where(notices.c.owner.is_(None), notices.c.next_attempt_at <= bindparam("now")).limit(1)
)


async def notices_due(conn: AsyncConnection, now: int) -> bool:
    """Whether a system mail waits to be sent; a read."""
    return (await conn.execute(_NOTICES_DUE, {"now": now})).first() is not None


async def finish_notice(
    conn: AsyncConnection,
    worker: int,
    notice_id: int,
    now: int,
    *,
    delivered: bool,
    next_attempt_at: int | None,
    reply: str,
) -> bool:
    """Write what became of a system mail; False when the worker no longer owns it."""
    row = (await conn.execute(select(notices).where(notices.c.id == notice_id, notices.c.owner == worker))).first()
    if row is None:
        return False
    values = {
        "owner": None,
        "attempts": row.attempts + 1,
        "first_attempt_at": row.first_attempt_at or now,
        "next_attempt_at": None if delivered else next_attempt_at,
        "delivered_at": now if delivered else None,
        "reply": reply[:2_000],
    }
    await conn.execute(update(notices).where(notices.c.id == notice_id).values(**values))
    return True
