"""Whom a campaign's letters and confirmations go to: the declared sender who wrote it.

In: an open connection, a campaign. Out: an address. Raises what the database raises.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from store import accounts, talks
from store.values import Campaign


async def author(conn: AsyncConnection, campaign: Campaign) -> str:
    """Who sent a campaign, while they are a declared sender of its account; else the address it is sent as."""
    talk = await talks.get(conn, campaign.id)
    sender = await accounts.find_sender(conn, talk.author) if talk is not None and talk.author else None
    return sender.address if sender is not None and sender.account_id == campaign.account_id else campaign.from_address
