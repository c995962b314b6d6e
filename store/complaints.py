"""Complaints by provider: how many mails its servers took, how many of these were complained of.

In: the histories, read once in their order, and figures that providers report themselves. Out: counters a campaign, provider
and day of delivery, which stay when people are erased; sums of them. Raises only what the database raises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.states import Event
from store.tables import campaigns, events
from store.tables_consent import complaint_days, provider_days
from store.tables_delivery import revisions

CHUNK = 5_000  # rows of the histories read at once
SETTLED = 60_000  # ms after which a row with a smaller number can no longer appear (transactions end in any order)
_CURSOR = "provider_days"
_DAY = 86_400_000
_TOLD = (int(Event.ACCEPTED), int(Event.COMPLAIN))


@dataclass(frozen=True, slots=True)
class Told:
    """A mail that a server took (`complained` False), or a first complaint about it; `at` is when it was taken."""

    campaign_id: int
    host: str
    at: int
    complained: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of one provider; `complained` are complaints about mails that were delivered in that time."""

    provider: str
    delivered: int
    complained: int


async def unread(conn: AsyncConnection, now: int) -> tuple[list[Told], int, bool]:
    """What happened since the last call of `count`: news, the number to go on from, and whether there may be more."""
    start = await conn.scalar(select(revisions.c.n).where(revisions.c.name == _CURSOR)) or 0
    query = select(
        events.c.id, events.c.recipient_id, events.c.campaign_id, events.c.at, events.c.kind, events.c.detail
    )
    last = await conn.scalar(
        select(func.max(events.c.id)).where(
            events.c.id > start, events.c.id <= start + CHUNK, events.c.at <= now - SETTLED
        )
    )
    if last is None:  # nothing new, or numbers that were never used
        ahead = await conn.scalar(
            select(func.min(events.c.id)).where(events.c.id > start, events.c.at <= now - SETTLED)
        )
        return [], start if ahead is None else ahead - 1, ahead is not None
    wanted = query.where(
        events.c.id > start, events.c.id <= last, events.c.kind.in_(_TOLD), events.c.machine.is_(False)
    )
    rows = (await conn.execute(wanted.order_by(events.c.id))).all()
    news = [Told(row.campaign_id, _host(row.detail), row.at, False) for row in rows if row.kind == int(Event.ACCEPTED)]
    first = await _first(conn, [row.recipient_id for row in rows if row.kind == int(Event.COMPLAIN)])
    taken = await _taken(conn, [row.recipient_id for row in rows if first.get(row.recipient_id) == row.id])
    return [*news, *taken], last, True


def _host(detail: str) -> str:
    return str(orjson.loads(detail).get("host", "")).rstrip(".").lower()


async def _first(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, int]:
    query = select(events.c.recipient_id, func.min(events.c.id)).group_by(events.c.recipient_id)
    mine = events.c.recipient_id.in_(ids), events.c.kind == int(Event.COMPLAIN)
    return {row[0]: row[1] for row in await conn.execute(query.where(*mine))} if ids else {}


async def _taken(conn: AsyncConnection, ids: Sequence[int]) -> list[Told]:
    query = select(events.c.recipient_id, events.c.campaign_id, events.c.at, events.c.detail)
    mine = events.c.recipient_id.in_(ids), events.c.kind == int(Event.ACCEPTED)
    rows = (
        {row.recipient_id: row for row in await conn.execute(query.where(*mine).order_by(events.c.id))} if ids else {}
    )
    return [Told(row.campaign_id, _host(row.detail), row.at, True) for row in rows.values()]


_COUNT = text(
    "INSERT INTO provider_days (campaign_id, provider, day, delivered, complained)"
    " VALUES (:campaign_id, :provider, :day, :delivered, :complained)"
    " ON CONFLICT (campaign_id, provider, day) DO UPDATE SET delivered = provider_days.delivered + excluded.delivered,"
    " complained = provider_days.complained + excluded.complained"
)
_MOVE = text(
    "INSERT INTO revisions (name, n) VALUES ('provider_days', :n) ON CONFLICT (name) DO UPDATE SET n = excluded.n"
)


