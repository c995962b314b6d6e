"""Webhooks: where an account wants its events told, and the events that wait there.

In: an open connection, accounts, plain values; the history of a batch of events, in the transaction that writes it. Out:
frozen values, and a step that queues what is listened to: none is lost and none invented, since both are written or neither.
Without any webhook a batch costs one look into an empty index. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Executable, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.arrays import Rows
from store.bulk import Step
from store.states import Event
from store.tables import campaigns
from store.tables_hooks import hook_answers, hook_events, webhooks

CREATED, HELD, PAUSED, STOPPED, FINISHED = 16, 17, 18, 19, 20  # kinds of events of campaigns, beside store.states.Event
# the word by which a program knows each event, and the kinds behind it
WORDS: dict[str, tuple[int, ...]] = {
    "delivered": (Event.ACCEPTED,),
    "deferred": (Event.UNANSWERED, Event.TEMPFAILED, Event.MAILBOX_TEMPFAILED),
    "bounced": (Event.REFUSED, Event.EXPIRED, Event.REPORT_SOFT, Event.REPORT_HARD, Event.SUPPRESSED),
    "opened": (Event.OPEN,),
    "clicked": (Event.CLICK,),
    "unsubscribed": (Event.UNSUBSCRIBE,),
    "complained": (Event.COMPLAIN,),
    "campaign.created": (CREATED,),
    "campaign.held": (HELD,),
    "campaign.paused": (PAUSED,),
    "campaign.stopped": (STOPPED,),
    "campaign.finished": (FINISHED,),
}
_NAMES = {int(kind): word for word, kinds in WORDS.items() for kind in kinds}
GRACE_MS = 24 * 3_600_000  # for which the secret before a rotation signs, too
MOST = 20  # webhooks of an account

# for store.bulk.read: whether anybody listens at all
HEARD = "EXISTS (SELECT 1 FROM webhooks WHERE disabled_at IS NULL)"
_COLUMNS = "(webhook_id, campaign_id, recipient_id, kind, at, detail, attempts, queued_at, next_attempt_at, error)"
_SQLITE = (
    f"INSERT INTO hook_events {_COLUMNS}"  # noqa: S608 our own names
    " SELECT w.id, c.id, json_extract(r.value, '$[0]'), json_extract(r.value, '$[3]'), json_extract(r.value, '$[2]'),"
    " json_extract(r.value, '$[5]'), 0, json_extract(r.value, '$[2]'), json_extract(r.value, '$[2]'), ''"
    " FROM json_each(:rows) r"
    " JOIN campaigns c ON c.id = json_extract(r.value, '$[1]')"
    " JOIN webhooks w ON w.account_id = c.account_id AND w.disabled_at IS NULL"
    " AND (w.mask >> json_extract(r.value, '$[3]')) & 1 = 1"
    " WHERE NOT json_extract(r.value, '$[4]') ORDER BY r.key"
)
_POSTGRESQL = text(
    f"INSERT INTO hook_events {_COLUMNS}"  # noqa: S608 our own names
    " SELECT w.id, c.id, CAST(r.value->>0 AS bigint), CAST(r.value->>3 AS integer), CAST(r.value->>2 AS bigint),"
    " r.value->>5, 0, CAST(r.value->>2 AS bigint), CAST(r.value->>2 AS bigint), ''"
    " FROM jsonb_array_elements(CAST(:rows AS jsonb)) WITH ORDINALITY AS r(value, n)"
    " JOIN campaigns c ON c.id = CAST(r.value->>1 AS bigint)"
    " JOIN webhooks w ON w.account_id = c.account_id AND w.disabled_at IS NULL"
    " AND (w.mask >> CAST(r.value->>3 AS integer)) & 1 = 1"
    " WHERE NOT CAST(r.value->>4 AS boolean) ORDER BY r.n"
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One place where events are told."""

    id: int
    account_id: int
    url: str
    mask: int
    batch: int
    label: str
    serial: int
    old_until: int | None
    created_at: int
    taken_at: int | None
    taken: int
    failing_since: int | None
    failures: int
    again_at: int | None
    last_error: str
    disabled_at: int | None
    disabled_why: str

    @property
    def words(self) -> list[str]:
        """The events that are told, in the order of WORDS."""
        return [word for word, kinds in WORDS.items() if self.mask >> int(kinds[0]) & 1]


def mask(words: Sequence[str]) -> int:
    """The bits of some words."""
    return sum(1 << int(kind) for word in set(words) for kind in WORDS[word])


def word(kind: int) -> str:
    """The word for a kind of event."""
    return _NAMES.get(kind, "")


def step(history: Rows) -> Step:
    """What queues the events of a batch, (recipient, campaign, at, kind, machine, detail) each, for whoever listens."""

    def plain() -> tuple[Executable, list[dict[str, Any]]]:
        return _POSTGRESQL, [{"rows": orjson.dumps(history).decode()}]

    return Step(_SQLITE, history, plain)


