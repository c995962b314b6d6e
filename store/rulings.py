"""What an account wants of unaligned senders, of advice and of unsubscribing, and under which address a campaign goes out.

In: an open connection and plain values. Out: `Rules`, campaigns as they are now. Raises what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import campaigns
from store.tables_align import account_rules
from store.values import Campaign, CampaignState


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one account."""

    unaligned_held: bool = False  # else sent via the gateway
    advice_holds: bool = False  # a serious finding holds the campaign
    leaving_sender: bool = False  # who unsubscribes leaves the campaigns of that sender address; else of the account


async def rules_of(conn: AsyncConnection, account_id: int) -> Rules:
    """The rules in force for an account."""
    row = (await conn.execute(select(account_rules).where(account_rules.c.account_id == account_id))).first()
    return Rules() if row is None else Rules(row.unaligned == "hold", bool(row.advice_holds), row.leaving == "sender")


async def set_rules(conn: AsyncConnection, account_id: int, rules: Rules) -> None:
    """Give an account its rules."""
    values = {
        "unaligned": "hold" if rules.unaligned_held else "via",
        "advice_holds": rules.advice_holds,
        "leaving": "sender" if rules.leaving_sender else "account",
    }
    changed = update(account_rules).where(account_rules.c.account_id == account_id).values(**values)
    if not (await conn.execute(changed)).rowcount:
        await conn.execute(insert(account_rules), {"account_id": account_id} | values)


async def send_via(conn: AsyncConnection, campaign: Campaign) -> Campaign:
    """Let a campaign that is not yet revealed go out via the gateway."""
    options = dict(campaign.options) | {"via": True}
    row = update(campaigns).where(campaigns.c.id == campaign.id)
    await conn.execute(row.values(options=orjson.dumps(options).decode()))
    return replace(campaign, options=options)


async def hold(conn: AsyncConnection, campaign: Campaign, reason: Mapping[str, Any]) -> Campaign:
    """Hold a campaign that is not yet revealed for one more reason."""
    held = (*campaign.held, reason)
    row = update(campaigns).where(campaigns.c.id == campaign.id)
    await conn.execute(row.values(held=orjson.dumps([dict(one) for one in held]).decode()))
    return replace(campaign, held=held, state=CampaignState.HELD)