async def count(conn: AsyncConnection, news: Sequence[Told], providers: Mapping[str, str], last: int) -> None:
    """Count what was told, by the provider of each host, and remember where to go on from."""
    sums: Counter[tuple[int, str, int, bool]] = Counter()
    for one in news:
        sums[one.campaign_id, providers.get(one.host, ""), one.at // _DAY, one.complained] += 1
    rows = [
        {
            "campaign_id": campaign, "provider": provider, "day": day,
            "delivered": 0 if complained else n, "complained": n if complained else 0,
        }
        for (campaign, provider, day, complained), n in sorted(sums.items())
    ]  # fmt: skip
    if rows:
        await conn.execute(_COUNT, rows)
    await conn.execute(_MOVE, {"n": last})


_TELL = text("INSERT INTO revisions (name, n) VALUES (:name, :n) ON CONFLICT (name) DO UPDATE SET n = excluded.n")
_ABOVE = "complaints:"


async def told(conn: AsyncConnection) -> dict[str, int]:
    """On which day the operator was told of a provider's complaints, last."""
    query = select(revisions.c.name, revisions.c.n).where(revisions.c.name.startswith(_ABOVE))
    return {row.name.removeprefix(_ABOVE): int(row.n) for row in await conn.execute(query)}


async def tell(conn: AsyncConnection, providers: Sequence[str], day: int) -> None:
    """Note that the operator is told of these providers."""
    await conn.execute(_TELL, [{"name": _ABOVE + provider, "n": day} for provider in providers])


async def figures(
    conn: AsyncConnection, since: int, account_id: int | None = None, campaign_id: int | None = None
) -> list[Figures]:
    """The sums since a day (days since 1970), most delivered first."""
    query = select(
        provider_days.c.provider, func.sum(provider_days.c.delivered).label("n"), func.sum(provider_days.c.complained)
    ).where(provider_days.c.day >= since)
    if campaign_id is not None:
        query = query.where(provider_days.c.campaign_id == campaign_id)
    if account_id is not None:
        mine = select(campaigns.c.id).where(campaigns.c.account_id == account_id)
        query = query.where(provider_days.c.campaign_id.in_(mine))
    rows = await conn.execute(
        query.group_by(provider_days.c.provider).order_by(text("n DESC"), provider_days.c.provider)
    )
    return [Figures(row[0], int(row[1]), int(row[2])) for row in rows]


@dataclass(frozen=True, slots=True)
class Reported:
    """Complaints of a day that a provider counted itself."""

    day: int
    provider: str
    ip: str
    n: int


_REPORT = text(
    "INSERT INTO complaint_days (source, day, provider, ip, n) VALUES (:source, :day, :provider, :ip, :n)"
    " ON CONFLICT (source, day, provider, ip) DO UPDATE SET n = excluded.n"
)


async def report(conn: AsyncConnection, source: str, rows: Sequence[Reported]) -> None:
    """Keep reported figures; those of the same day, provider and address that were there are replaced."""
    if rows:
        await conn.execute(
            _REPORT,
            [{"source": source, "day": one.day, "provider": one.provider, "ip": one.ip, "n": one.n} for one in rows],
        )


async def reported(conn: AsyncConnection, since: int) -> dict[tuple[str, str], int]:
    """Reported complaints since a day, by source and provider ("" where the source names none)."""
    query = select(complaint_days.c.source, complaint_days.c.provider, func.sum(complaint_days.c.n)).where(
        complaint_days.c.day >= since
    )
    rows = await conn.execute(query.group_by(complaint_days.c.source, complaint_days.c.provider))
    return {(row[0], row[1]): int(row[2]) for row in rows}
