"""What a batch of events brings beyond its recipients: suppressions, strikes, figures of accounts, pauses of campaigns.

In: what store.events gathered while it applied a batch, in its transaction, once the counters are written. Out: rows of
suppressions, strikes, account_days and brakes. Batches without bad news (nearly all) cost nothing. Raises only what the
database raises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store import brakes, strikes, suppressions
from store.strikes import Strike
from store.suppressions import SuppressionKeys, fold
from store.tables import campaigns
from store.tables_align import account_rules

DAY = 86_400_000
SOFT, LEFT = "soft_bounce", "unsubscribe"

_COUNT = text(
    "INSERT INTO account_days (account_id, day, claimed, final, hard, complaints)"
    " VALUES (:account_id, :day, 0, 0, :hard, :complaints)"
    " ON CONFLICT (account_id, day) DO UPDATE SET hard = account_days.hard + excluded.hard,"
    " complaints = account_days.complaints + excluded.complaints"
)


@dataclass(slots=True)
class News:
    """What a batch brought: recipients with reason and time, full mailboxes, mailboxes that are not full any more."""

    suppress: list[tuple[int, str, int]] = field(default_factory=list)
    scopes: dict[int, str] = field(default_factory=dict)  # of leavers who said what they leave: account or sender
    full: list[tuple[int, int, bool]] = field(default_factory=list)  # recipient, at, told by a late report
    cleared: list[int] = field(default_factory=list)
    hard: Counter[int] = field(default_factory=Counter)  # by campaign
    complaints: Counter[int] = field(default_factory=Counter)
    at: int = 0

    def __bool__(self) -> bool:
        return bool(self.suppress or self.full or self.cleared or self.hard or self.complaints)

    @property
    def recipients(self) -> list[int]:
        return [*(one[0] for one in self.suppress), *(one[0] for one in self.full), *self.cleared]


async def write(
    conn: AsyncConnection, news: News, rows: Mapping[int, Mapping[str, Any]], keys: SuppressionKeys
) -> None:
    """Write what follows from a batch; `rows` are its recipients."""
    used = {rows[one]["campaign_id"] for one in news.recipients} | set(news.hard) | set(news.complaints)
    if not used:
        return
    query = select(campaigns.c.id, campaigns.c.account_id, campaigns.c.sender_id, account_rules.c.leaving).outerjoin(
        account_rules, account_rules.c.account_id == campaigns.c.account_id
    )
    found = {row.id: row for row in await conn.execute(query.where(campaigns.c.id.in_(used)))}
    accounts: dict[int, int] = {one: row.account_id for one, row in found.items()}
    await _suppress(conn, news, rows, found, keys)
    await _clear(conn, news, rows, accounts, keys)
    if news.hard or news.complaints:
        await _count(conn, news, accounts)
        await brakes.check(conn, {*news.hard, *news.complaints}, keys.rules, news.at)


async def _suppress(
    conn: AsyncConnection,
    news: News,
    rows: Mapping[int, Mapping[str, Any]],
    found: Mapping[int, Any],
    keys: SuppressionKeys,
) -> None:
    def owner(recipient: int, reason: str) -> int:
        campaign = found[rows[recipient]["campaign_id"]]
        if reason == LEFT and news.scopes.get(recipient, campaign.leaving) == suppressions.SENDER:
            return suppressions.mailing(campaign.sender_id)
        return int(campaign.account_id)

    def entry(recipient: int, reason: str, at: int) -> dict[str, Any]:
        row = rows[recipient]
        return {
            "account_id": owner(recipient, reason),
            "key": keys.hash(fold(row["address"])),
            "address": row["address"],
            "reason": reason,
            "at": at,
            "campaign_id": row["campaign_id"],
            "expires_at": at + keys.rules.soft_ms if reason == SOFT else None,
        }

    entries = [entry(*one) for one in news.suppress]
    told = {}
    for recipient, at, late in news.full:
        campaign_id = rows[recipient]["campaign_id"]
        key = keys.hash(fold(rows[recipient]["address"]))
        told[Strike(found[campaign_id].account_id, key, campaign_id, at, late)] = recipient
    for strike in await strikes.count(conn, list(told), keys.rules) if told else ():
        entries.append(entry(told[strike], SOFT, strike.at))
    await suppressions.add(conn, entries)


async def _clear(
    conn: AsyncConnection,
    news: News,
    rows: Mapping[int, Mapping[str, Any]],
    accounts: Mapping[int, int],
    keys: SuppressionKeys,
) -> None:
    digests: dict[int, list[bytes]] = {}
    for recipient in news.cleared:
        row = rows[recipient]
        digests.setdefault(accounts[row["campaign_id"]], []).extend(keys.hashes(fold(row["address"])))
    for account_id, mine in sorted(digests.items()):
        await strikes.clear(conn, account_id, mine)


async def _count(conn: AsyncConnection, news: News, accounts: Mapping[int, int]) -> None:
    """Count bad answers in the day of their account: its quota rises with clean days only."""
    hard, complaints = Counter[int](), Counter[int]()
    for campaign_id, n in news.hard.items():
        hard[accounts[campaign_id]] += n
    for campaign_id, n in news.complaints.items():
        complaints[accounts[campaign_id]] += n
    day = news.at // DAY
    for account_id in sorted({*hard, *complaints}):
        values = {"account_id": account_id, "day": day, "hard": hard[account_id]}
        await conn.execute(_COUNT, values | {"complaints": complaints[account_id]})
