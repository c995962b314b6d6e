"""The acknowledgement: what was made of a mail, what to improve, and where to follow it (SPEC 4).

In: a prepared (or known) campaign and the summary of its mail. Out: one letter, built, with LISTE_corrigee.xlsx when
lines had faults. The same message again gets the same acknowledgement. Raises what the database raises; a workbook that
cannot be made is said, not fatal. Logs failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any

from config.logging import log
from gateway import advice, notice
from gateway.brakes import quota_note
from gateway.corrected import ALL_LINES, NAME
from gateway.desk import Desk
from gateway.destinations import watch
from gateway.expected import sentence
from gateway.held import reason
from gateway.i18n import instant, number, plural, text
from gateway.letter import Block, Button, Facts, Figures, Points, Sample, Say
from gateway.notice import Letter
from gateway.readers import Unread
from mail.system import File
from parsers.tokens import Purpose, sign
from store import campaigns
from store.engine import now_ms
from store.forecasts import Row
from store.talks import waits
from store.values import Account, Campaign, CampaignState

_TAG = re.compile(r"\{\{[^{}]*\}\}")  # in the subject of the acknowledgement nobody stands in for it
MAX_FILE = 15_000_000  # bytes of a workbook that most mail servers still take

Summary = dict[str, Any]


def copy_of(desk: Desk, ref: str) -> Path:
    """Where the lines of a mail are kept until its acknowledgement is written; swept after a crash."""
    return desk.spool.folder / "tmp" / f"{ref}.lines"


async def write(
    desk: Desk,
    ref: str,
    account: Account,
    campaign: Campaign,
    summary: Summary,
    repeated: bool,
    ahead: Row | None = None,
    serial: int = 1,
) -> tuple[Letter, bytes]:
    """Build the acknowledgement of a campaign with its forecast, ready to be queued."""
    file, remark = await corrected(desk, ref, campaign.locale, campaign.columns, campaign.lines, campaign.recipients)
    remarks = _ahead(desk, campaign, ahead), remark, await quota_note(desk, account, campaign)
    letter = Letter(
        to=summary["from_address"],
        locale=campaign.locale,
        subject=plural(
            campaign.locale,
            f"ack.subject{_state(campaign)}",
            campaign.recipients,
            subject=_TAG.sub("…", campaign.name),
        ),
        title=text(campaign.locale, "ack.title_repeated" if repeated else f"ack.title{_state(campaign)}"),
        blocks=_blocks(desk, account, campaign, summary, repeated, remarks, serial),
        files=(file,) if file else (),
        answers=campaign.message_id,
        campaign_id=campaign.id,
        serial=serial,
        stop=_state(campaign) == "_held",
    )
    return letter, await notice.built(desk, letter)


def _ahead(desk: Desk, campaign: Campaign, ahead: Row | None) -> str:
    if ahead is None or campaign.state not in (CampaignState.SENDING, CampaignState.SCHEDULED):
        return ""
    providers = watch(desk.settings.providers_file).current()
    said = sentence(campaign.locale, campaign.timezone, campaign.recipients, ahead, providers, now_ms())
    return f"{said}."


def _state(campaign: Campaign) -> str:
    if campaign.options.get("test") and campaign.state is not CampaignState.HELD:
        return "_test"
    if campaign.state is CampaignState.HELD:
        return "_waiting" if waits(campaign.state, campaign.held) else "_held"
    return "_scheduled" if campaign.state is CampaignState.SCHEDULED else ""


def _when(campaign: Campaign) -> str:
    if campaign.send_at > campaign.created_at:
        return instant(campaign.locale, campaign.timezone, campaign.send_at)
    if waits(campaign.state, campaign.held):
        return text(campaign.locale, "ack.after_word")
    return text(campaign.locale, "ack.after_correction" if campaign.held else "ack.now")


def _blocks(
    desk: Desk,
    account: Account,
    campaign: Campaign,
    summary: Summary,
    repeated: bool,
    remarks: tuple[str, ...],
    serial: int,
) -> list[Block]:
    locale, state = campaign.locale, _state(campaign)
    if any(one.get("where") == "subject" for one in campaign.held):
        state += "_subject"  # a corrected mail has another subject and cannot be known for this one's
    hello = text(locale, "ack.hello_repeated" if repeated else f"ack.hello{state}", when=_when(campaign))
    blocks: list[Block] = [Say(hello)]
    if state == "_waiting":
        blocks += decision(desk, campaign, serial)
    elif campaign.held:
        blocks.append(Points(text(locale, "ack.held"), tuple(reason(locale, one) for one in campaign.held), "stop"))
    blocks += [_figures(campaign), _facts(campaign, summary, _when(campaign), account.attested)]
    token = campaigns.report_token(desk.report_secret, campaign.id)
    blocks.append(Button(text(locale, "ack.report"), f"{desk.settings.gateway.url}/r/{token}"))
    blocks += [Say(remark) for remark in remarks if remark]
    if tips := advice.tips(desk, account, campaign, summary):
        blocks.append(Points(text(locale, "ack.advice"), tips, "warning"))
    if typos := advice.typos(locale, summary):
        blocks.append(Points(text(locale, "ack.typos"), typos, "warning"))
    if notes := advice.notes(account, campaign, summary):
        blocks.append(Points(text(locale, "ack.notes"), notes))
    if summary.get("samples"):
        blocks.append(Say(text(locale, "ack.preview")))
        for sample in summary["samples"]:
            to = text(locale, "ack.preview_to", address=sample["to"])
            blocks.append(Sample(to, sample["subject"], sample["lines"]))
    return blocks


def decision(desk: Desk, campaign: Campaign, serial: int) -> list[Block]:
    """How to decide about a campaign that waits: the page (which acts on POST only), and what a reply may say."""
    page = f"{desk.settings.gateway.url}/v/{sign(desk.keyring, Purpose.ORDER, campaign.id, serial)}"
    replies = tuple(
        text(campaign.locale, f"talk.reply_{name}") for name in ("send", "later", "first", "cancel", "list")
    )
    return [
        Button(text(campaign.locale, "talk.decide"), page),
        Points(text(campaign.locale, "talk.replies"), replies),
    ]


def _figures(campaign: Campaign) -> Figures:
    names = ("lines", "invalid", "duplicate", "suppressed", "recipients")
    return Figures(
        tuple(
            (text(campaign.locale, f"ack.figures_{name}"), number(campaign.locale, getattr(campaign, name)))
            for name in names
        )
    )


def _facts(campaign: Campaign, summary: Summary, when: str, attested: bool) -> Facts:
    locale = campaign.locale
    sender = f"{campaign.from_name} <{campaign.from_address}>" if campaign.from_name else campaign.from_address
    rows = [("subject", campaign.subject), ("sender", sender), ("date", when)]
    if campaign.name != campaign.subject:
        rows.insert(1, ("name", campaign.name))
    if campaign.reply_to and campaign.reply_to.casefold() != campaign.from_address.casefold():
        rows.append(("reply", campaign.reply_to))
    rows.append(("tracking", text(locale, f"ack.tracking_{advice.tracking_word(campaign, summary, attested)}")))
    return Facts(tuple((text(locale, f"ack.fact_{name}"), value) for name, value in rows))


async def corrected(
    desk: Desk, ref: str, locale: str, columns: tuple[str, ...], lines: int, good: int
) -> tuple[File | None, str]:
    """LISTE_corrigee.xlsx with the sentence that presents it; nothing when no line had a fault."""
    copy, out = copy_of(desk, ref), copy_of(desk, ref).with_suffix(".xlsx")
    try:
        if lines == good or not copy.exists():
            return None, ""
        request = {
            "do": "corrected",
            "path": str(copy),
            "out": str(out),
            "columns": columns,
            "only_faults": lines > ALL_LINES,
            "line_title": text(locale, "ack.line"),
            "fault_title": text(locale, "ack.fault"),
        }
        async with contextlib.aclosing(desk.readers.ask(request, copy.stat().st_size)) as answers:  # type: ignore[type-var]
            async for _ in answers:
                pass
        data = await asyncio.to_thread(out.read_bytes)
        if len(data) > MAX_FILE:
            return None, text(locale, "ack.corrected_missing")
        key = "ack.corrected_only" if lines > ALL_LINES else "ack.corrected"
        return File(NAME, notice.XLSX, data), text(locale, key, file=NAME)
    except (Unread, OSError) as error:
        log("failed", what="corrected", error=error)
        return None, text(locale, "ack.corrected_missing")
    finally:
        copy.unlink(missing_ok=True)
        out.unlink(missing_ok=True)
