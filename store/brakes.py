"""Campaigns that pause themselves: too many addresses that do not exist, or too many complaints (SPEC 8).

In: campaigns with new hard bounces or complaints, inside an open write transaction, and the rules. Out: the campaigns that
were paused, each with a row of `brakes` that keeps the figures until its user is told (`untold`, `told`). A campaign that
was resumed pauses again for the same reason only when its rate has grown by half of the threshold. One that has ended
cannot be paused, but its user is told of complaints all the same. Nothing is raised.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import actions, tallies, webhooks
from store.actions import Power
from store.rules import Rules
from store.states import WAITING, Status
from store.tables import campaigns
from store.tables import tallies as tallies_table
from store.tables_delivery import brakes
from store.values import CampaignState

HARD, COMPLAINT = "hard_bounce", "complaint"
_MEASURE = {HARD: "hard", COMPLAINT: "complained"}
_GOING = (CampaignState.SENDING, CampaignState.SCHEDULED)
_NO_ANSWER = WAITING | {Status.STOPPED}

_KEEP = text(
    "INSERT INTO brakes (campaign_id, reason, at, count, answers, paused, told)"
    " VALUES (:campaign_id, :reason, :at, :count, :answers, :paused, :told)"
    " ON CONFLICT (campaign_id, reason) DO UPDATE SET at = excluded.at, count = excluded.count,"
    " answers = excluded.answers, paused = excluded.paused, told = excluded.told"
)


@dataclass(frozen=True, slots=True)
class Brake:
    """A threshold that a campaign passed: `count` of `answers`; `paused` is false where it had ended already."""

    campaign_id: int
    reason: str  # hard_bounce | complaint
    at: int
    count: int
    answers: int
    paused: bool


async def check(conn: AsyncConnection, campaign_ids: Iterable[int], rules: Rules, now: int) -> list[Brake]:
    """Pause the campaigns among these that passed a threshold; returns what was done."""
    return [brake for one in sorted(set(campaign_ids)) if (brake := await _brake(conn, one, rules, now)) is not None]


async def _brake(conn: AsyncConnection, campaign_id: int, rules: Rules, now: int) -> Brake | None:
    statuses, measures = await tallies.read(conn, campaign_id)
    answers = sum(n for status, n in statuses.items() if status not in _NO_ANSWER) - measures["withdrawn"]
    if answers < rules.pause_after:
        return None
    for reason, threshold in ((COMPLAINT, rules.complaints), (HARD, rules.hard)):
        count = measures[_MEASURE[reason]]
        if (
            threshold
            and count >= threshold * answers
            and await _worse(conn, campaign_id, reason, count, answers, threshold)
        ):
            return await _pause(conn, Brake(campaign_id, reason, now, count, answers, paused=True))
    return None


async def _worse(
    conn: AsyncConnection, campaign_id: int, reason: str, count: int, answers: int, threshold: float
) -> bool:
    """Whether the rate has grown enough since this campaign was paused for this reason."""
    query = select(brakes.c.count, brakes.c.answers).where(
        brakes.c.campaign_id == campaign_id, brakes.c.reason == reason
    )
    before = (await conn.execute(query)).first()
    return before is None or count / answers >= before.count / before.answers + threshold / 2


async def _pause(conn: AsyncConnection, brake: Brake) -> Brake | None:
    held = [{"code": f"paused_{brake.reason}", "count": brake.count, "answers": brake.answers}]
    query = update(campaigns).where(campaigns.c.id == brake.campaign_id, campaigns.c.state.in_(_GOING))
    values = {"state": CampaignState.PAUSED, "held": orjson.dumps(held).decode()}
    if not (await conn.execute(query.values(**values))).rowcount:
        state = await conn.scalar(select(campaigns.c.state).where(campaigns.c.id == brake.campaign_id))
        if state != CampaignState.FINISHED:
            return None  # stopped, held or paused: nothing leaves, and a later resume is judged anew
        brake = Brake(brake.campaign_id, brake.reason, brake.at, brake.count, brake.answers, paused=False)
    else:
        await webhooks.tell(conn, [brake.campaign_id], webhooks.PAUSED, brake.at)
        cause = {"cause": brake.reason, "count": brake.count, "answers": brake.answers}
        await actions.note(conn, [brake.campaign_id], Power.PAUSE, "gateway", brake.at, cause)
    row = {name: getattr(brake, name) for name in Brake.__slots__}
    await conn.execute(_KEEP, row | {"told": False})
    return brake


async def suspects(conn: AsyncConnection) -> list[int]:
    """Campaigns under way that have hard bounces or complaints; a read, for whoever looks after all of them."""
    query = (
        select(campaigns.c.id)
        .join(tallies_table, tallies_table.c.campaign_id == campaigns.c.id)
        .where(campaigns.c.state.in_(_GOING), tallies_table.c.name.in_(_MEASURE.values()), tallies_table.c.n > 0)
        .distinct()
    )
    return list((await conn.execute(query)).scalars())


async def passed(conn: AsyncConnection, campaign_id: int, rules: Rules) -> bool:
    """Whether a campaign is above a threshold; a read, so that nobody writes for those that are well."""
    statuses, measures = await tallies.read(conn, campaign_id)
    answers = sum(n for status, n in statuses.items() if status not in _NO_ANSWER) - measures["withdrawn"]
    if answers < rules.pause_after:
        return False
    limits = ((measures["hard"], rules.hard), (measures["complained"], rules.complaints))
    return any(threshold and count >= threshold * answers for count, threshold in limits)


async def untold(conn: AsyncConnection, limit: int = 20) -> list[Brake]:
    """Brakes whose user does not know yet, oldest first."""
    query = select(brakes).where(brakes.c.told.is_(False)).order_by(brakes.c.at).limit(limit)
    return [Brake(**{name: row._mapping[name] for name in Brake.__slots__}) for row in await conn.execute(query)]


async def told(conn: AsyncConnection, brake: Brake) -> bool:
    """Note that the user of this brake's campaign is told; False when somebody did so before."""
    mine = brakes.c.campaign_id == brake.campaign_id, brakes.c.reason == brake.reason, brakes.c.at == brake.at
    done = await conn.execute(update(brakes).where(*mine, brakes.c.told.is_(False)).values(told=True))
    return done.rowcount == 1
