"""The acknowledgement: what was made of a mail, what to improve, and where to follow it (SPEC 4).

In: a prepared (or known) campaign and the summary of its mail. Out: one letter to its author, with LISTE_corrigee.xlsx when
lines had faults, and one to each address that Config names. The same message again gets the same acknowledgement. Raises
what the database raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gateway.findings import letter as findings
from gateway.i18n import instant, number, plural, text
from gateway.intake import loading
from gateway.intake.alignment import author_of
from gateway.intake.desk import Desk
from gateway.intake.destinations import watch
from gateway.intake.faulty import corrected
from gateway.letters import advice, attachments, notice
from gateway.letters.brakes import quota_note
from gateway.letters.expected import sentence
from gateway.letters.held import reason
from gateway.letters.letter import Block, Button, Facts, Figures, Head, Points, Sample, Say
from gateway.letters.notice import Letter
from mail.system import File
from parsers.tokens import Purpose, sign
from store import campaigns, lateness
from store.engine import now_ms
from store.forecasts import Row
from store.talks import waits
from store.values import Account, Campaign, CampaignState

_TAG = re.compile(r"\{\{[^{}]*\}\}")  # in the subject of the acknowledgement nobody stands in for it
_WHOLE = frozenset(
    ("list_by_name", "list_by_content", "encrypted", "truncated", "empty", "unclosed_tag", "pj_unused", "pj_twice")
)
SHOWN = 5  # faulty lines in the letter; the file has them all

Summary = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """What an acknowledgement is made from; `serial` is that of the talk."""

    account: Account
    campaign: Campaign
    summary: Summary
    remarks: tuple[str, ...]
    faults: tuple[str, ...]
    file: File | None
    serial: int
    repeated: bool


async def draft(
    desk: Desk,
    ref: str,
    account: Account,
    campaign: Campaign,
    summary: Summary,
    repeated: bool,
    ahead: Row | None = None,
    serial: int = 1,
) -> Draft:
    """Gather what the acknowledgement of a campaign says, forecast and corrected list included."""
    file, remark = await corrected(desk, ref, campaign.locale, campaign.columns, campaign.lines, campaign.recipients)
    remarks = remark, _ahead(desk, campaign, ahead), await quota_note(desk, account, campaign)
    return Draft(account, campaign, summary, remarks, await _faults(desk, campaign), file, serial, repeated)


async def _faults(desk: Desk, campaign: Campaign) -> tuple[str, ...]:
    """The first lines that get no mail, each with its reason."""
    if campaign.lines == campaign.recipients:
        return ()
    async with desk.database.read() as conn:
        bad = await campaigns.faults_of(conn, campaign.id, SHOWN)
    locale, zone = campaign.locale, campaign.timezone
    said = [
        text(
            locale,
            "ack.bad_line",
            line=f"{one.line}.{one.part}" if one.part else one.line,
            address=one.address[:80] or text(locale, "faults.empty_address"),
            reason=loading.sentence(locale, zone, one.kind, one.detail),
        )
        for one in bad
    ]
    more = campaign.lines - campaign.recipients - len(bad)
    return (*said, *([plural(locale, "ack.bad_more", more)] if more else []))


async def letters(desk: Desk, made: Draft, readers: tuple[str, ...]) -> list[tuple[Letter, bytes]]:
    """The letters of an acknowledgement, ready to be queued: the author's first."""
    found = [to_author(desk, made)]
    for serial, address in enumerate(readers, 1):  # the tokens are those that store.links will make
        found.append(
            to_reader(desk, made, address, campaigns.report_token(desk.report_secret, made.campaign.id, serial))
        )
    return [(letter, await notice.built(desk, letter)) for letter in found]


def to_author(desk: Desk, made: Draft) -> Letter:
    """The letter to who sent the mail: it may decide."""
    campaign, state = made.campaign, _state(made.campaign)
    return Letter(
        to=made.summary["from_address"],
        locale=campaign.locale,
        subject=_subject(campaign),
        title=text(campaign.locale, "ack.title_repeated" if made.repeated else f"ack.title{state}"),
        blocks=_blocks(desk, made, _head(desk, made), campaigns.report_token(desk.report_secret, campaign.id)),
        files=(made.file,) if made.file else (),
        answers=campaign.message_id,
        campaign_id=campaign.id,
        serial=made.serial,
        stop=state == "_held",
    )


def to_reader(desk: Desk, made: Draft, to: str, token: str) -> Letter:
    """The letter to an address of Config's "Accusé à": its link only reads, and replies go to the author."""
    campaign, author, state = made.campaign, made.summary["from_address"], _state(made.campaign)
    head: list[Block] = [Say(text(campaign.locale, "ack.copy", author=author))]
    if state == "_held":
        head.append(reasons(campaign))
    return Letter(
        to=to,
        locale=campaign.locale,
        subject=_subject(campaign),
        title=text(campaign.locale, f"ack.copy_title{state}"),
        blocks=_blocks(desk, made, head, token),
        files=(made.file,) if made.file else (),
        campaign_id=campaign.id,
        stop=state == "_held",
        reply_to=author,
    )


