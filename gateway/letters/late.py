"""The author of a campaign that is late through our own fault is asked whether it may still go (SPEC 7).

In: campaigns that store.lateness holds. Out: one letter each, with the ways to decide, queued in the transaction that marks
the author as asked, so that nobody is asked twice. Raises what the database raises. Logs campaign_held.
"""

from __future__ import annotations

from config.logging import log
from gateway.i18n import instant, number, plural, text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.acknowledge import decision, name_of
from gateway.letters.letter import Block, Button, Facts, Say
from gateway.letters.notice import Letter
from store import campaigns, lateness, talks
from store.engine import now_ms
from store.talks import Talk
from store.values import Campaign


async def tell(desk: Desk) -> int:
    """Ask the authors who were not asked yet; returns how many letters were queued."""
    async with desk.database.read() as conn:
        waiting = await talks.unasked(conn)
    for talk in waiting:
        async with desk.database.read() as conn:
            campaign, left = await campaigns.get(conn, talk.campaign_id), await talks.left(conn, talk.campaign_id)
        assert campaign is not None  # nothing removes a campaign that was revealed
        letter = _letter(desk, campaign, talk, left)
        raw = await notice.built(desk, letter)
        async with desk.database.write() as conn:
            if await talks.asked(conn, campaign.id, now_ms()):
                await notice.queue(conn, letter, raw)
        log("campaign_held", campaign=campaign.id, account=campaign.account_id, reasons=[lateness.CODE])
    return len(waiting)


def _letter(desk: Desk, campaign: Campaign, talk: Talk, left: int) -> Letter:
    locale = campaign.locale
    hours = next((one.get("count", 0) for one in campaign.held if one["code"] == lateness.CODE), 0)
    gone = campaign.recipients - left
    said = text(locale, "late.hello", hours=number(locale, int(hours)))
    if gone:
        said += " " + plural(locale, "late.gone", gone, all=number(locale, campaign.recipients))
    facts = [
        (text(locale, "ack.fact_subject"), campaign.subject),
        (text(locale, "late.fact_planned"), instant(locale, campaign.timezone, campaign.send_at)),
        (text(locale, "late.fact_left"), plural(locale, "late.left", left)),
    ]
    token = campaigns.author_token(desk.report_secret, campaign)
    report = Button(text(locale, "ack.report"), f"{desk.settings.gateway.url}/r/{token}", quiet=True)
    blocks: list[Block] = [Say(said), *decision(desk, campaign, talk.serial), Facts(tuple(facts)), report]
    return Letter(
        to=talk.author,
        locale=locale,
        subject=text(locale, "late.subject", subject=name_of(campaign)),
        title=text(locale, "late.title"),
        blocks=blocks,
        answers=campaign.message_id,
        campaign_id=campaign.id,
        serial=talk.serial,
        stop=True,
    )
