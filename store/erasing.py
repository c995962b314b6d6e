"""Erasing: what people are in a campaign goes when its report ends, its totals stay (SPEC 9).

In: instants (UTC ms) and ages. Out: which campaigns are due, and one short transaction at a time until nothing is left of
their people, so that senders write in between. They go in the order of their numbers, in which their rows and histories lie
beside each other, so that each page of the database is written once. A recipient leaves a remnant (store.remnants) and its
number is never given again: SQLite would give the highest one again, so that one row stays, blank. The five figures of the
ledger, the counters, the curve and the figures of providers stay as they were. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, TextClause, delete, exists, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from parsers.address import key as folded
from parsers.modes import Tracked
from store import bulk, exports, haystacks, orderings, remnants, talks
from store.remnants import Remnant
from store.states import WAITING, Status
from store.suppressions import SuppressionKeys
from store.tables import blobs, campaigns, events, faults, notices, recipients, suppressions
from store.tables_align import campaign_advice
from store.tables_consent import comebacks
from store.tables_consent import remnants as remnants_table
from store.tables_hooks import hook_events
from store.tables_tracking import hits
from store.tallies import Differences
from store.values import CampaignState

CHUNK = 500
_BLANK: dict[str, Any] = {
    "line": 0, "part": 0, "address": "", "name": "", "fields": "[]", "tracked": int(Tracked.NONE), "clicks": 0, "reply": "",
    "folded": None,
    "owner": None, "next_attempt_at": None, "first_attempt_at": None, "last_at": None, "delivered_at": None,
    "bounced_at": None, "opened_at": None, "clicked_at": None, "unsubscribed_at": None, "complained_at": None,
}  # fmt: skip
_ENDED = (CampaignState.FINISHED, CampaignState.STOPPED, CampaignState.REPLACED)


def _ended_by(at: int) -> ColumnElement[bool]:
    return func.coalesce(campaigns.c.finished_at, campaigns.c.send_at) <= at


async def due(conn: AsyncConnection, now: int, age: int) -> list[int]:
    """Campaigns that ended `age` ms ago or more and still hold people."""
    old = [campaigns.c.state.in_(_ENDED), campaigns.c.erased_at.is_(None), _ended_by(now - age)]
    mine = recipients.c.campaign_id == campaigns.c.id
    # one that is being wound up, or has a mail on its way, is not over yet
    waits = exists().where(mine, recipients.c.owner.is_(None), recipients.c.next_attempt_at.is_not(None))
    held = select(recipients.c.campaign_id).where(recipients.c.owner.is_not(None))
    old += [~waits, campaigns.c.id.not_in(held)]
    return list((await conn.execute(select(campaigns.c.id).where(*old).order_by(campaigns.c.id))).scalars())


async def abandoned(conn: AsyncConnection, now: int, age: int) -> list[int]:
    """Campaigns that have been held for `age` ms or more after their date: nobody will send them any more."""
    old = campaigns.c.state == CampaignState.HELD, campaigns.c.send_at <= now - age, campaigns.c.created_at <= now - age
    return list((await conn.execute(select(campaigns.c.id).where(*old))).scalars())


@dataclass(frozen=True, slots=True)
class Rest:
    """Between which numbers a campaign's people may still be, both included."""

    low: int
    high: int


async def step(
    conn: AsyncConnection, campaign_id: int, keys: SuppressionKeys, now: int, rest: Rest | None = None
) -> Rest | None:
    """Erase a chunk of a campaign's people, and at last what else names them. What is returned goes into the next step, which
    without it looks for the first of them anew; None when all is done."""
    account_id = await conn.scalar(select(campaigns.c.account_id).where(campaigns.c.id == campaign_id))
    if account_id is None:
        return None
    await thorough(conn)
    rows = await _some(conn, campaign_id, rest) if rest else ()
    if rest is None or not rows:  # once more from the first that is there, lest anybody be left out
        rest = Rest(*await orderings.edges(conn, campaign_id))
        rows = await _some(conn, campaign_id, rest)
    if rows:
        left = [Remnant(row.id, account_id, campaign_id, keys.hash(folded(row.address))) for row in rows]
        await remnants.keep(conn, left)
        await _gone(conn, [row.id for row in rows])
        return Rest(rows[-1].id + 1, rest.high)
    for table in (faults, notices):
        some = select(table.c.id).where(table.c.campaign_id == campaign_id).limit(CHUNK)
        if (await conn.execute(delete(table).where(table.c.id.in_(some)))).rowcount:
            return rest
    await _close(conn, campaign_id, now)
    return None


async def _some(conn: AsyncConnection, campaign_id: int, rest: Rest) -> Sequence[Any]:
    """The next people of a campaign, at most CHUNK."""
    # + 0: by the numbers of the rows, for an index would bring the rows in another order
    mine = (recipients.c.campaign_id + 0) == campaign_id, recipients.c.address != ""
    query = select(recipients.c.id, recipients.c.address).where(recipients.c.id.between(rest.low, rest.high), *mine)
    return (await conn.execute(query.order_by(recipients.c.id).limit(CHUNK))).all()


async def thorough(conn: AsyncConnection) -> None:
    """Let what is deleted be overwritten in the file, too (SQLite leaves it in free space otherwise)."""
    if conn.dialect.name == "sqlite":
        await conn.exec_driver_sql("PRAGMA secure_delete = ON")