def name_of(campaign: Campaign) -> str:
    """A campaign's name for subjects, in which nobody stands in for a merge tag."""
    return _TAG.sub("…", campaign.name)[:200]


def _subject(campaign: Campaign) -> str:
    return plural(campaign.locale, f"ack.subject{_state(campaign)}", campaign.recipients, subject=name_of(campaign))


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


def _head(desk: Desk, made: Draft) -> list[Block]:
    """What comes first in the author's letter: what happens now, and what is asked of them."""
    campaign, state = made.campaign, _state(made.campaign)
    if any(one.get("where") == "subject" for one in campaign.held):
        state += "_subject"  # a corrected mail has another subject and cannot be known for this one's
    elif any(one["code"] in _WHOLE for one in campaign.held):
        state += "_whole"  # no list or Config that comes as a reply can mend it
    key = "ack.hello_repeated" if made.repeated else f"ack.hello{state}"
    blocks: list[Block] = [Say(text(campaign.locale, key, when=_when(campaign)))]
    if state == "_waiting":
        if late := [one for one in campaign.held if one["code"] == lateness.CODE]:
            blocks.append(
                Points(text(campaign.locale, "ack.held"), tuple(reason(campaign.locale, one) for one in late))
            )
        return blocks + decision(desk, campaign, made.serial)
    return [*blocks, reasons(campaign)] if campaign.held else blocks


def reasons(campaign: Campaign) -> Block:
    """Why a campaign is held, in a box."""
    found = tuple(reason(campaign.locale, one) for one in campaign.held)
    return Points(text(campaign.locale, "ack.held"), found, "stop")


def _blocks(desk: Desk, made: Draft, head: list[Block], token: str) -> list[Block]:
    account, campaign, summary, locale = made.account, made.campaign, made.summary, made.campaign.locale
    blocks = [*head, figures(campaign), _facts(desk, campaign, summary, _when(campaign), account.attested)]
    asked = any(isinstance(block, Button) for block in head)
    blocks.append(Button(text(locale, "ack.report"), f"{desk.settings.gateway.url}/r/{token}", quiet=asked))
    if made.faults:
        blocks.append(Points(text(locale, "ack.bad"), made.faults, "warning"))
    blocks += [Say(remark) for remark in made.remarks if remark]
    blocks += findings.blocks(locale, summary["advice"])
    blocks += findings.records(locale, summary["advice"])
    if typos := advice.typos(locale, summary):
        blocks.append(Points(text(locale, "ack.typos"), typos, "warning"))
    if notes := advice.notes(account, campaign, summary):
        blocks.append(Points(text(locale, "ack.notes"), notes))
    if summary.get("samples"):
        blocks.append(Head(text(locale, "ack.preview")))
        for sample in summary["samples"]:
            to = text(locale, "ack.preview_to", address=sample["to"])
            sender = text(locale, "align.from", sender=author_of(campaign, desk.domain).shown)
            blocks.append(Sample(f"{sender}\n{to}", sample["subject"], sample["lines"]))
    return blocks


_REPLIES = ("send", "later", "first", "cancel", "list")


def decision(desk: Desk, campaign: Campaign, serial: int, replies: tuple[str, ...] = _REPLIES) -> list[Block]:
    """How to decide about a campaign: the page (which acts on POST only), and what a reply may say."""
    page = f"{desk.settings.gateway.url}/v/{sign(desk.keyring, Purpose.ORDER, campaign.id, serial)}"
    said = tuple(text(campaign.locale, f"talk.reply_{name}") for name in replies)
    return [Button(text(campaign.locale, "talk.decide"), page), Points(text(campaign.locale, "talk.replies"), said)]


def sender_line(campaign: Campaign, gateway: str) -> str:
    """The sender as declared, and as recipients see it where that is another."""
    who = author_of(campaign, gateway)
    if not who.via:
        return who.shown
    name, address = campaign.from_name, campaign.from_address
    return text(campaign.locale, "align.via", declared=f"{name} <{address}>" if name else address, shown=who.shown)


def figures(campaign: Campaign) -> Figures:
    """The five figures of a campaign, in the words of its report."""
    locale = campaign.locale
    counts = {"read": campaign.lines, "invalid": campaign.invalid, "duplicate": campaign.duplicate,
              "suppressed": campaign.suppressed, "recipients": campaign.recipients}  # fmt: skip
    return Figures(tuple((plural(locale, f"ledger.{name}", n), number(locale, n)) for name, n in counts.items()))


def _facts(desk: Desk, campaign: Campaign, summary: Summary, when: str, attested: bool) -> Facts:
    locale, who = campaign.locale, author_of(campaign, desk.domain)
    rows = [("subject", campaign.subject), ("sender", sender_line(campaign, desk.domain)), ("date", when)]
    if campaign.name != campaign.subject:
        rows.insert(1, ("name", campaign.name))
    if who.reply_to.casefold() != who.address.casefold():
        rows.append(("reply", who.reply_to))
    if carried := attachments.fact(locale, summary):
        rows.append(("attachments", carried))
    rows.append(("tracking", advice.tracking_words(campaign, summary, attested)))
    return Facts(tuple((text(locale, f"ack.fact_{name}"), value) for name, value in rows))
