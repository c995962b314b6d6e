"""What an author orders about a campaign is done: release, later, the first few, the rest, cancel.

In: the order, the campaign and the serial of the token that came with it, whether by mail or from the page of a mailed
link. Out: a `Verdict`; only DONE changed anything. Recipients are set aside and woken in chunks, so that senders write in
between; a crash in the midst leaves the campaign held, and the same order again finishes it. Raises what the database
raises. Logs campaign_changed.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from config.logging import log
from gateway.actions import verbs
from gateway.actions.powers import Hand
from parsers.orders import Act, Order
from store import campaigns, talks
from store.actions import Power
from store.engine import Database
from store.talks import CHUNK, Talk, Verdict
from store.values import Campaign, CampaignState

_HANDS = {"reply": Hand.MAIL, "page": Hand.CONFIRMED, "command": Hand.OPERATOR}


@dataclass(frozen=True, slots=True)
class _Said:
    """An order and who gave it, as the campaign's history keeps it."""

    order: Order
    by: str
    who: str

    async def note(self, conn: AsyncConnection, campaign: Campaign, serial: int, now: int) -> None:
        """Write it down, in the transaction that obeys."""
        once, hand = f"talk:{campaign.id}:{serial}:{self.order.act}:{now}", _HANDS.get(self.by, Hand.CONFIRMED)
        await verbs.note(conn, campaign, Power.RELEASE, hand, self.who, once, now, order=self.order.act.value)


async def decide(
    database: Database, campaign_id: int, serial: int, order: Order, now: int, by: str, who: str = ""
) -> Verdict:
    """Do what is ordered, once; `by` (reply, page, command) and `who` are for the log and the campaign's history."""
    said = _Said(order, by, who)
    async with database.read() as conn:
        campaign, talk = await campaigns.get(conn, campaign_id), await talks.get(conn, campaign_id)
    if campaign is None or talk is None:
        return Verdict.OVER
    if order.act is Act.CANCEL:
        async with database.write() as conn:
            verdict = await talks.cancel(conn, campaign_id, now)
            if verdict is Verdict.DONE:
                await said.note(conn, campaign, serial, now)
    elif talk.waiting:
        verdict = await _rest(database, campaign, talk, serial, said, now)
    else:
        verdict = await _release(database, campaign, talk, serial, said, now)
    if verdict is Verdict.DONE:
        log("campaign_changed", campaign=campaign_id, state=order.act.value, by=by)
    return verdict


async def _release(database: Database, campaign: Campaign, talk: Talk, serial: int, said: _Said, now: int) -> Verdict:
    order = said.order
    if talk.serial != serial:
        return Verdict.SPENT
    async with database.read() as conn:
        left = await talks.left(conn, campaign.id)
    few = order.act is Act.FIRST and order.count is not None and order.count < left
    if few and not talks.waits(campaign.state, campaign.held):
        return Verdict.FAULTS if campaign.state is CampaignState.HELD else Verdict.OVER
    waiting = 0
    if few:
        waiting = left - (order.count or 0)
        while await _set_aside(database, campaign.id, order.count or 0):
            pass
    async with database.write() as conn:
        verdict = await talks.release(conn, campaign.id, serial, order.act.value, now, at=order.at, waiting=waiting)
        if verdict is Verdict.DONE:
            await said.note(conn, campaign, serial, now)
    if not (few and verdict is Verdict.DONE):
        async with database.read() as conn:
            after = await talks.get(conn, campaign.id)
        if after is not None and not after.waiting:
            await _wake(database, campaign.id, None)  # whom an order that was cut off had set aside
    return verdict


async def _set_aside(database: Database, campaign_id: int, first: int) -> bool:
    async with database.write() as conn:
        return await talks.keep_waiting(conn, campaign_id, first) == CHUNK


async def _rest(database: Database, campaign: Campaign, talk: Talk, serial: int, said: _Said, now: int) -> Verdict:
    order = said.order
    if order.act is Act.LATER:
        return Verdict.OVER  # a campaign has one date
    few = order.act is Act.FIRST and order.count is not None and order.count < talk.waiting
    if not few and talk.serial == serial:
        await _wake(database, talk.campaign_id, None)  # before the token is spent: a crash in between loses nobody
    most = (order.count or 0) if few else talk.waiting
    async with database.write() as conn:
        verdict = await talks.rest(conn, talk.campaign_id, serial, order.act.value, now, talk.waiting - most)
        if verdict is Verdict.DONE:
            await said.note(conn, campaign, serial, now)
    if few and verdict is Verdict.DONE:
        await _wake(database, talk.campaign_id, most)
    return verdict


async def _wake(database: Database, campaign_id: int, most: int | None) -> None:
    left = most
    while left is None or left > 0:
        async with database.write() as conn:
            done = await talks.wake(conn, campaign_id, left)
        if done < (CHUNK if left is None else min(CHUNK, left)):
            return
        left = None if left is None else left - done
