"""Links that only read a campaign's report: of those whom Config names (Accusé à), and of whom it is shared with later.

In: an open connection; the secret that report addresses are made with. Out: tokens, which follow from the secret, the
campaign and a serial (from 1; serial 0 is the author's own link, which also stops and pauses), so that only their hashes
are kept; a link may expire and be revoked. The author's link is replaced by `renew`: the one before stays known as revoked.
Nothing is raised but what the database raises.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store import campaigns
from store.tables import campaigns as campaigns_table
from store.tables_talks import report_links
from store.values import Campaign


@dataclass(frozen=True, slots=True)
class Link:
    """One link that reads; `revoked_at` and `expires_at` in UTC ms."""

    campaign_id: int
    serial: int
    address: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None

    def works(self, now: int) -> bool:
        """Whether it opens the report now (UTC ms)."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


async def add(
    conn: AsyncConnection, secret: bytes, campaign_id: int, address: str, now: int, expires_at: int | None = None
) -> str:
    """Make a link for somebody and return its token."""
    serial = await following(conn, campaign_id)
    token = campaigns.report_token(secret, campaign_id, serial)
    row = {
        "campaign_id": campaign_id, "serial": serial, "token_hash": _hash(token), "address": address,
        "created_at": now, "expires_at": expires_at,
    }  # fmt: skip
    await conn.execute(insert(report_links), row)
    return token


async def following(conn: AsyncConnection, campaign_id: int) -> int:
    """The serial that the next link will have."""
    last = select(func.max(report_links.c.serial)).where(report_links.c.campaign_id == campaign_id)
    return (await conn.scalar(last) or 0) + 1


async def of(conn: AsyncConnection, campaign_id: int) -> list[Link]:
    """Every link of a campaign, oldest first, those that work no more included."""
    query = select(report_links).where(report_links.c.campaign_id == campaign_id).order_by(report_links.c.serial)
    return [_link(row) for row in await conn.execute(query)]


async def find(conn: AsyncConnection, token: str, now: int) -> Campaign | None:
    """The campaign whose report a token may read now."""
    valid = or_(report_links.c.expires_at.is_(None), report_links.c.expires_at > now)
    query = select(report_links.c.campaign_id).where(
        report_links.c.token_hash == _hash(token), report_links.c.revoked_at.is_(None), valid
    )
    campaign_id = await conn.scalar(query)
    return None if campaign_id is None else await campaigns.get(conn, campaign_id)


async def revoke(conn: AsyncConnection, campaign_id: int, serial: int, now: int) -> bool:
    """End a link at once; False when there is none, or it has ended."""
    query = update(report_links).where(
        report_links.c.campaign_id == campaign_id, report_links.c.serial == serial, report_links.c.revoked_at.is_(None)
    )
    return (await conn.execute(query.values(revoked_at=now))).rowcount == 1


async def renew(conn: AsyncConnection, secret: bytes, campaign: Campaign, address: str, now: int) -> str:
    """End the author's link of a campaign and return the token of the one that takes its place."""
    row = select(campaigns_table.c.report_hash, campaigns_table.c.link_round)
    old = (await conn.execute(row.where(campaigns_table.c.id == campaign.id))).one()
    if old.report_hash is not None:
        ended = {
            "campaign_id": campaign.id, "serial": await following(conn, campaign.id), "token_hash": old.report_hash,
            "address": address, "created_at": campaign.created_at, "revoked_at": now,
        }  # fmt: skip
        await conn.execute(insert(report_links), ended)
    token = campaigns.report_token(secret, campaign.id, 0, old.link_round + 1)
    values = {"report_hash": _hash(token), "link_round": old.link_round + 1}
    await conn.execute(update(campaigns_table).where(campaigns_table.c.id == campaign.id).values(**values))
    return token


async def ended(conn: AsyncConnection, token: str, now: int) -> bool:
    """Whether a token is that of a link which worked once, and was revoked or has expired."""
    over = or_(report_links.c.revoked_at.is_not(None), report_links.c.expires_at <= now)
    query = select(report_links.c.serial).where(report_links.c.token_hash == _hash(token), over)
    return await conn.scalar(query) is not None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _link(row: Any) -> Link:
    return Link(row.campaign_id, row.serial, row.address, row.created_at, row.expires_at, row.revoked_at)
