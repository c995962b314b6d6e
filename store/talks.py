"""Conversations about campaigns: what waits for its author's word, who may still give it, and what was decided.

In: an open connection, a campaign's id, and the serial of the token that came with an order. A campaign that waits only for
its author's word (validation, or lateness through our fault, is all that holds it) is released by the one current serial,
once; every order that is obeyed makes the next serial current. Recipients whom "only 50" leaves waiting are due in year
9999 until the next word. Out: `Verdict`, or values. Nothing is raised but what the database raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import actions, control, lateness, tallies
from store.states import WAITING
from store.tables import campaigns, recipients
from store.tables_talks import WAITS, account_habits, report_links, talks
from store.values import CampaignState

VALIDATION = {"code": "validation"}
_BY_WORD = frozenset(
    (VALIDATION["code"], lateness.CODE)
)  # what an "OK" releases; no fault that would change the content
CHUNK = 5_000  # recipients moved in one transaction
_LAST = 4_095  # the highest serial that a token can bear
_UNDER_WAY = (CampaignState.SENDING, CampaignState.PAUSED, CampaignState.SCHEDULED)
CONFIRMED = 10_000  # ms after which a decision that no letter has told is told by one
_REPORTED_STATES = (CampaignState.FINISHED, CampaignState.STOPPED)


class Choice(StrEnum):
    """What may still be decided about a campaign."""

    NONE = "none"
    WORD = "word"  # whether it goes at all: now, later, to the first few
    AGAIN = "again"  # it waits for a date that was chosen: now, or another date
    REST = "rest"  # those whom "only 50" left waiting


class Verdict(StrEnum):
    """What became of an order."""

    DONE = "done"
    SPENT = "spent"  # the token has been used, or another one took its place
    FAULTS = "faults"  # something else holds the campaign: only a correction releases it
    OVER = "over"  # the campaign is in no state that allows it


@dataclass(frozen=True, slots=True)
class Talk:
    """What is known about the conversation of one campaign."""

    campaign_id: int
    author: str
    notify: tuple[str, ...]
    serial: int
    decided: str
    decided_at: int | None
    waiting: int


async def begin(
    conn: AsyncConnection, campaign_id: int, author: str, notify: tuple[str, ...], asked_at: int | None = None
) -> None:
    """Remember who is to be told about a new campaign."""
    row = {"campaign_id": campaign_id, "author": author, "notify": orjson.dumps(notify).decode(), "asked_at": asked_at}
    await conn.execute(insert(talks), row)


async def get(conn: AsyncConnection, campaign_id: int) -> Talk | None:
    """The conversation about a campaign; None for one that is older than conversations."""
    row = (await conn.execute(select(talks).where(talks.c.campaign_id == campaign_id))).first()
    return None if row is None else _talk(row)


def _talk(row: Any) -> Talk:
    notify = tuple(orjson.loads(row.notify))
    return Talk(row.campaign_id, row.author, notify, row.serial, row.decided, row.decided_at, row.waiting)


async def validates(conn: AsyncConnection, account_id: int) -> bool:
    """Whether every campaign of an account waits for its author's word."""
    return bool(await conn.scalar(select(account_habits.c.validation).where(account_habits.c.account_id == account_id)))


async def set_validation(conn: AsyncConnection, account_id: int, wanted: bool) -> None:
    """Let every campaign of an account wait for its author's word, or none."""
    known = update(account_habits).where(account_habits.c.account_id == account_id).values(validation=wanted)
    if (await conn.execute(known)).rowcount == 0:
        await conn.execute(insert(account_habits), {"account_id": account_id, "validation": wanted})


def waits(state: CampaignState, held: tuple[Any, ...]) -> bool:
    """Whether a campaign waits for nothing but its author's word."""
    return state is CampaignState.HELD and bool(held) and all(one.get("code") in _BY_WORD for one in held)


def choice(talk: Talk, state: CampaignState, held: tuple[Any, ...]) -> Choice:
    """What the current serial may still decide; a campaign that is under way can be cancelled besides."""
    if waits(state, held):
        return Choice.WORD
    if talk.waiting and state in _UNDER_WAY:
        return Choice.REST
    return Choice.AGAIN if state is CampaignState.SCHEDULED and talk.decided else Choice.NONE


async def release(
    conn: AsyncConnection, campaign_id: int, serial: int, word: str, now: int, at: int | None = None, waiting: int = 0
) -> Verdict:
    """Let a held (or still scheduled) campaign go, at its own date or `at`; `waiting` recipients go on waiting."""
    row = (await conn.execute(select(campaigns).where(campaigns.c.id == campaign_id))).first()
    talk = await get(conn, campaign_id)
    if row is None or talk is None:
        return Verdict.OVER
    held = row.state == CampaignState.HELD
    again = choice(talk, CampaignState(row.state), ()) is Choice.AGAIN
    if not held and not again:
        return Verdict.SPENT if talk.serial != serial else Verdict.OVER
    if held and not waits(CampaignState.HELD, tuple(orjson.loads(row.held))):
        return Verdict.FAULTS
    if again and at is None:
        at = now
    due = at if at is not None else max(row.send_at, row.created_at)
    state = CampaignState.SCHEDULED if due > now else CampaignState.SENDING
    current = exists().where(talks.c.campaign_id == campaign_id, talks.c.serial == serial)
    going = update(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.state == row.state, current)
    if (await conn.execute(going.values(state=state, held="[]", send_at=due))).rowcount == 0:
        return Verdict.SPENT
    await _decided(conn, campaign_id, word, now, waiting)
    return Verdict.DONE


