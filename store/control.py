"""Stopping, pausing, resuming and finishing campaigns, one or all of them.

In: a campaign's id. Out: whether it was done, or how many campaigns and how many recipients wait in them. A change of state
is one row, so it takes effect for every sender within its next look (a quarter of a second); the recipients of a stopped
campaign follow in chunks by `settle_stopped`, which the janitor repeats until none is left. Nothing is raised but what the
database raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import accounts, actions, bulk, webhooks
from store.actions import Power
from store.engine import now_ms
from store.states import WAITING, Event, Status, after
from store.tables import campaigns, recipients, tallies
from store.tallies import Differences, status_name
from store.values import CampaignState

CHUNK = 5_000  # recipients settled in one transaction
BY_OPERATOR = "paused_operator"
OPERATOR = "operator"  # by which right in the history: gateway.actions.powers.Hand
_ALL = {"cause": "all"}
_BY_OPERATOR = f'[{{"code":"{BY_OPERATOR}"}}]'

_MAY = {
    CampaignState.STOPPED: (
        CampaignState.HELD,
        CampaignState.SCHEDULED,
        CampaignState.SENDING,
        CampaignState.PAUSED,
    ),
    CampaignState.PAUSED: (CampaignState.SCHEDULED, CampaignState.SENDING),
    CampaignState.SENDING: (CampaignState.PAUSED,),
}


_TOLD = {CampaignState.STOPPED: webhooks.STOPPED, CampaignState.PAUSED: webhooks.PAUSED}


async def _move(conn: AsyncConnection, campaign_id: int, state: CampaignState, now: int) -> bool:
    query = update(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.state.in_(_MAY[state]))
    values: dict[str, object] = {"state": state}
    if state is CampaignState.STOPPED:
        values["finished_at"] = now
    if state is CampaignState.SENDING:
        values["held"] = "[]"  # why it was paused is over
    done = (await conn.execute(query.values(**values))).rowcount == 1
    if done and state in _TOLD:
        await webhooks.tell(conn, [campaign_id], _TOLD[state], now)
    return done


async def stop(conn: AsyncConnection, campaign_id: int, now: int) -> bool:
    """Stop a campaign for good: whoever was not written to yet never will be."""
    done = await _move(conn, campaign_id, CampaignState.STOPPED, now)
    if done:
        await settle_stopped(conn, now, campaign_id)
    return done


async def pause(conn: AsyncConnection, campaign_id: int, now: int) -> bool:
    """Pause a campaign; `resume` lets it go on where it was."""
    return await _move(conn, campaign_id, CampaignState.PAUSED, now)


async def resume(conn: AsyncConnection, campaign_id: int, now: int) -> bool:
    """Let a paused campaign go on (a scheduled one still waits for its date)."""
    done = await _move(conn, campaign_id, CampaignState.SENDING, now)
    early = update(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.send_at > now)
    if done:
        await conn.execute(early.values(state=CampaignState.SCHEDULED))
    return done


@dataclass(frozen=True, slots=True)
class Halted:
    """What an order to all campaigns did: how many of them, and how many recipients wait in these."""

    campaigns: int
    recipients: int


async def stop_all(conn: AsyncConnection, now: int, who: str = "") -> Halted:
    """Stop every campaign for good, by the operator's order; `settle_stopped` winds them up."""
    ids = await _in_states(conn, _MAY[CampaignState.STOPPED])
    done = update(campaigns).where(campaigns.c.id.in_(ids), campaigns.c.state.in_(_MAY[CampaignState.STOPPED]))
    await conn.execute(done.values(state=CampaignState.STOPPED, finished_at=now))
    await webhooks.tell(conn, ids, webhooks.STOPPED, now)
    await actions.note(conn, ids, Power.STOP, OPERATOR, now, _ALL, who)
    return Halted(len(ids), await _waiting(conn, ids))


async def pause_all(conn: AsyncConnection, who: str = "", cause: Mapping[str, str] = _ALL) -> Halted:
    """Pause every campaign that sends or will, by the operator's order; `resume_all` knows them again."""
    now = now_ms()
    ids = await _in_states(conn, _MAY[CampaignState.PAUSED])
    done = update(campaigns).where(campaigns.c.id.in_(ids), campaigns.c.state.in_(_MAY[CampaignState.PAUSED]))
    await conn.execute(done.values(state=CampaignState.PAUSED, held=_BY_OPERATOR))
    await webhooks.tell(conn, ids, webhooks.PAUSED, now)
    await actions.note(conn, ids, Power.PAUSE, OPERATOR, now, cause, who)
    return Halted(len(ids), await _waiting(conn, ids))


