"""What waits to be told to webhooks: taken in order, told, tried again, or set aside as dead letters.

In: a webhook's id, instants (UTC ms). Out: events with what their documents need. Of each recipient only the oldest waiting
event is ever due, so that nobody hears of an open before the delivery; events of different people overtake one another.
Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.states import Status
from store.tables import campaigns, recipients
from store.tables_hooks import hook_events, webhooks
from store.webhooks import Webhook, _webhook

KEPT_MS = 30 * 86_400_000  # how long a dead letter is kept
_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event to be told; `address` is empty once the recipient is erased, and for events of campaigns."""

    id: int
    webhook_id: int
    campaign_id: int
    recipient_id: int
    kind: int
    at: int
    detail: Mapping[str, Any]
    attempts: int
    queued_at: int
    error: str
    dead_at: int | None
    campaign_name: str
    campaign_state: str
    address: str
    name: str
    line: int
    part: int
    status: Status | None


_WHOLE = (
    select(
        hook_events,
        campaigns.c.name.label("campaign_name"),
        campaigns.c.state.label("campaign_state"),
        recipients.c.address,
        recipients.c.name,
        recipients.c.line,
        recipients.c.part,
        recipients.c.status,
    )
    .join(campaigns, campaigns.c.id == hook_events.c.campaign_id)
    .outerjoin(recipients, recipients.c.id == hook_events.c.recipient_id)
)
_BEFORE = hook_events.alias("before")
_HEADS = (
    _WHOLE.where(
        hook_events.c.webhook_id == bindparam("webhook"),
        hook_events.c.next_attempt_at <= bindparam("now"),
        ~select(_BEFORE.c.id)
        .where(
            _BEFORE.c.webhook_id == hook_events.c.webhook_id,
            _BEFORE.c.recipient_id == hook_events.c.recipient_id,
            _BEFORE.c.id < hook_events.c.id,
            _BEFORE.c.next_attempt_at.is_not(None),
        )
        .exists(),
    )
    .order_by(hook_events.c.id)
    .limit(bindparam("most"))
)
_DUE = select(webhooks).where(
    webhooks.c.disabled_at.is_(None),
    or_(webhooks.c.again_at.is_(None), webhooks.c.again_at <= bindparam("now")),
    select(hook_events.c.id)
    .where(hook_events.c.webhook_id == webhooks.c.id, hook_events.c.next_attempt_at <= bindparam("now"))
    .exists(),
)


async def due(conn: AsyncConnection, now: int) -> list[Webhook]:
    """The webhooks that have something to be told now; a read."""
    return [_webhook(row) for row in await conn.execute(_DUE, {"now": now})]


async def heads(conn: AsyncConnection, webhook_id: int, now: int, most: int) -> list[Waiting]:
    """Up to `most` events that are due, oldest first, one a recipient."""
    return [_waiting(row) for row in await conn.execute(_HEADS, {"webhook": webhook_id, "now": now, "most": most})]


async def done(conn: AsyncConnection, ids: Sequence[int]) -> None:
    """These were taken, or are to be told to nobody."""
    if ids:
        await conn.execute(delete(hook_events).where(hook_events.c.id.in_(list(ids))))


async def failed(conn: AsyncConnection, rows: Sequence[tuple[int, int | None, str]], now: int) -> None:
    """These were not taken: (event, when it is tried again, why); without a time it is a dead letter."""
    for event_id, again_at, why in rows:
        values = {"attempts": hook_events.c.attempts + 1, "next_attempt_at": again_at, "error": why}
        if again_at is None:
            values["dead_at"] = now
        await conn.execute(update(hook_events).where(hook_events.c.id == event_id).values(**values))


async def expire(conn: AsyncConnection, before: int, now: int) -> int:
    """Set aside what waits since before an instant, and forget what was set aside long ago; returns how many rows."""
    old = select(hook_events.c.id).where(hook_events.c.next_attempt_at.is_not(None), hook_events.c.queued_at <= before)
    dead = update(hook_events).where(hook_events.c.id.in_(old.limit(_CHUNK)))
    moved = (await conn.execute(dead.values(next_attempt_at=None, dead_at=now))).rowcount
    gone = select(hook_events.c.id).where(hook_events.c.dead_at <= now - KEPT_MS).limit(_CHUNK)
    return moved + (await conn.execute(delete(hook_events).where(hook_events.c.id.in_(gone)))).rowcount


async def dead(conn: AsyncConnection, webhook_id: int, after: int, limit: int) -> list[Waiting]:
    """Dead letters of a webhook behind the event `after`, oldest first."""
    mine = hook_events.c.webhook_id == webhook_id, hook_events.c.dead_at.is_not(None), hook_events.c.id > after
    return [_waiting(row) for row in await conn.execute(_WHOLE.where(*mine).order_by(hook_events.c.id).limit(limit))]


async def replay(conn: AsyncConnection, webhook_id: int, ids: Sequence[int] | None, now: int) -> int:
    """Queue dead letters again, all or these; returns how many. They have as long as new ones."""
    some = select(hook_events.c.id).where(hook_events.c.webhook_id == webhook_id, hook_events.c.dead_at.is_not(None))
    if ids is not None:
        some = some.where(hook_events.c.id.in_(list(ids)))
    again = update(hook_events).where(hook_events.c.id.in_(some.order_by(hook_events.c.id).limit(_CHUNK)))
    values = {"next_attempt_at": now, "queued_at": now, "dead_at": None, "attempts": 0, "error": ""}
    return (await conn.execute(again.values(**values))).rowcount


async def counts(conn: AsyncConnection, webhook_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """How many events wait and how many are dead, by webhook."""
    query = (
        select(
            hook_events.c.webhook_id,
            func.count(hook_events.c.next_attempt_at).label("waiting"),
            func.count(hook_events.c.dead_at).label("dead"),
        )
        .where(hook_events.c.webhook_id.in_(list(webhook_ids)))
        .group_by(hook_events.c.webhook_id)
    )
    return {row.webhook_id: (row.waiting, row.dead) for row in await conn.execute(query)}


def _waiting(row: Any) -> Waiting:
    fields = row._mapping
    values = {name: fields[name] for name in Waiting.__slots__}
    values["detail"] = orjson.loads(fields["detail"])
    values["status"] = None if fields["status"] is None else Status(fields["status"])
    values |= {name: fields[name] or "" for name in ("address", "name")}
    values |= {name: fields[name] or 0 for name in ("line", "part")}
    return Waiting(**values)
