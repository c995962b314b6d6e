"""Sites that take nothing, or less, from a source for a time: written by whoever was told so, read by every sender.

In: pauses that follow from replies, instants (UTC ms). Out: those in force. A pause is only ever made longer here; `clear`
is an operator's word. The operator is told of a new one once (store/alerts reads `told`). Raises only what the database
raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import campaigns, recipients
from store.tables_delivery import pauses, sources
from store.values import CampaignState

QUIET = 86_400_000  # ms without the same thing after which the operator is told of it again
_OVER = 7 * 86_400_000  # ms after which a pause that has ended is forgotten


class Kind(StrEnum):
    """Nothing leaves; less leaves; nothing changes, but the operator is to know."""

    PAUSE = "pause"
    SLOW = "slow"
    NOTE = "note"


_WEIGHT = {Kind.NOTE: 0, Kind.SLOW: 1, Kind.PAUSE: 2}


@dataclass(frozen=True, slots=True)
class Pause:
    """A site ("": all of them) and a source (0: any); `reason` is a class of parsers.classify, `rate` mails an hour."""

    site: str
    source_id: int
    until: int
    reason: str
    provider: str = ""
    reply: str = ""
    kind: Kind = Kind.PAUSE
    rate: int | None = None
    rule: str = ""
    since: int = 0
    address: str = ""  # the source's, where it has one


_ACTIVE = (
    select(pauses, sources.c.address)
    .outerjoin(sources, sources.c.id == pauses.c.source_id)
    .where(pauses.c.until > bindparam("now"))
    .order_by(pauses.c.since, pauses.c.site)
)


async def active(conn: AsyncConnection, now: int) -> list[Pause]:
    """The pauses and slow-downs in force, and the notes; oldest first."""
    return [
        Pause(
            row.site, row.source_id, row.until, row.reason, row.provider, row.reply, Kind(row.kind), row.rate, row.rule,
            row.since, row.address or "",
        )
        for row in await conn.execute(_ACTIVE, {"now": now})
    ]  # fmt: skip


async def set(conn: AsyncConnection, new: Sequence[Pause], now: int, *, alert: frozenset[str] = frozenset()) -> None:
    """Write pauses down, or make those in force longer; of those whose rule is in `alert` the operator is to be told."""
    await conn.execute(delete(pauses).where(pauses.c.until < now - _OVER))
    module = sqlite if conn.dialect.name == "sqlite" else postgresql
    for one in new:
        mine = pauses.c.site == one.site, pauses.c.source_id == one.source_id
        old = (await conn.execute(select(pauses).where(*mine).with_for_update())).first()
        same = old is not None and old.rule == one.rule and old.since > now - QUIET
        untold = one.rule in alert and (not same or (old is not None and not old.told))
        values: dict[str, object] = {
            "provider": one.provider, "since": now, "until": one.until, "reason": one.reason, "reply": one.reply[:2_000],
            "kind": one.kind, "rate": one.rate, "rule": one.rule, "told": not untold,
        }  # fmt: skip
        if old is not None and old.until > now:
            if _WEIGHT[Kind(old.kind)] > _WEIGHT[one.kind]:
                continue
            if old.kind == one.kind and old.rule == one.rule:
                values |= {"since": old.since, "told": old.told, "until": max(old.until, one.until)}
            elif old.kind == one.kind:
                values |= {"until": max(old.until, one.until), "told": bool(values["told"]) and old.told}
        row = module.insert(pauses).values(site=one.site, source_id=one.source_id, **values)
        await conn.execute(row.on_conflict_do_update(index_elements=["site", "source_id"], set_=values))


async def clear(conn: AsyncConnection, site: str, source_id: int | None = None, *, now: int | None = None) -> int:
    """End the pauses of a site (of one source, or of all), by an operator's word; returns how many there were. With `now`,
    mails that were put off until then are due again."""
    mine = [pauses.c.site == site]
    if source_id is not None:
        mine.append(pauses.c.source_id == source_id)
    ended = (
        await conn.execute(delete(pauses).where(*mine).returning(pauses.c.kind, pauses.c.since, pauses.c.until))
    ).all()
    for row in ended:
        if now is not None and row.kind == Kind.PAUSE and row.until > now:
            # senders spread what they put off over a tenth of the wait (mta.pool)
            late = row.until + (row.until - row.since) // 10 + 1_000
            going = select(campaigns.c.id).where(campaigns.c.state == CampaignState.SENDING)
            waiting = update(recipients).where(
                recipients.c.campaign_id.in_(going),
                recipients.c.owner.is_(None),
                recipients.c.next_attempt_at.between(row.until - 1_000, late),
                recipients.c.attempts == 0,
            )
            await conn.execute(waiting.values(next_attempt_at=now))
    return len(ended)