async def rest(conn: AsyncConnection, campaign_id: int, serial: int, word: str, now: int, waiting: int) -> Verdict:
    """Take the word about those whom "only 50" left waiting; `waiting` of them go on waiting."""
    row = (await conn.execute(select(campaigns.c.state).where(campaigns.c.id == campaign_id))).first()
    if row is None or row.state not in _UNDER_WAY:
        return Verdict.OVER
    spent = update(talks).where(talks.c.campaign_id == campaign_id, talks.c.serial == serial, talks.c.waiting > 0)
    if (await conn.execute(spent.values(decided=word))).rowcount == 0:
        return Verdict.SPENT
    await _decided(conn, campaign_id, word, now, waiting)
    return Verdict.DONE


async def cancel(conn: AsyncConnection, campaign_id: int, now: int) -> Verdict:
    """Stop a campaign for good; any of its tokens may, for stopping harms nobody."""
    if not await control.stop(conn, campaign_id, now):
        return Verdict.OVER
    await _decided(conn, campaign_id, "cancel", now, 0)
    return Verdict.DONE


async def _decided(conn: AsyncConnection, campaign_id: int, word: str, now: int, waiting: int) -> None:
    row = await get(conn, campaign_id)
    values = {"decided": word, "decided_at": now, "waiting": waiting}
    serial = min(row.serial + 1, _LAST) if row else 1
    await conn.execute(update(talks).where(talks.c.campaign_id == campaign_id).values(serial=serial, **values))


async def left(conn: AsyncConnection, campaign_id: int) -> int:
    """How many recipients of a campaign have no end yet."""
    statuses, _ = await tallies.read(conn, campaign_id)
    return sum(n for status, n in statuses.items() if status in WAITING)


async def keep_waiting(conn: AsyncConnection, campaign_id: int, first: int) -> int:
    """Let a chunk of those behind the `first` that are left wait; returns how many, less than CHUNK for the last."""
    ids = select(recipients.c.id).where(recipients.c.campaign_id == campaign_id, recipients.c.next_attempt_at < WAITS)
    ids = ids.order_by(recipients.c.id)
    border = (await conn.execute(ids.offset(first).limit(1))).scalar()
    if border is None:
        return 0
    behind = ids.where(recipients.c.id >= border).limit(CHUNK)
    query = update(recipients).where(recipients.c.id.in_(behind.scalar_subquery()))
    return (await conn.execute(query.values(next_attempt_at=WAITS))).rowcount


async def wake(conn: AsyncConnection, campaign_id: int, most: int | None = None) -> int:
    """Make a chunk of the waiting recipients due (`most` of them at most); returns how many."""
    waiting = select(recipients.c.id).where(
        recipients.c.campaign_id == campaign_id, recipients.c.next_attempt_at == WAITS
    )
    some = waiting.order_by(recipients.c.id).limit(CHUNK if most is None else min(most, CHUNK))
    query = update(recipients).where(recipients.c.id.in_(some.scalar_subquery()))
    return (await conn.execute(query.values(next_attempt_at=0))).rowcount


async def to_report(conn: AsyncConnection, ended_before: int, limit: int = 20) -> list[Talk]:
    """Conversations whose campaign ended before that instant and whose final report was not sent."""
    query = (
        select(talks)
        .join(campaigns, campaigns.c.id == talks.c.campaign_id)
        .where(
            talks.c.reported_at.is_(None),
            campaigns.c.state.in_(_REPORTED_STATES),
            campaigns.c.finished_at <= ended_before,
        )
        .limit(limit)
    )
    return [_talk(row) for row in await conn.execute(query)]


async def reported(conn: AsyncConnection, campaign_id: int, now: int) -> bool:
    """Note that the final report was sent, or that none is due; False when somebody noted it before."""
    query = update(talks).where(talks.c.campaign_id == campaign_id, talks.c.reported_at.is_(None))
    return (await conn.execute(query.values(reported_at=now))).rowcount == 1


async def unasked(conn: AsyncConnection, limit: int = 20) -> list[Talk]:
    """Conversations about campaigns that lateness holds and whose authors were not asked yet."""
    query = (
        select(talks)
        .join(campaigns, campaigns.c.id == talks.c.campaign_id)
        .where(
            talks.c.asked_at.is_(None),
            talks.c.author != "",
            campaigns.c.state == CampaignState.HELD,
            campaigns.c.held.contains(f'"code":"{lateness.CODE}"'),
        )
        .limit(limit)
    )
    return [_talk(row) for row in await conn.execute(query)]


async def asked(conn: AsyncConnection, campaign_id: int, now: int) -> bool:
    """Note that the author was asked; False when somebody noted it before."""
    query = update(talks).where(talks.c.campaign_id == campaign_id, talks.c.asked_at.is_(None))
    return (await conn.execute(query.values(asked_at=now))).rowcount == 1


async def untold(conn: AsyncConnection, now: int, limit: int = 20) -> list[Talk]:
    """Conversations in which something was decided (on a page, say) that no letter has told their author."""
    query = select(talks).where(
        talks.c.told != talks.c.serial, talks.c.author != "", talks.c.decided_at <= now - CONFIRMED
    )
    return [_talk(row) for row in await conn.execute(query.limit(limit))]


async def told(conn: AsyncConnection, campaign_id: int, serial: int) -> bool:
    """Note that the author has a letter with that serial; False when somebody noted it before."""
    query = update(talks).where(talks.c.campaign_id == campaign_id, talks.c.told < serial)
    return (await conn.execute(query.values(told=serial))).rowcount == 1


async def forget(conn: AsyncConnection, campaign_id: int) -> None:
    """Remove who was told about a campaign that is erased, who acted on it, and the links that read its report."""
    await actions.forget(conn, campaign_id)
    await conn.execute(delete(report_links).where(report_links.c.campaign_id == campaign_id))
    await conn.execute(update(talks).where(talks.c.campaign_id == campaign_id).values(author="", notify="[]"))
