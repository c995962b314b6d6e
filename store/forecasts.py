"""What is expected of campaigns under way, and what a forecast is made from: kept in one row a campaign, so that no page
ever counts recipients.

In: campaigns, instants (UTC ms). Out: `Row` values, and what waits by recipients' domain, for whoever forecasts now and then,
never for a page. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store.states import WAITING, Status
from store.tables import campaigns, tallies
from store.tables_delivery import forecasts
from store.tallies import status_name
from store.values import CampaignState

DOMAINS = 2_000  # the most frequent domains that are told apart
SAMPLE = 30_000  # recipients that are read of a campaign
_GOING = (CampaignState.SENDING, CampaignState.SCHEDULED)
_OPEN = ", ".join(str(int(status)) for status in sorted(WAITING))


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a provider: mails an hour, and how many retries a mail cost."""

    per_hour: float
    retries: float


@dataclass(frozen=True, slots=True)
class Row:
    """The forecast of a campaign as it was worked out `at`; `remaining` are by provider its recipients at first, and those
    of them never tried; `tried` those that wait to be tried again."""

    campaign_id: int
    at: int
    ends_at: int | None
    reason: str
    provider: str
    waiting: int = 0
    remaining: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)
    tried: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The recipients of one domain that wait: how many were never tried, how many were, and when the last of these is
    due (UTC ms; 0 for none). The domain "" stands for all rare ones."""

    domain: str
    fresh: int
    tried: int
    again_at: int


async def save(conn: AsyncConnection, row: Row) -> None:
    """Write a forecast down in the place of the one before."""
    values = {
        "at": row.at, "ends_at": row.ends_at, "reason": row.reason, "provider": row.provider, "waiting": row.waiting,
        "remaining": orjson.dumps({key: [*two, row.tried.get(key, 0)] for key, two in row.remaining.items()}).decode(),
        "rates": orjson.dumps({key: [seen.per_hour, seen.retries] for key, seen in row.seen.items()}).decode(),
    }  # fmt: skip
    module = sqlite if conn.dialect.name == "sqlite" else postgresql
    new = module.insert(forecasts).values(campaign_id=row.campaign_id, **values)
    await conn.execute(new.on_conflict_do_update(index_elements=["campaign_id"], set_=values))


_OF = select(forecasts).where(forecasts.c.campaign_id.in_(bindparam("ids", expanding=True)))


async def read(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, Row]:
    """The forecasts of some campaigns."""
    found = {}
    for row in await conn.execute(_OF, {"ids": list(ids)}):
        seen = {key: Seen(*values) for key, values in orjson.loads(row.rates).items()}
        kept = orjson.loads(row.remaining)
        remaining = {key: (values[0], values[1]) for key, values in kept.items()}
        tried = {key: values[2] for key, values in kept.items() if values[2:]}  # rows of before have none
        found[row.campaign_id] = Row(
            row.campaign_id, row.at, row.ends_at, row.reason, row.provider, row.waiting, remaining, seen, tried
        )
    return found


async def lately(conn: AsyncConnection, limit: int = 20) -> dict[str, Seen]:
    """What was seen of each provider in the last campaigns, the newest first."""
    query = select(forecasts.c.rates).where(forecasts.c.rates != "{}").order_by(forecasts.c.campaign_id.desc())
    known: dict[str, Seen] = {}
    for rates in (await conn.execute(query.limit(limit))).scalars():
        for key, values in orjson.loads(rates).items():
            known.setdefault(key, Seen(*values))
    return known


async def going(conn: AsyncConnection) -> dict[int, int]:
    """The campaigns that are being sent, with how many recipients wait."""
    names = [status_name(status) for status in WAITING]
    query = (
        select(campaigns.c.id, func.sum(tallies.c.n))
        .join(tallies, tallies.c.campaign_id == campaigns.c.id)
        .where(campaigns.c.state == CampaignState.SENDING, tallies.c.name.in_(names))
        .group_by(campaigns.c.id)
        .having(func.sum(tallies.c.n) > 0)
    )
    return {row[0]: int(row[1]) for row in await conn.execute(query)}


async def rivals(conn: AsyncConnection, but: int, until: int) -> dict[int, int]:
    """The campaigns that compete with one from now (or begin before `until`), with their recipients never tried."""
    query = (
        select(campaigns.c.id, tallies.c.n)
        .join(tallies, tallies.c.campaign_id == campaigns.c.id)
        .where(
            campaigns.c.id != but,
            campaigns.c.state.in_(_GOING),
            campaigns.c.send_at <= until,
            tallies.c.name == status_name(Status.QUEUED),
            tallies.c.n > 0,
        )
    )
    return {row[0]: int(row[1]) for row in await conn.execute(query)}


_SQLITE_DOMAIN = "substr(address, instr(address, '@') + 1)"
_POSTGRES_DOMAIN = "substring(address from '[^@]*$')"
_BY_DOMAIN = """
SELECT {domain} AS domain, sum(CASE WHEN attempts = 0 THEN 1 ELSE 0 END) AS fresh, count(*) AS every,
  max(CASE WHEN attempts > 0 THEN next_attempt_at END) AS again_at
FROM recipients WHERE campaign_id = :campaign AND status IN ({open}) AND id % :of = 0 GROUP BY 1 ORDER BY 3 DESC
"""


def domain_of(dialect: str) -> str:
    """The SQL expression of an address's domain."""
    return _SQLITE_DOMAIN if dialect == "sqlite" else _POSTGRES_DOMAIN


async def by_domain(conn: AsyncConnection, campaign_id: int, count: int) -> list[Waiting]:
    """What waits of a campaign, about `count` recipients, by domain, most frequent first. Of many, one in so many is read
    that SAMPLE are, and stands for the others."""
    domain, of = domain_of(conn.dialect.name), max(1, count // SAMPLE)
    query = text(_BY_DOMAIN.format(domain=domain, open=_OPEN))
    rows = (await conn.execute(query, {"campaign": campaign_id, "of": of})).all()
    told = [Waiting(row.domain, row.fresh * of, (row.every - row.fresh) * of, row.again_at or 0) for row in rows]
    rest = told[DOMAINS:]
    if rest:
        again_at = max(one.again_at for one in rest)
        told[DOMAINS:] = [Waiting("", sum(one.fresh for one in rest), sum(one.tried for one in rest), again_at)]
    return told
