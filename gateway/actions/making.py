"""One campaign made from another: the same message and settings, other lines.

In: the desk, an action that is ready. Out: a new campaign with its letter, or the reason why there is none; the action
ends in the transaction that makes the campaign exist, so a crash at any point leaves either both or neither, and what was
half-written is removed and begun anew. A new list is read by the reading process as the first one was. Raises what the
database and the reading process raise. Logs campaign_created, campaign_held and campaign_changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from config.durations import milliseconds
from config.logging import log
from gateway.actions import lines, wishes
from gateway.figures import forecasting
from gateway.intake import alignment, faulty, filing, journal, judge
from gateway.intake.desk import Desk, wipe
from gateway.intake.domains import without_mail
from gateway.intake.loading import DUE, Plan, Tally, load
from gateway.letters import notice, remade
from gateway.letters.held import reason
from store import accounts, actions, campaigns, files, forecasts, replays, talks
from store.actions import Action, Power, Stage
from store.engine import now_ms
from store.replays import Target
from store.spool import Envelope
from store.values import Account, Campaign, CampaignState, NewCampaign, Sender

Outcome = dict[str, Any]
Lines = AsyncIterator[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """What a new campaign is made from; `sender` is who it goes out as, `author` who is told."""

    action: Action
    campaign: Campaign
    account: Account
    sender: Sender
    author: str
    raw: bytes

    @property
    def ref(self) -> str:
        """The name under which its lines wait on the disk."""
        return f"action-{self.action.id}"

    @property
    def modifies(self) -> bool:
        """Whether the new campaign takes the place of the old one."""
        return self.action.power is Power.MODIFY


async def make(desk: Desk, action: Action) -> None:
    """Carry out a replay, or a modification that brings a list."""
    source = await _source(desk, action)
    if not isinstance(source, Source):
        await refuse(desk, action, source)
        return
    if action.wish.get("to") == Target.LIST or action.wish.get("list"):
        refusal = await _from_list(desk, source)
    else:
        target = Target(action.wish["to"])
        chunks = lines.again(desk, source.campaign, target, action.wish)
        refusal = await _create(desk, source, _new(desk, source), chunks, {})
    if refusal is not None:
        await refuse(desk, action, refusal)


async def refuse(desk: Desk, action: Action, outcome: Outcome) -> None:
    """End an action that cannot be carried out; its history says why."""
    async with desk.database.write() as conn:
        await actions.finish(conn, action.id, Stage.REFUSED, outcome, now_ms())


async def _source(desk: Desk, action: Action) -> Source | Outcome:
    async with desk.database.read() as conn:
        campaign = await campaigns.get(conn, action.campaign_id)
        account = await accounts.get_account(conn, action.account_id)
        talk = await talks.get(conn, action.campaign_id)
        if campaign is None or account is None or campaign.erased_at is not None:
            return {"why": "gone"}
        author = await accounts.find_sender(conn, talk.author if talk and talk.author else campaign.from_address)
        sender = await accounts.find_sender(conn, str(action.wish.get("sender") or campaign.from_address))
        raw = await campaigns.source(conn, campaign.blob_id)
    if account.suspended:
        return {"why": "suspended"}
    if not raw or _past(desk, campaign):
        return {"why": "gone"}
    if sender is None or sender.account_id != account.id:
        return {"why": "undeclared"}
    told = author.address if author is not None and author.account_id == account.id else sender.address
    return Source(action, campaign, account, sender, told, raw)


def _past(desk: Desk, campaign: Campaign) -> bool:
    kept = milliseconds(desk.settings.retention.report)
    return campaign.finished_at is not None and campaign.finished_at + kept <= now_ms()


def _new(desk: Desk, source: Source, summary: dict[str, Any] | None = None) -> NewCampaign:
    """The campaign to be made; a summary is that of the message read with a new list."""
    old, wish = source.campaign, source.action.wish
    footer_name, footer_address = judge.footer(source.account)
    options = {name: value for name, value in old.options.items() if name != "via"}
    options |= {"footer_name": footer_name, "footer_address": footer_address}
    columns, column, links = old.columns, old.address_column, old.links
    if summary is not None:
        columns, column, links = tuple(summary["columns"]), summary["address_column"], tuple(summary["links"])
        options |= {"documents": summary.get("documents")}
        options |= {"attachments": "links" if summary.get("carriage", {}).get("links") else "attached"}
    subject = str(wish.get("subject") or old.subject)
    changed = source.sender.address.casefold() != old.from_address.casefold()
    at = wish.get("send_at") or (old.send_at if source.modifies else None)
    return NewCampaign(
        account_id=old.account_id,
        sender_id=source.sender.id,
        subject=subject,
        name=subject if old.name == old.subject else old.name,
        from_name=source.sender.name if changed else old.from_name,
        from_address=source.sender.address if changed else old.from_address,
        reply_to=old.reply_to,
        message_id=old.message_id,
        message_key=hashlib.sha256(b"action %d" % source.action.id).hexdigest(),
        locale=old.locale,
        timezone=old.timezone,
        columns=columns,
        address_column=column,
        options=options,
        held=tuple(judge.held(source.account, _choices(options))),
        send_at=at,
        created_at=now_ms(),
        links=links,
    )


def _choices(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "tracking": options.get("tracking", "auto"),
        "type": options.get("type", "marketing"),
        "unsubscribe": options.get("unsubscribe", True),
    }


async def _from_list(desk: Desk, source: Source) -> Outcome | None:
    """Read the message again with the new list in the place of its own."""
    async with desk.database.read() as conn:
        brought = await actions.attached(conn, source.action.id)
    if brought is None:
        return {"why": "list", "text": ""}
    message, reply = (desk.spool.folder / "tmp" / f"{source.ref}.{name}" for name in ("source", "list"))
    mail = carried(*brought)
    try:
        await asyncio.to_thread(message.write_bytes, b"\n" + source.raw)  # the reading process skips a first line
        await asyncio.to_thread(reply.write_bytes, b"\n" + mail)
        return await _read(desk, source, message, reply, len(source.raw) + len(mail))
    finally:
        for path in (message, reply):
            await asyncio.to_thread(path.unlink, missing_ok=True)


async def _read(desk: Desk, source: Source, message: Path, reply: Path, size: int) -> Outcome | None:
    # the clock of then: a date in Config that has passed since is no fault of today
    envelope = Envelope("campaign", "", (), "", "web", source.campaign.created_at, source.account.id)
    request = judge.request(desk, source.account, envelope, str(message)) | {"reply": str(reply)}
    async with contextlib.aclosing(desk.readers.ask(request, size)) as found:  # type: ignore[type-var]
        summary = await anext(found)
        refusal = _unfit(source, summary)
        if refusal is None:
            refusal = await _create(desk, source, _new(desk, source, summary), found, summary)
        async for _ in found:  # to the very end: the process goes back to the pool only then
            pass
    return refusal


def carried(name: str, data: bytes) -> bytes:
    """A mail that brings a list, whatever the file was called; its kind is told by content."""
    ending = re.search(r"\.([A-Za-z0-9]{1,5})$", name)
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = "LISTE"
    mail.set_content("")
    file = f"LISTE.{ending[1].lower()}" if ending else "LISTE.txt"
    mail.add_attachment(data, "application", "octet-stream", filename=file)
    return bytes(mail)


def _unfit(source: Source, summary: dict[str, Any]) -> Outcome | None:
    """Why the message cannot go to this list."""
    if (refused := summary["refused"]) is not None:
        return {"why": "list", "text": refused["code"]}
    wrong = [one for one in summary["held"] if one["code"] != "config"]  # the settings are the campaign's own
    if wrong:
        return {"why": "held", "text": " ".join(reason(source.campaign.locale, one) for one in wrong[:3])}
    subject = str(source.action.wish.get("subject") or source.campaign.subject)
    if (doubt := wishes.subject_doubt(subject, tuple(summary["columns"]))) is not None:
        return {"why": "subject", "text": doubt.text}
    return None


async def _create(
    desk: Desk, source: Source, new: NewCampaign, chunks: Lines, summary: dict[str, Any]
) -> Outcome | None:
    """Write the campaign and its lines, then make them exist at once with the letter and the end of the action."""
    begun = await _begin(desk, source, new)
    try:
        refusal = await _fill(desk, source, new, begun, chunks, summary)
        if refusal is not None:
            await wipe(desk.database, begun)
    except BaseException:
        await wipe(desk.database, begun)
        raise
    return refusal


async def _begin(desk: Desk, source: Source, new: NewCampaign) -> int:
    async with desk.database.write() as conn:
        begun = await campaigns.begin(conn, new, source.raw)
    if isinstance(begun, campaigns.Existing):  # a crash left it half-written
        await wipe(desk.database, begun.campaign_id)
        async with desk.database.write() as conn:
            begun = await campaigns.begin(conn, new, source.raw)
    if isinstance(begun, campaigns.Existing):
        raise RuntimeError(f"action {source.action.id} has its campaign {begun.campaign_id} already")
    return begun


async def _fill(
    desk: Desk, source: Source, new: NewCampaign, begun: int, chunks: Lines, summary: dict[str, Any]
) -> Outcome | None:
    if summary:
        await filing.store(desk, begun, summary, chunks, new.options["files_days"])
    elif not await _copy_files(desk, source, begun):
        return {"why": "files_gone"}
    dead = (
        await without_mail(desk.resolver, summary["domains"], tuple(desk.settings.delivery.routes)) if summary else {}
    )
    plan = Plan(
        begun, new.account_id, new.locale, new.timezone, source.account.attested, str(new.options.get("tracking", "auto")),
        dead, DUE, judge.hygiene(source.account, _choices(dict(new.options))), source.author, new.sender_id,
    )  # fmt: skip
    tally = await load(desk, plan, chunks, faulty.copy_of(desk, source.ref))
    if not tally.people:
        return {"why": "nobody"}
    told = await alignment.look(desk.resolver, desk.signers, new.from_address)
    async with desk.database.write() as conn:
        token = campaigns.report_token(desk.report_secret, begun)
        campaign = await campaigns.prepare(conn, begun, token, now_ms())
        campaign = await alignment.settle(conn, campaign, told)
    return await _reveal(desk, source, campaign, tally)


async def _copy_files(desk: Desk, source: Source, begun: int) -> bool:
    """Keep the attachments that are sent as links for the new campaign, too; False when they are gone."""
    if source.campaign.options.get("attachments") != "links":
        return True
    async with desk.database.read() as conn:
        known = await files.of_campaign(conn, source.campaign.id)
    for file in known:
        async with desk.database.write() as conn:
            copy = await files.take_over(conn, file, begun)
        for n in range(-(-file.size // files.PIECE)):
            async with desk.database.write() as conn:
                piece = await files.piece(conn, file.id, n)
                if piece is None:
                    return False
                await files.append(conn, copy, n, piece)
    return bool(known)


async def _reveal(desk: Desk, source: Source, campaign: Campaign, tally: Tally) -> Outcome | None:
    old, action = source.campaign, source.action
    if source.modifies and old.state is CampaignState.PAUSED and campaign.state is not CampaignState.HELD:
        campaign = replace(campaign, state=CampaignState.PAUSED)
    ahead = await forecasting.first(desk, campaign, tally.domains)
    letter = await remade.letter(desk, source.ref, source.author, action, old, campaign)
    raw, now = await notice.built(desk, letter), now_ms()
    outcome = {"campaign": campaign.id, "recipients": campaign.recipients}
    async with desk.database.write() as conn:
        if source.modifies and not await replays.give_place(conn, old.id, now):
            return {"why": "over"}  # its time came meanwhile
        if not await actions.finish(conn, action.id, Stage.DONE, outcome, now):
            return {"why": "over"}
        await campaigns.reveal(conn, campaign, replaces=False)
        await talks.begin(conn, campaign.id, source.author, (), now)
        await forecasts.save(conn, ahead)
        await notice.queue(conn, letter, raw)
    log("campaign_changed", campaign=old.id, state=action.power.value, by=action.via)
    journal.created(source.ref, campaign)
    return None