async def tell(conn: AsyncConnection, campaign_ids: Sequence[int], kind: int, now: int) -> None:
    """Queue an event of campaigns themselves for whoever listens, in the transaction that brings it about."""
    if not campaign_ids:
        return
    heard = (
        select(webhooks.c.id, campaigns.c.id.label("campaign_id"))
        .join(campaigns, campaigns.c.account_id == webhooks.c.account_id)
        .where(campaigns.c.id.in_(list(campaign_ids)), webhooks.c.disabled_at.is_(None))
        .where(campaigns.c.single.is_(False))  # of single messages their recipients' events tell all
        .where(webhooks.c.mask.op("&")(1 << kind) != 0)
    )
    rows = [
        {"webhook_id": row.id, "campaign_id": row.campaign_id, "recipient_id": 0, "kind": kind, "at": now, "detail": "{}",
         "queued_at": now, "next_attempt_at": now}
        for row in await conn.execute(heard)
    ]  # fmt: skip
    if rows:
        await conn.execute(insert(hook_events), rows)


async def add(
    conn: AsyncConnection, account_id: int, url: str, words: Sequence[str], batch: int, label: str, now: int
) -> Webhook | None:
    """Add a webhook; None when the account has as many as it may have."""
    count = await conn.scalar(select(func.count()).where(webhooks.c.account_id == account_id)) or 0
    if count >= MOST:
        return None
    row = {"account_id": account_id, "url": url, "mask": mask(words), "batch": batch, "label": label, "created_at": now}
    return _webhook((await conn.execute(insert(webhooks).returning(webhooks), row)).one())


async def list_of(conn: AsyncConnection, account_id: int) -> list[Webhook]:
    """The webhooks of an account, oldest first."""
    query = select(webhooks).where(webhooks.c.account_id == account_id).order_by(webhooks.c.id)
    return [_webhook(row) for row in await conn.execute(query)]


async def get(conn: AsyncConnection, webhook_id: int, account_id: int | None = None) -> Webhook | None:
    """The webhook of that id (in that account)."""
    query = select(webhooks).where(webhooks.c.id == webhook_id)
    if account_id is not None:
        query = query.where(webhooks.c.account_id == account_id)
    row = (await conn.execute(query)).first()
    return None if row is None else _webhook(row)


async def change(conn: AsyncConnection, webhook_id: int, **values: Any) -> None:
    """Change columns of a webhook."""
    if values:
        await conn.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(**values))


async def enable(conn: AsyncConnection, webhook_id: int) -> None:
    """Tell events there again: what waits since, too."""
    await change(
        conn,
        webhook_id,
        disabled_at=None,
        disabled_why="",
        told_at=None,
        failing_since=None,
        failures=0,
        again_at=None,
        last_error="",
    )


async def disable(conn: AsyncConnection, webhook_id: int, why: str, now: int) -> bool:
    """Tell nothing there any more; False when nothing was told before."""
    mine = webhooks.c.id == webhook_id, webhooks.c.disabled_at.is_(None)
    done = update(webhooks).where(*mine).values(disabled_at=now, disabled_why=why)
    return (await conn.execute(done)).rowcount == 1


async def untold(conn: AsyncConnection, limit: int = 20) -> list[Webhook]:
    """Webhooks that were switched off, but not by their account, which does not know it yet."""
    query = select(webhooks).where(webhooks.c.disabled_at.is_not(None), webhooks.c.told_at.is_(None))
    rows = await conn.execute(query.where(webhooks.c.disabled_why != "asked").order_by(webhooks.c.id).limit(limit))
    return [_webhook(row) for row in rows]


async def told(conn: AsyncConnection, webhook_id: int, now: int) -> bool:
    """Note that the account knows; False when somebody did so before."""
    mine = webhooks.c.id == webhook_id, webhooks.c.told_at.is_(None), webhooks.c.disabled_at.is_not(None)
    return (await conn.execute(update(webhooks).where(*mine).values(told_at=now))).rowcount == 1


async def rotate(conn: AsyncConnection, webhook: Webhook, now: int) -> int:
    """Give a webhook a new secret; the old one signs beside it for GRACE_MS. Returns the new serial."""
    await change(conn, webhook.id, serial=webhook.serial + 1, old_until=now + GRACE_MS)
    return webhook.serial + 1


async def remove(conn: AsyncConnection, webhook_id: int) -> None:
    """Forget a webhook and all that waits there."""
    for waiting in (hook_events, hook_answers):
        await conn.execute(delete(waiting).where(waiting.c.webhook_id == webhook_id))
    await conn.execute(delete(webhooks).where(webhooks.c.id == webhook_id))


def _webhook(row: Any) -> Webhook:
    return Webhook(**{name: row._mapping[name] for name in Webhook.__slots__})
