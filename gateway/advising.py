"""The advice on one campaign: gathered while its list is read, shown in the acknowledgement, kept for later.

In: what the reading process found, what DNS told of the sender's domain, the campaign as it will go out. Out: findings, the
gravest first. Raises what the database raises.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import alignment
from gateway.alignment import Author, Way
from gateway.desk import Desk
from gateway.findings import sender
from gateway.findings.finding import Finding, from_json, sorted_by_weight
from store import advice
from store.values import Account, Campaign

Summary = dict[str, Any]


def findings(desk: Desk, account: Account, campaign: Campaign, summary: Summary, author: Author) -> list[Finding]:
    """Everything that was found about a campaign that is ready."""
    who = alignment.author_of(campaign, desk.domain)
    found = [from_json(one) for one in summary["findings"]]
    found += sender.of_sender(author, way_of(campaign, author), who, desk.domain, desk.signers)
    found += sender.of_answers(who.reply_to)
    found += sender.of_account(account, bool(campaign.options.get("bulk")))
    return sorted_by_weight(found)


def way_of(campaign: Campaign, author: Author) -> Way:
    """How a campaign goes out, as its row says."""
    if campaign.options.get("via"):
        return Way.VIA
    if any(one["code"] == "unaligned" for one in campaign.held):
        return Way.HELD
    return Way.OWN if author.signer is not None else Way.DECLARED


async def keep(conn: AsyncConnection, campaign: Campaign, found: list[Finding]) -> None:
    """Write the findings down, in the transaction that makes the campaign exist."""
    await advice.save(conn, campaign.id, [one.as_json(campaign.locale) for one in found])


async def kept(conn: AsyncConnection, campaign_id: int) -> list[Finding]:
    """The findings as they were written down."""
    return [from_json(one) for one in await advice.read(conn, campaign_id) or []]