async def resume_all(conn: AsyncConnection, now: int, who: str = "") -> Halted:
    """Let the campaigns go on that `pause_all` paused; those that somebody else paused stay so."""
    query = select(campaigns.c.id).where(campaigns.c.state == CampaignState.PAUSED, campaigns.c.held == _BY_OPERATOR)
    ids = list((await conn.execute(query)).scalars())
    for campaign_id in ids:
        await resume(conn, campaign_id, now)
    await actions.note(conn, ids, Power.RESUME, OPERATOR, now, _ALL, who)
    return Halted(len(ids), await _waiting(conn, ids))


async def suspend(conn: AsyncConnection, account_id: int, suspended: bool, now: int, who: str = "") -> Halted:
    """Suspend an account, or let it send again, by the operator's order: its campaigns wait, and their histories tell."""
    going = await _going(conn, account_id)
    if await accounts.suspend(conn, account_id, suspended):
        power, cause = (Power.PAUSE, "suspended") if suspended else (Power.RESUME, "restored_account")
        await actions.note(conn, going, power, OPERATOR, now, {"cause": cause}, who)
    return Halted(len(going), await _waiting(conn, going))


async def _in_states(conn: AsyncConnection, states: tuple[CampaignState, ...]) -> list[int]:
    return list((await conn.execute(select(campaigns.c.id).where(campaigns.c.state.in_(states)))).scalars())


async def _waiting(conn: AsyncConnection, ids: Sequence[int]) -> int:
    names = [status_name(status) for status in WAITING]
    query = select(func.coalesce(func.sum(tallies.c.n), 0)).where(tallies.c.name.in_(names))
    return int(await conn.scalar(query.where(tallies.c.campaign_id.in_(ids))) or 0)


async def _going(conn: AsyncConnection, account_id: int) -> list[int]:
    """The campaigns of an account that are under way."""
    going = campaigns.c.state.in_((CampaignState.SCHEDULED, CampaignState.SENDING))
    query = select(campaigns.c.id).where(campaigns.c.account_id == account_id, going)
    return list((await conn.execute(query)).scalars())


async def settle_stopped(conn: AsyncConnection, now: int, campaign_id: int | None = None) -> int:
    """Give up to CHUNK free, waiting recipients of stopped campaigns their last status; returns how many."""
    query = (
        select(recipients.c.id, recipients.c.campaign_id, recipients.c.status)
        .join(campaigns, campaigns.c.id == recipients.c.campaign_id)
        .where(
            campaigns.c.state.in_((CampaignState.STOPPED, CampaignState.REPLACED)),
            recipients.c.owner.is_(None),
            recipients.c.next_attempt_at.is_not(None),
        )
        .limit(CHUNK)
        .with_for_update(of=recipients, skip_locked=True)
    )
    if campaign_id is not None:
        query = query.where(campaigns.c.id == campaign_id)
    rows = (await conn.execute(query)).all()
    differences = Differences()
    for row in rows:
        differences.move(row.campaign_id, Status(row.status), after(Status(row.status), Event.STOP))
    waiting = [row.id for row in rows if Status(row.status) in WAITING]
    rest = [row.id for row in rows if Status(row.status) not in WAITING]
    for ids, values in ((waiting, {"status": int(Status.STOPPED), "last_at": now}), (rest, {})):
        if ids:
            query_ = update(recipients).where(recipients.c.id.in_(ids))
            await conn.execute(query_.values(next_attempt_at=None, **values))
    await bulk.run(conn, *differences.steps())
    return len(rows)


async def finish_done(conn: AsyncConnection, now: int) -> list[int]:
    """Mark campaigns finished whose recipients all have an end; returns their ids."""
    free = exists().where(
        recipients.c.campaign_id == campaigns.c.id,
        recipients.c.owner.is_(None),
        recipients.c.next_attempt_at.is_not(None),
    )
    # a list, not an EXISTS: SQLite would look for the owned among all rows of the campaign, not among the owned
    held = select(recipients.c.campaign_id).where(recipients.c.owner.is_not(None))
    # a paused one whose last mail was on its way has nothing left to resume
    going = campaigns.c.state.in_((CampaignState.SENDING, CampaignState.PAUSED))
    query = select(campaigns.c.id).where(going, ~free, campaigns.c.id.not_in(held))
    done = list((await conn.execute(query)).scalars())
    if done:
        ending = update(campaigns).where(campaigns.c.id.in_(done), going)
        await conn.execute(ending.values(state=CampaignState.FINISHED, finished_at=now))
        await webhooks.tell(conn, done, webhooks.FINISHED, now)
    return done
