"""The advice on one campaign: asked for while its list is read, shown in the acknowledgement, kept for later.

In: what the reading process found, what DNS, spam filters and web servers tell, the campaign as it will go out. Out:
findings, the gravest first; the campaign, held where its account wants that for grave ones. Raises what the database raises.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from config.durations import milliseconds
from gateway.findings import links, listing, score, sender
from gateway.findings.catalogue import Severity
from gateway.findings.finding import Finding, from_json, said, sorted_by_weight
from gateway.intake import alignment
from gateway.intake.alignment import Author, Way
from gateway.intake.desk import Desk
from gateway.intake.loading import Tally
from mail.fetch import Client
from store import advice, rulings
from store.engine import now_ms
from store.talks import waits
from store.values import Account, Campaign

Summary = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What others told about a campaign that is not there yet."""

    author: Author
    findings: tuple[Finding, ...] = ()


async def ask(desk: Desk, summary: Summary, address: str) -> Told:
    """Ask DNS about the sender's domain and, where the settings say so, spam filters and web servers, all at once."""
    author, scored, linked = await asyncio.gather(
        alignment.look(desk.resolver, desk.signers, address), _scores(desk, summary), _links(desk, summary)
    )
    return Told(author, (*scored, *linked))


async def _scores(desk: Desk, summary: Summary) -> list[Finding]:
    settings = desk.settings.advice
    raw = b64decode(summary.get("specimen", ""))
    return await score.of_mail(raw, settings, _client(desk, settings.spam_timeout)) if raw else []


async def _links(desk: Desk, summary: Summary) -> list[Finding]:
    settings = desk.settings.advice
    if not settings.check_links:
        return []
    patience = milliseconds(settings.link_timeout) / 1000
    return await links.of_links(summary.get("links", ()), _client(desk, settings.link_timeout), patience)


def _client(desk: Desk, timeout: str) -> Client:
    agent = f"mail2campaign (+{desk.settings.gateway.url})"
    return Client(desk.resolver, desk.settings.tls.ca_file, timeout=milliseconds(timeout) / 1000, agent=agent)


async def conclude(
    desk: Desk, account: Account, campaign: Campaign, summary: Summary, told: Told, tally: Tally
) -> tuple[Campaign, list[Finding]]:
    """Everything that was found about a campaign whose lines are written; it comes back held where that is wanted."""
    who = alignment.author_of(campaign, desk.domain)
    found = [*(from_json(one) for one in summary["findings"]), *told.findings]
    found += sender.of_sender(told.author, way_of(campaign, told.author), who, desk.domain, desk.signers)
    found += sender.of_answers(who.reply_to)
    found += sender.of_account(account, bool(campaign.options.get("bulk")))
    found += listing.of_lines(tally.lines, tally.kinds)
    digests = [digest for address in summary["sample"] for digest in desk.suppression.hashes(address)]
    async with desk.database.read() as conn:
        known, any_known = await advice.known(conn, account.id, digests), await advice.any_known(conn, account.id)
        rules = await rulings.rules_of(conn, account.id)
    found += listing.of_use(len(summary["sample"]), known, any_known, bool(summary["asks"]))
    found = sorted_by_weight(found)
    grave = [one for one in found if one.severity is Severity.SERIOUS]
    if not grave or not rules.advice_holds or campaign.options.get("test"):
        return campaign, found
    async with desk.database.write() as conn:
        for one in grave:
            campaign = await rulings.hold(conn, campaign, {"code": "advice", "text": said(campaign.locale, one)})
    return campaign, found


def way_of(campaign: Campaign, author: Author) -> Way:
    """How a campaign goes out, as its row says."""
    if campaign.options.get("via"):
        return Way.VIA
    if any(one["code"] == "unaligned" for one in campaign.held):
        return Way.HELD
    return Way.OWN if author.signer is not None else Way.DECLARED


async def keep(conn: AsyncConnection, desk: Desk, campaign: Campaign, summary: Mapping[str, Any]) -> None:
    """Write down what was advised and who is known now, in the transaction that makes the campaign exist."""
    await advice.save(conn, campaign.id, [one.as_json(campaign.locale) for one in summary["advice"]])
    if not campaign.options.get("test") and (not campaign.held or waits(campaign.state, campaign.held)):
        digests = [desk.suppression.hash(address) for address in summary["sample"]]  # outlive the addresses
        await advice.remember(conn, campaign.account_id, digests, now_ms())


async def kept(conn: AsyncConnection, campaign_id: int) -> list[Finding]:
    """The findings as they were written down."""
    return [from_json(one) for one in await advice.read(conn, campaign_id) or []]
