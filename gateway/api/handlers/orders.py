"""What programs have done with campaigns: cancelled, paused, resumed, changed, sent again, shared; the author's link renewed.

In: checked calls. Out: the campaign, or the action, which the receiving process carries out where it takes more than the
database (202). Every one goes the one way of gateway.actions.verbs and stands in the report's history. What the campaign's
state does not allow is a conflict (409). Raises Problem.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import Response

from gateway.actions import told
from gateway.actions.powers import Hand
from gateway.actions.verbs import Answer, Request, Verdict, order
from gateway.actions.wishes import AHEAD, subject_doubt
from gateway.api.handlers.campaigns import document, find
from gateway.api.handlers.telling import at
from gateway.api.models.actions import ActionDocument, CampaignChange, Replay, Share
from gateway.api.models.common import Instant, ms, when
from gateway.api.once import fingerprint, once, word
from gateway.api.operation import Call, Reply
from gateway.api.problems import Fault, Problem, one
from gateway.api.serving import written
from store import actions
from store.actions import Action, Power
from store.engine import now_ms
from store.values import Campaign, CampaignState

_LIST = 60_000_000  # bytes of a list
_BECOMES = {
    Power.STOP: CampaignState.STOPPED,
    Power.PAUSE: CampaignState.PAUSED,
    Power.RESUME: CampaignState.SENDING,
}


def verb(power: Power) -> Callable[[Call], Awaitable[Reply]]:
    """The handler that cancels, pauses or resumes."""

    async def act(call: Call) -> Reply:
        campaign = await _campaign(call)
        if campaign.state is not _BECOMES[power]:
            await _order(call, campaign, power, {})
        async with call.ctx.db.read() as conn:
            return Reply(await document(conn, call, await find(conn, call)))

    return act


async def change(call: Call) -> Reply:
    """Change a campaign before its date."""
    asked: CampaignChange = call.body
    campaign = await _campaign(call)
    wish: dict[str, Any] = {}
    if asked.send_at is not None:
        wish["send_at"] = _ahead(asked.send_at)
    if asked.subject is not None:
        if subject_doubt(asked.subject, campaign.columns) is not None:
            raise one(422, "subject", "/subject", call.locale)
        wish["subject"] = asked.subject
    if asked.sender is not None:
        wish["sender"] = asked.sender.casefold()
    return await _ordered(call, campaign, Power.MODIFY, wish)


async def replay(call: Call) -> Response:
    """Send the same message again."""
    asked: Replay = call.body
    wish = {"to": asked.to, "send_at": None if asked.send_at is None else _ahead(asked.send_at)}

    async def work() -> Response:
        return written(await _ordered(call, await _campaign(call), Power.REPLAY, wish))

    return await once(call, fingerprint(call, asked.model_dump_json().encode()), work)


async def replay_list(call: Call) -> Response:
    """Send the same message to a new list."""
    if not call.request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Problem(415, expected="multipart/form-data", headers={"Accept": "multipart/form-data"})
    async with asyncio.timeout(600):
        form = await call.request.form(max_files=1, max_fields=1, max_part_size=_LIST)
    try:
        names = [name for name, _ in form.multi_items()]
        if names != ["liste"]:
            extra = next((name for name in names if name != "liste"), "")
            code = "form_unknown" if extra else "form_twice" if names else "form_missing"
            raise one(422, code, f"/{extra[:50] or 'liste'}", call.locale, name=extra[:50] or "liste")
        value = form["liste"]
        if isinstance(value, UploadFile):
            name, data = value.filename or "", await value.read()
        else:
            name, data = "", value.encode("utf-8", "replace")
    finally:
        await form.close()

    async def work() -> Response:
        wish = {"to": "list", "send_at": None}
        return written(await _ordered(call, await _campaign(call), Power.REPLAY, wish, (name, data)))

    return await once(call, fingerprint(call, data), work)


async def renew(call: Call) -> Reply:
    """Mail the author another link to the report; the one before opens nothing any more."""
    return await _ordered(call, await _campaign(call), Power.RENEW, {})


async def share(call: Call) -> Reply:
    """Mail somebody a link that only reads."""
    asked: Share = call.body
    return await _ordered(call, await _campaign(call), Power.SHARE, {"address": asked.address, "days": asked.days})


async def show(call: Call) -> Reply:
    """How far an action is."""
    campaign = await _campaign(call)
    async with call.ctx.db.read() as conn:
        found = await actions.get(conn, int(call.path["action"]))
    if found is None or found.campaign_id != campaign.id:
        raise Problem(404)
    return Reply(_document(call, campaign, found))


async def _campaign(call: Call) -> Campaign:
    async with call.ctx.db.read() as conn:
        return await find(conn, call)


def _ahead(instant: Instant) -> int:
    due, now = ms(instant) or 0, now_ms()
    if not now < due <= now + AHEAD:
        raise Problem(422, "date", faults=[Fault("/send_at", instant.isoformat())])
    return due


async def _ordered(
    call: Call, campaign: Campaign, power: Power, wish: dict[str, Any], file: tuple[str, bytes] | None = None
) -> Reply:
    answer = await _order(call, campaign, power, wish, file)
    assert answer.action is not None  # it was not refused out of hand
    status = 202 if answer.verdict is Verdict.READY else 200
    return Reply(_document(call, campaign, answer.action), status)


async def _order(
    call: Call, campaign: Campaign, power: Power, wish: dict[str, Any], file: tuple[str, bytes] | None = None
) -> Answer:
    given = word(call)
    mark = hashlib.sha256(given.encode()).hexdigest() if given else secrets.token_hex(16)
    who = call.caller.key.label or call.caller.key.public
    asked = Request(campaign.id, power, Hand.KEY, who, f"api {campaign.id} {power.value} {mark}", wish, file)
    answer = await order(call.ctx.db, asked, now_ms())
    if answer.verdict in (Verdict.DONE, Verdict.READY, Verdict.ASKED):
        return answer
    if answer.verdict is Verdict.MANY:
        raise Problem(429, "often", headers={"Retry-After": "3600"})
    if answer.verdict is Verdict.UNDECLARED:
        raise one(422, "sender", "/sender", call.locale, address=str(wish.get("sender", "")))
    if answer.verdict is Verdict.UNKNOWN:
        raise Problem(404)
    raise Problem(409, "state", state=campaign.state.value)


def _document(call: Call, campaign: Campaign, action: Action) -> ActionDocument:
    stage: Any = action.stage.value
    made = action.outcome.get("campaign")
    return ActionDocument(
        id=action.id,
        action=action.power.value,
        stage=stage,
        why=told.result(call.locale, action),
        campaign=None if made is None else str(made),
        asked_at=when(action.at),
        done_at=when(action.done_at),
        url=at(call, f"/campaigns/{campaign.id}/actions/{action.id}"),
    )
