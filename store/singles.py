"""Single transactional messages: each a campaign of its own without a list, told one by one and in days by sender.

In: an open connection, an account, instants (UTC ms). Out: messages newest first, with their recipients; how many wait; sums
by day and sender. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.campaigns import _campaign
from store.reports import _SELECT, Person, _person
from store.states import WAITING, Status
from store.tables import campaigns, recipients, tallies
from store.tallies import MEASURES, status_name
from store.values import Campaign, CampaignState

DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Message:
    """One message and those who get it."""

    campaign: Campaign
    people: tuple[Person, ...]


async def page(
    conn: AsyncConnection, account_id: int, limit: int, after: int | None = None, sender: str | None = None
) -> list[Message]:
    """Up to `limit` messages older than the message `after`, newest first."""
    query = select(campaigns).where(
        campaigns.c.account_id == account_id, campaigns.c.single, campaigns.c.state != CampaignState.LOADING
    )
    if after is not None:
        query = query.where(campaigns.c.id < after)
    if sender is not None:
        query = query.where(func.lower(campaigns.c.from_address) == sender.lower())
    rows = (await conn.execute(query.order_by(campaigns.c.id.desc()).limit(limit))).all()
    return await _with_people(conn, [_campaign(row) for row in rows])


async def get(conn: AsyncConnection, account_id: int, message_id: int) -> Message | None:
    """The message of that number."""
    mine = campaigns.c.id == message_id, campaigns.c.account_id == account_id, campaigns.c.single
    row = (await conn.execute(select(campaigns).where(*mine, campaigns.c.state != CampaignState.LOADING))).first()
    return None if row is None else (await _with_people(conn, [_campaign(row)]))[0]


async def _with_people(conn: AsyncConnection, some: Sequence[Campaign]) -> list[Message]:
    found: dict[int, list[Person]] = {one.id: [] for one in some}
    query = _SELECT.where(recipients.c.campaign_id.in_(list(found))).order_by(recipients.c.id)
    for row in await conn.execute(query):
        found[row.campaign_id].append(_person(row))
    return [Message(one, tuple(found[one.id])) for one in some]


async def waiting(conn: AsyncConnection, account_id: int) -> int:
    """How many recipients of an account's single messages were not tried yet."""
    query = (
        select(func.coalesce(func.sum(tallies.c.n), 0))
        .join(campaigns, campaigns.c.id == tallies.c.campaign_id)
        .where(campaigns.c.account_id == account_id, campaigns.c.single, campaigns.c.state == CampaignState.SENDING)
        .where(tallies.c.name == status_name(Status.QUEUED))
    )
    return int(await conn.scalar(query) or 0)


@dataclass(frozen=True, slots=True)
class Day:
    """What a sender's messages of one day (UTC) amounted to."""

    day: int
    sender: str
    messages: int
    recipients: int
    statuses: dict[Status, int]
    measures: dict[str, int]

    @property
    def waiting(self) -> int:
        """Recipients without an end yet."""
        return sum(n for status, n in self.statuses.items() if status in WAITING)


async def days(conn: AsyncConnection, account_id: int, since: int, before: int) -> list[Day]:
    """The sums of each day and sender in [since, before), newest day first."""
    mine = campaigns.c.account_id == account_id, campaigns.c.single, campaigns.c.state != CampaignState.LOADING
    span = campaigns.c.created_at >= since, campaigns.c.created_at < before
    day = (campaigns.c.created_at // DAY).label("day")
    heads = select(day, campaigns.c.from_address, func.count(), func.sum(campaigns.c.recipients)).where(*mine, *span)
    found: dict[tuple[int, str], Day] = {}
    for row in await conn.execute(heads.group_by(day, campaigns.c.from_address)):
        found[int(row[0]), row[1]] = Day(int(row[0]), row[1], row[2], int(row[3]), {}, {})
    counts = select(day, campaigns.c.from_address, tallies.c.name, func.sum(tallies.c.n).label("n"))
    counts = counts.join(campaigns, campaigns.c.id == tallies.c.campaign_id).where(*mine, *span)
    statuses = {status_name(status): status for status in Status}
    for row in await conn.execute(counts.group_by(day, campaigns.c.from_address, tallies.c.name)):
        one = found[int(row[0]), row[1]]
        if row[2] in statuses:
            one.statuses[statuses[row[2]]] = int(row[3])
        elif row[2] in MEASURES:
            one.measures[row[2]] = int(row[3])
    return [found[key] for key in sorted(found, key=lambda key: (-key[0], key[1]))]
