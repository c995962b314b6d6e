"""The one way in to every action on a campaign: from a page, a program, a command or a mailed confirmation.

In: an open database, who asks for what, and a word that makes the same request twice one action. Out: an `Answer`. What
needs no more than the database is done in the transaction that writes it down; the rest waits, written down, for the
receiving process (gateway.actions.clerk); what the asker may not do alone waits for the declared sender's confirmation.
Raises what the database raises. Logs campaign_changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from config.logging import log
from gateway.actions.powers import Grant, Hand, barred, fits, may
from store import accounts, actions, campaigns, control, links, replays
from store.actions import Action, New, Power, Stage
from store.engine import Database
from store.replays import Change
from store.values import Campaign

HOUR = 3_600_000
SAME_MS = 600_000  # ms for which the same wish to send again is the same action
CONFIRM_MS = 24 * HOUR  # how long a confirmation may take
_ASKED = 3  # actions of a campaign that wait for one at once
_OFTEN = {Power.SHARE: (20, 24 * HOUR), Power.EXTRACT: (10, HOUR), Power.REPLAY: (10, HOUR), Power.RENEW: (5, HOUR)}
_CONTROL = {Power.STOP: control.stop, Power.PAUSE: control.pause, Power.RESUME: control.resume}


class Verdict(StrEnum):
    """What became of a request."""

    DONE = "done"
    READY = "ready"  # it is being carried out
    ASKED = "asked"  # the declared sender was asked to confirm it
    REFUSED = "refused"  # it was tried and could not be done: the action's outcome says why
    FORBIDDEN = "forbidden"
    OVER = "over"  # the campaign is in no state that allows it
    MANY = "many"
    UNDECLARED = "undeclared"  # the sender named is none of the account's
    SPENT = "spent"  # confirmed before, or too late
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for what; `file` is a list (name, content) that comes with it."""

    campaign_id: int
    power: Power
    hand: Hand
    who: str
    once: str
    wish: Mapping[str, Any] = field(default_factory=dict)
    file: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of it; `again` when the same had been asked for before."""

    verdict: Verdict
    action: Action | None = None
    again: bool = False


_STAGES = {
    Stage.ASKED: Verdict.ASKED, Stage.READY: Verdict.READY, Stage.DONE: Verdict.DONE, Stage.REFUSED: Verdict.REFUSED,
}  # fmt: skip


async def order(database: Database, asked: Request, now: int) -> Answer:
    """Do, or write down, what is asked for: once, however often it is asked with the same word."""
    async with database.write() as conn:
        campaign = await campaigns.get(conn, asked.campaign_id)
        if campaign is None:
            return Answer(Verdict.UNKNOWN)
        grant = may(asked.hand, asked.power)
        if grant is Grant.NO:
            return Answer(Verdict.FORBIDDEN)
        if (known := await actions.known(conn, campaign.account_id, asked.once)) is not None:
            return Answer(_STAGES[known.stage], known, again=True)
        if (refusal := await _refusal(conn, campaign, asked, now)) is not None:
            return Answer(refusal)
        return await _write(conn, campaign, asked, grant, now)


async def _refusal(conn: AsyncConnection, campaign: Campaign, asked: Request, now: int) -> Verdict | None:
    if not fits(asked.power, campaign, now) or barred(asked.hand, asked.power, campaign):
        return Verdict.OVER
    if asked.power in _OFTEN:
        most, span = _OFTEN[asked.power]
        if await actions.recent(conn, campaign.id, asked.power, now - span) >= most:
            return Verdict.MANY
    if may(asked.hand, asked.power) is Grant.CONFIRM and await actions.asked(conn, campaign.id, now) >= _ASKED:
        return Verdict.MANY
    if address := asked.wish.get("sender"):
        sender = await accounts.find_sender(conn, address)
        if sender is None or sender.account_id != campaign.account_id:
            return Verdict.UNDECLARED
    return None


async def _write(conn: AsyncConnection, campaign: Campaign, asked: Request, grant: Grant, now: int) -> Answer:
    new = New(campaign.account_id, campaign.id, asked.power, asked.hand.value, asked.who, asked.once, asked.wish)
    if (known := await _meant(conn, new, asked, grant, now)) is not None:
        return Answer(_STAGES[known.stage], known, again=True)
    stage = Stage.ASKED if grant is Grant.CONFIRM else Stage.READY
    action, made = await actions.add(
        conn, new, stage, now, expires_at=now + CONFIRM_MS if stage is Stage.ASKED else None
    )
    if not made:
        return Answer(_STAGES[action.stage], action, again=True)
    if asked.file is not None:
        await actions.attach(conn, action.id, *asked.file)
    return Answer(Verdict.ASKED, action) if stage is Stage.ASKED else await _carry_out(conn, campaign, action, now)


async def _meant(conn: AsyncConnection, new: New, asked: Request, grant: Grant, now: int) -> Action | None:
    """The wish to send again that is meant by whoever goes back and clicks once more."""
    if asked.power is not Power.REPLAY or asked.file is not None:
        return None
    known = await actions.same(conn, new, now - SAME_MS)
    if known is not None and known.stage is Stage.ASKED and grant is Grant.YES:
        return None  # somebody else asked for it, and waits for a word
    return known


async def confirm(database: Database, action_id: int, now: int) -> Answer:
    """Spend the one confirmation of an action, and do it."""
    async with database.write() as conn:
        action = await actions.get(conn, action_id)
        campaign = await campaigns.get(conn, action.campaign_id) if action is not None else None
        if action is None or campaign is None:
            return Answer(Verdict.UNKNOWN)
        if not await actions.confirm(conn, action_id, now):
            return Answer(Verdict.SPENT, action)
        if not fits(action.power, campaign, now):
            await actions.finish(conn, action_id, Stage.REFUSED, {"why": "over"}, now)
            return await _read(conn, action_id)
        return await _carry_out(conn, campaign, action, now)


async def _carry_out(conn: AsyncConnection, campaign: Campaign, action: Action, now: int) -> Answer:
    """Do at once what the database alone can do; the rest stays ready."""
    done = await _at_once(conn, campaign, action, now)
    if done is not None:
        outcome = {} if done else {"why": "over"}
        await actions.finish(conn, action.id, Stage.DONE if done else Stage.REFUSED, outcome, now)
    if done:
        log("campaign_changed", campaign=campaign.id, state=action.power.value, by=action.via)
    return await _read(conn, action.id)


async def _read(conn: AsyncConnection, action_id: int) -> Answer:
    action = await actions.get(conn, action_id)
    assert action is not None  # nothing removes it
    return Answer(_STAGES[action.stage], action)


async def _at_once(conn: AsyncConnection, campaign: Campaign, action: Action, now: int) -> bool | None:
    """Whether it was done; None for what takes more than the database."""
    wish = action.wish
    if action.power in _CONTROL:
        return await _CONTROL[action.power](conn, campaign.id, now)
    if action.power is Power.REVOKE:
        return await links.revoke(conn, campaign.id, int(wish["serial"]), now)
    if action.power is Power.MODIFY and "sender" not in wish and "list" not in wish:
        at = wish.get("send_at")
        new = Change(None if at is None else max(int(at), now), wish.get("subject"))
        return await replays.change(conn, campaign.id, new, now)
    return None


async def note(
    conn: AsyncConnection, campaign: Campaign, power: Power, hand: Hand, who: str, once: str, now: int, **said: Any
) -> None:
    """Write down what was done by another way in (a reply by mail, the page of a letter, a command), in its transaction."""
    new = New(campaign.account_id, campaign.id, power, hand.value, who, once, said)
    await actions.add(conn, new, Stage.DONE, now)
