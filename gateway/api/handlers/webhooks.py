"""Webhooks by the API: made, listed, changed, given another secret, tried, removed; their last calls and dead letters.

In: checked calls. Out: documents; a secret is in two answers only, that of POST and that of a rotation. An address that no
webhook may have (no https, a private network) gives 422 at once; names are looked up when events are told. Raises Problem.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.api import cursor
from gateway.api.models.common import when
from gateway.api.models.webhooks import (
    CallDocument,
    Calls,
    DeadLetter,
    DeadLetters,
    DeadQuery,
    NewWebhook,
    Replay,
    Replayed,
    WebhookChange,
    WebhookDocument,
    Webhooks,
    WebhookSecret,
)
from gateway.api.operation import Call, Reply
from gateway.api.problems import Fault, Problem, one
from gateway.hooks.documents import event
from gateway.hooks.places import doubt
from gateway.hooks.probe import probe, rest
from gateway.hooks.signature import secret
from store import hook_answers, hook_queue, webhooks
from store.engine import now_ms
from store.hook_answers import Answer
from store.webhooks import Webhook


def _values(webhook: Webhook, counts: tuple[int, int]) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "events": webhook.words,
        "batch": webhook.batch,
        "label": webhook.label,
        "enabled": webhook.disabled_at is None,
        "disabled_why": webhook.disabled_why,
        "created_at": when(webhook.created_at),
        "last_taken_at": when(webhook.taken_at),
        "taken": webhook.taken,
        "failing_since": when(webhook.failing_since),
        "last_error": webhook.last_error,
        "waiting": counts[0],
        "dead": counts[1],
        "old_secret_until": when(webhook.old_until),
    }


async def _told(conn: AsyncConnection, webhook: Webhook) -> WebhookDocument:
    counts = await hook_queue.counts(conn, [webhook.id])
    return WebhookDocument(**_values(webhook, counts.get(webhook.id, (0, 0))))


async def _find(conn: AsyncConnection, call: Call) -> Webhook:
    found = await webhooks.get(conn, int(call.path["webhook"]), call.account.id)
    if found is None:
        raise Problem(404)
    return found


def _fit(call: Call, url: str) -> None:
    """Refuse an address that can be no webhook; what a name stands for is told only when it is asked."""
    assert call.ctx.desk is not None  # the web process has one
    if wrong := doubt(url, call.ctx.desk.settings.webhooks):
        raise one(422, wrong, "/url", call.locale)


async def listing(call: Call) -> Reply:
    """All webhooks."""
    async with call.ctx.db.read() as conn:
        found = await webhooks.list_of(conn, call.account.id)
        counts = await hook_queue.counts(conn, [one.id for one in found])
    return Reply(Webhooks(data=[WebhookDocument(**_values(one, counts.get(one.id, (0, 0)))) for one in found]))


async def add(call: Call) -> Reply:
    """Make one; its secret is in this answer only."""
    asked: NewWebhook = call.body
    _fit(call, asked.url)
    async with call.ctx.db.write() as conn:
        made = await webhooks.add(conn, call.account.id, asked.url, asked.events, asked.batch, asked.label, now_ms())
    if made is None:
        raise Problem(409, "hook_many", most=webhooks.MOST)
    return Reply(_with_secret(call, made), 201, {"Location": f"{call.ctx.url}/api/v1/webhooks/{made.id}"})


def _with_secret(call: Call, webhook: Webhook) -> WebhookSecret:
    shown = secret(call.ctx.keyring, webhook.id, webhook.serial)
    return WebhookSecret(**_values(webhook, (0, 0)), secret=shown)


async def show(call: Call) -> Reply:
    """One of them."""
    async with call.ctx.db.read() as conn:
        return Reply(await _told(conn, await _find(conn, call)))


async def change(call: Call) -> Reply:
    """Change one, switch it off or on again."""
    asked: WebhookChange = call.body
    if asked.url is not None:
        _fit(call, asked.url)
    values: dict[str, Any] = {
        name: value for name in ("url", "batch", "label") if (value := getattr(asked, name)) is not None
    }
    if asked.events is not None:
        values["mask"] = webhooks.mask(asked.events)
    async with call.ctx.db.write() as conn:
        found = await _find(conn, call)
        await webhooks.change(conn, found.id, **values)
        if asked.enabled is True:
            await webhooks.enable(conn, found.id)
        elif asked.enabled is False:
            await webhooks.disable(conn, found.id, "asked", now_ms())
        return Reply(await _told(conn, await _find(conn, call)))


async def rotate(call: Call) -> Reply:
    """Another secret; the one before signs beside it for a day."""
    async with call.ctx.db.write() as conn:
        await webhooks.rotate(conn, await _find(conn, call), now_ms())
        return Reply(_with_secret(call, await _find(conn, call)))


async def remove(call: Call) -> Reply:
    """Forget one and all that waits there."""
    async with call.ctx.db.write() as conn:
        await webhooks.remove(conn, (await _find(conn, call)).id)
    return Reply(None, 204)


async def calls(call: Call) -> Reply:
    """What the endpoint answered lately."""
    async with call.ctx.db.read() as conn:
        found = await hook_answers.last(conn, (await _find(conn, call)).id)
    return Reply(Calls(data=[_call(one) for one in found]))


async def test(call: Call) -> Reply:
    """Tell a test event at once, and what came back; one in five seconds."""
    assert call.ctx.desk is not None  # the web process has one
    async with call.ctx.db.read() as conn:
        webhook = await _find(conn, call)
        before = await hook_answers.last(conn, webhook.id)
    if seconds := -(-rest(before, now_ms()) // 1_000):
        raise Problem(429, "hook_soon", headers={"Retry-After": str(seconds)}, seconds=seconds)
    return Reply(_call(await probe(call.ctx.desk, webhook)))


def _call(answer: Answer) -> CallDocument:
    return CallDocument(
        at=when(answer.at), took_ms=answer.took, status=answer.status, why=answer.why, type=answer.word,
        events=answer.events, taken=answer.good,
    )  # fmt: skip


async def dead(call: Call) -> Reply:
    """A page of dead letters."""
    query: DeadQuery = call.query
    place = cursor.unpack(query.cursor, int) if query.cursor else (0,)
    if place is None:
        raise Problem(422, "cursor", faults=[Fault("?cursor", "")])
    async with call.ctx.db.read() as conn:
        webhook = await _find(conn, call)
        found = await hook_queue.dead(conn, webhook.id, int(place[0]), query.limit + 1)
    shown = found[: query.limit]
    more = cursor.pack(shown[-1].id) if len(found) > query.limit else None
    return Reply(DeadLetters(data=[_letter(one) for one in shown], next=more))


def _letter(waiting: hook_queue.Waiting) -> DeadLetter:
    told = event(waiting)
    return DeadLetter(
        id=f"evt_{waiting.id}",
        type=told["type"],
        timestamp=told["timestamp"],
        given_up_at=when(waiting.dead_at or 0),
        attempts=waiting.attempts,
        error=waiting.error,
        data=told["data"],
    )


async def replay(call: Call) -> Reply:
    """Queue dead letters again."""
    asked: Replay = call.body
    ids = [int(name.removeprefix("evt_")) for name in asked.events] or None
    async with call.ctx.db.write() as conn:
        webhook = await _find(conn, call)
        count = await hook_queue.replay(conn, webhook.id, ids, now_ms())
    return Reply(Replayed(replayed=count))
