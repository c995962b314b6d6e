"""A campaign by its recipients' domains: counted when somebody asks, since it reads every recipient once.

In: an open connection, a campaign, how many domains are told apart. Out: frozen rows, the largest first. Raises only what the
database raises.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.forecasts import domain_of
from store.states import CANCELLED_TAB, DELIVERED_TAB, WAITING, Status


@dataclass(frozen=True, slots=True)
class Domain:
    """What became of one domain's recipients; one in error counts as failed and as waiting, as everywhere."""

    domain: str
    recipients: int
    delivered: int
    opened: int
    clicked: int
    failed: int
    waiting: int


def _among(statuses: Iterable[Status]) -> str:
    return f"sum(CASE WHEN status IN ({', '.join(str(int(one)) for one in sorted(statuses))}) THEN 1 ELSE 0 END)"


_COUNT = f"""
SELECT lower({{domain}}) AS domain, count(*) AS recipients, {_among(DELIVERED_TAB)} AS delivered,
  count(opened_at) AS opened, count(clicked_at) AS clicked, {_among(CANCELLED_TAB)} AS failed, {_among(WAITING)} AS waiting
FROM recipients WHERE campaign_id = :campaign GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :most
"""  # noqa: S608 our own words


async def largest(conn: AsyncConnection, campaign_id: int, most: int) -> tuple[Domain, ...]:
    """The domains with most recipients."""
    query = text(_COUNT.format(domain=domain_of(conn.dialect.name)))
    rows = await conn.execute(query, {"campaign": campaign_id, "most": most})
    return tuple(Domain(str(row[0]), *(int(n) for n in row[1:])) for row in rows)
