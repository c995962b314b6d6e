"""Stopping, pausing, resuming and finishing campaigns.

In: a campaign's id. Out: whether it was done. A change of state is one row, so it takes effect for every sender within
its next look (a quarter of a second); the recipients of a stopped campaign follow in chunks by `settle_stopped`, which
the janitor repeats until none is left. Nothing is raised but what the database raises.
"""

from __future__ import annotations

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.states import WAITING, Event, Status, after
from store.tables import campaigns, recipients
from store.tallies import Differences
from store.values import CampaignState

CHUNK = 5_000  # recipients settled in one transaction

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


async def _move(conn: AsyncConnection, campaign_id: int, state: CampaignState, now: int) -> bool:
    query = update(campaigns).where(campaigns.c.id == campaign_id, campaigns.c.state.in_(_MAY[state]))
    values: dict[str, object] = {"state": state}
    if state is CampaignState.STOPPED:
        values["finished_at"] = now
    return (await conn.execute(query.values(**values))).rowcount == 1


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
    await differences.write(conn)
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
    query = select(campaigns.c.id).where(campaigns.c.state == CampaignState.SENDING, ~free, campaigns.c.id.not_in(held))
    done = list((await conn.execute(query)).scalars())
    if done:
        ending = update(campaigns).where(campaigns.c.id.in_(done), campaigns.c.state == CampaignState.SENDING)
        await conn.execute(ending.values(state=CampaignState.FINISHED, finished_at=now))
    return done