@cache
def _those(table: str, column: str, sqlite: bool, more: str = "") -> TextClause:
    """Delete the rows of many numbers, which are one value: binding and comparing hundreds costs more than to delete them."""
    which = "IN (SELECT value FROM json_each(:ids))" if sqlite else "= ANY(CAST(:ids AS bigint[]))"
    return text(f"DELETE FROM {table} WHERE {column} {which}{more}")  # noqa: S608 our own names


async def _forget(conn: AsyncConnection, ids: Sequence[int]) -> None:
    """Remove what was kept or waits about recipients."""
    sqlite = conn.dialect.name == "sqlite"
    asked = {"ids": orjson.dumps(ids).decode() if sqlite else ids}
    for table in (events, hits, comebacks, hook_events):
        await conn.execute(_those(table.name, "recipient_id", sqlite), asked)


async def _gone(conn: AsyncConnection, ids: Sequence[int]) -> None:
    """Remove recipients and their histories; the highest number of all stays as a blank row."""
    await _forget(conn, ids)
    sqlite, highest = conn.dialect.name == "sqlite", await conn.scalar(select(func.max(recipients.c.id))) or 0
    asked = {"ids": orjson.dumps(ids).decode() if sqlite else ids, "highest": highest}
    await conn.execute(_those("recipients", "id", sqlite, " AND id < :highest"), asked)
    if highest in ids:
        mark = update(recipients).where(recipients.c.id == highest)
        await conn.execute(mark.values(**_BLANK, status=int(Status.STOPPED)))


async def _close(conn: AsyncConnection, campaign_id: int, now: int) -> None:
    # people who had themselves erased before left blank rows
    blank = select(recipients.c.id).where(recipients.c.campaign_id == campaign_id)
    await _gone(conn, list((await conn.execute(blank)).scalars()))
    blob_id = await conn.scalar(select(campaigns.c.blob_id).where(campaigns.c.id == campaign_id))
    # the author's mail holds the list; it may be shared by no other campaign
    await conn.execute(update(blobs).where(blobs.c.id == blob_id).values(data=b"", size=0, sha256=b""))
    await conn.execute(
        delete(campaign_advice).where(campaign_advice.c.campaign_id == campaign_id)
    )  # it quotes addresses
    named = suppressions.c.campaign_id == campaign_id, suppressions.c.address.is_not(None)
    await conn.execute(update(suppressions).where(*named).values(address=None))
    await talks.forget(conn, campaign_id)
    await orderings.forget(conn, campaign_id)
    await haystacks.forget(conn, [campaign_id])
    await conn.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(erased_at=now))


async def letters(conn: AsyncConnection, before: int) -> int:
    """Remove system mails of no campaign that were written before an instant and wait no more; returns how many."""
    old = notices.c.created_at < before, notices.c.campaign_id.is_(None), notices.c.next_attempt_at.is_(None)
    some = select(notices.c.id).where(*old).limit(CHUNK)
    return (await conn.execute(delete(notices).where(notices.c.id.in_(some)))).rowcount


async def end_links(conn: AsyncConnection, now: int, age: int) -> bool:
    """End the links of campaigns that ended `age` ms ago or more, a chunk at a time; False when none is left."""
    old = campaigns.c.erased_at.is_not(None), _ended_by(now - age), campaigns.c.links != "[]"
    campaign_id = await conn.scalar(select(campaigns.c.id).where(*old).limit(1))
    if campaign_id is None:
        return False
    some = select(remnants_table.c.id).where(remnants_table.c.campaign_id == campaign_id).limit(10 * CHUNK)
    unlink = update(remnants_table).where(remnants_table.c.id.in_(some))
    if not (await conn.execute(unlink.values(campaign_id=None))).rowcount:
        await conn.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(links="[]"))
    return True


async def blank(conn: AsyncConnection, ids: Sequence[int], keys: SuppressionKeys) -> int:
    """Erase single recipients of campaigns whose reports go on: blank rows, so that lines and totals still agree.

    Whoever was still to be written to is stopped. Returns how many were erased.
    """
    await thorough(conn)
    query = select(recipients, campaigns.c.account_id).join(campaigns, campaigns.c.id == recipients.c.campaign_id)
    rows = (await conn.execute(query.where(recipients.c.id.in_(ids), recipients.c.address != ""))).all()
    differences = Differences()
    left = [Remnant(row.id, row.account_id, row.campaign_id, keys.hash(folded(row.address))) for row in rows]
    await remnants.keep(conn, left)
    for row in rows:
        waits = Status(row.status) in WAITING
        if waits:
            differences.move(row.campaign_id, Status(row.status), Status.STOPPED)
        values = {**_BLANK, "status": int(Status.STOPPED) if waits else row.status}
        await conn.execute(update(recipients).where(recipients.c.id == row.id).values(**values))
    erased = [row.id for row in rows]
    await _forget(conn, erased)
    touched = sorted({row.campaign_id for row in rows})
    await exports.forget(conn, touched)
    await haystacks.forget(conn, touched)
    await bulk.run(conn, *differences.steps())
    return len(rows)


async def ended(conn: AsyncConnection, ids: Sequence[int]) -> list[int]:
    """Which of these campaigns are over."""
    query = select(campaigns.c.id).where(campaigns.c.id.in_(ids), campaigns.c.state.in_(_ENDED))
    return list((await conn.execute(query)).scalars())
