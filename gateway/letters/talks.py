"""A person answers one of our letters: the order is obeyed, or the letter back says why not, and what was not understood.

In: a mail to campagne+TOKEN@ from a proved sender (SPEC 1). Out: a campaign released, scheduled, begun or stopped, and one
letter to who wrote; `Correction` when the mail brings a list or a Config for a held campaign. The account must be the
campaign's, and the token's serial the current one for whatever makes mails leave. Machines are not answered (RFC 3834).
What was decided elsewhere is told by `confirm`, so that the author always has a letter whose reply may decide further.
Raises what the database raises, and Unread. Logs mail_ignored and mail_answered.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from config.logging import log
from gateway.i18n import instant, number, plural, text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.acknowledge import decision, name_of
from gateway.letters.decisions import decide
from gateway.letters.held import reason
from gateway.letters.letter import Block, Points, Say
from gateway.letters.notice import Letter
from gateway.smtp.senders import author
from parsers import headers
from parsers.orders import Act, Order
from parsers.tokens import Purpose, verify
from store import campaigns, talks
from store.engine import now_ms
from store.spool import Envelope
from store.talks import Choice, Talk, Verdict
from store.values import Campaign, CampaignState


@dataclass(frozen=True, slots=True)
class Correction:
    """A reply that brings what a held campaign lacked: read the held mail anew, with it."""

    campaign: Campaign
    message_id: str


@dataclass(frozen=True, slots=True)
class _Reply:
    ref: str
    envelope: Envelope
    to: str
    answers: str
    locale: str


async def take(desk: Desk, envelope: Envelope, raw: bytes, ref: str) -> Correction | None:
    """Carry a reply to its end, but for a Correction, which intake takes from here."""
    fields, _ = headers.read_fields(raw)
    to = author(fields)
    async with desk.database.read() as conn:
        campaign = await campaigns.get(conn, envelope.token or 0)
        talk = await talks.get(conn, envelope.token or 0)
    locale = campaign.locale if campaign else desk.settings.gateway.locale
    found = await _read(desk, ref, envelope, campaign, len(raw))
    if to is None or envelope.account_id is None or found["automatic"]:
        log("mail_ignored", ref=ref, kind=envelope.kind)
        return None
    reply = _Reply(ref, envelope, to, found["message_id"], locale)
    if campaign is None or talk is None or campaign.account_id != envelope.account_id:
        await _send(desk, reply, None, 0, [Say(text(locale, "talk.unknown"))], found["subject"])
        return None
    if found["brings"]:
        if campaign.state is CampaignState.HELD:
            return Correction(campaign, found["message_id"])
        await late(desk, envelope, ref, to, campaign, found["message_id"])
        return None
    await _order(desk, reply, campaign, talk, found)
    return None


async def late(desk: Desk, envelope: Envelope, ref: str, to: str, campaign: Campaign, answers: str) -> None:
    """A correction came when the campaign was held no more: say so; nothing is sent twice."""
    reply = _Reply(ref, envelope, to, answers, campaign.locale)
    said = text(campaign.locale, "talk.late", state=text(campaign.locale, f"talk.state_{campaign.state.value}"))
    await _send(desk, reply, campaign, 0, [Say(said)])


async def _read(desk: Desk, ref: str, envelope: Envelope, campaign: Campaign | None, size: int) -> dict[str, Any]:
    zone = campaign.timezone if campaign else desk.settings.gateway.timezone
    request = {
        "do": "said",
        "path": str(desk.spool.path(ref)),
        "mail_from": envelope.mail_from,
        "now": envelope.received_at,
        "zone": zone,
    }
    found: dict[str, Any] = {}
    async with contextlib.aclosing(desk.readers.ask(request, size)) as answers:  # type: ignore[type-var]
        async for answer in answers:  # to the very end: the process goes back to the pool only then
            found = answer
    return found


def serial_of(desk: Desk, envelope: Envelope) -> int:
    """The serial in the address that a reply came to; 0 when it bears none."""
    for address in envelope.rcpt_to:
        local = address.lower().rpartition("@")[0]
        found = verify(desk.keyring, Purpose.REPLY, local.removeprefix("campagne+"))
        if found is not None and found[0] == envelope.token:
            return found[1]
    return 0


async def _order(desk: Desk, reply: _Reply, campaign: Campaign, talk: Talk, found: dict[str, Any]) -> None:
    if not found["act"]:
        said = text(reply.locale, f"talk.unclear_{found['doubt']}", words=found["words"])
        await _send(desk, reply, campaign, talk.serial, [Say(said), *_ways(desk, campaign, talk)])
        return
    order = Order(Act(found["act"]), found["at"], found["count"])
    verdict = await decide(
        desk.database, campaign.id, serial_of(desk, reply.envelope), order, now_ms(), "reply", reply.to
    )
    async with desk.database.read() as conn:
        after, then = await campaigns.get(conn, campaign.id), await talks.get(conn, campaign.id)
    assert after is not None and then is not None  # nothing removes them
    if verdict is Verdict.DONE:
        await _send(desk, reply, after, then.serial, [Say(done(after, then)), *_ways(desk, after, then)], stop=False)
        return
    await _send(desk, reply, after, then.serial, [Say(refused(after, then, verdict)), *_ways(desk, after, then)])


async def confirm(desk: Desk) -> int:
    """Tell the authors what was decided on a page: their next reply needs the serial that came of it."""
    async with desk.database.read() as conn:
        waiting = await talks.untold(conn, now_ms())
    for talk in waiting:
        async with desk.database.read() as conn:
            campaign = await campaigns.get(conn, talk.campaign_id)
        assert campaign is not None  # nothing removes a campaign that was revealed
        blocks = [Say(done(campaign, talk)), *_ways(desk, campaign, talk)]
        letter = _letter(talk.author, campaign.locale, campaign, talk.serial, blocks, stop=False)
        raw = await notice.built(desk, letter)
        async with desk.database.write() as conn:
            if await talks.told(conn, campaign.id, talk.serial):
                await notice.queue(conn, letter, raw)
    return len(waiting)


def done(campaign: Campaign, talk: Talk) -> str:
    """What was done, in a sentence."""
    locale, people = campaign.locale, campaign.recipients
    if talk.decided == Act.CANCEL:
        return text(locale, "talk.done_cancel")
    if talk.waiting:
        return plural(locale, "talk.done_first", talk.waiting, go=number(locale, people - talk.waiting))
    if campaign.state is CampaignState.SCHEDULED:
        return plural(locale, "talk.done_later", people, when=instant(locale, campaign.timezone, campaign.send_at))
    return plural(locale, "talk.done_send", people)


def refused(campaign: Campaign, talk: Talk, verdict: Verdict) -> str:
    """Why nothing was done, in a sentence."""
    locale, state = campaign.locale, text(campaign.locale, f"talk.state_{campaign.state.value}")
    if verdict is Verdict.SPENT and talk.decided and talk.decided_at is not None:
        when = instant(locale, campaign.timezone, talk.decided_at)
        return text(locale, "talk.spent", order=text(locale, f"talk.word_{talk.decided}"), when=when, state=state)
    if verdict is Verdict.FAULTS:
        return text(locale, "talk.faults")
    return text(locale, "talk.old" if verdict is Verdict.SPENT else "talk.over", state=state)


def _ways(desk: Desk, campaign: Campaign, talk: Talk) -> list[Block]:
    """What can still be done about a campaign."""
    match talks.choice(talk, campaign.state, campaign.held):
        case Choice.WORD:
            return decision(desk, campaign, talk.serial)
        case Choice.REST:
            return decision(desk, campaign, talk.serial, ("rest", "first", "cancel"))
        case Choice.AGAIN:
            return decision(desk, campaign, talk.serial, ("now", "later", "cancel"))
    if campaign.state is CampaignState.HELD:
        reasons = tuple(reason(campaign.locale, one) for one in campaign.held)
        return [Points(text(campaign.locale, "ack.held"), reasons, "stop")]
    return []


async def _send(
    desk: Desk,
    reply: _Reply,
    campaign: Campaign | None,
    serial: int,
    blocks: list[Block],
    subject: str = "",
    stop: bool = True,
) -> None:
    letter = _letter(reply.to, reply.locale, campaign, serial, blocks, subject, reply.answers, stop)
    raw = await notice.built(desk, letter)
    async with desk.database.write() as conn:
        if campaign is not None:
            await talks.told(conn, campaign.id, serial)
        sent = await notice.queue(conn, letter, raw)
    log("mail_answered", ref=reply.ref, kind="reply", account=reply.envelope.account_id, notice=sent)


def _letter(
    to: str,
    locale: str,
    campaign: Campaign | None,
    serial: int,
    blocks: list[Block],
    subject: str = "",
    answers: str = "",
    stop: bool = True,
) -> Letter:
    return Letter(
        to=to,
        locale=locale,
        subject=text(locale, "talk.subject", subject=name_of(campaign) if campaign else subject[:200]),
        title=text(locale, "talk.title_nothing" if stop else "talk.title_done"),
        blocks=blocks,
        answers=answers or (campaign.message_id if campaign else ""),
        campaign_id=campaign.id if campaign else None,
        serial=serial,
        stop=stop,
    )
