"""The letter that says that a long export is ready, or why it is not.

In: the desk. Out: a letter to the campaign's author for each export that they are to be told of, queued in the transaction
that marks it as told, so that each is mailed once. Raises what the database raises. Logs mail_answered.
"""

from __future__ import annotations

from config.logging import log
from gateway.i18n import plural, text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.letter import Block, Button, Say
from gateway.letters.notice import Letter
from store import campaigns, exports, talks
from store.engine import now_ms
from store.exports import Export, State
from store.values import Campaign


async def tell(desk: Desk) -> None:
    """Write to those whose export has ended."""
    async with desk.database.read() as conn:
        ended = await exports.untold(conn)
    for one in ended:
        async with desk.database.read() as conn:
            campaign, talk = await campaigns.get(conn, one.campaign_id), await talks.get(conn, one.campaign_id)
        letter = _letter(desk, one, campaign, talk.author) if campaign and talk and talk.author else None
        raw = await notice.built(desk, letter) if letter else b""
        async with desk.database.write() as conn:
            fresh = await exports.told(conn, one.id, now_ms())
            queued = await notice.queue(conn, letter, raw) if letter and fresh else None
        if queued is not None:
            log("mail_answered", kind="export", notice=queued)


def _letter(desk: Desk, one: Export, campaign: Campaign, to: str) -> Letter:
    locale, good = one.locale, one.state is State.READY
    token = campaigns.author_token(desk.report_secret, campaign)
    address = f"{desk.settings.gateway.url}/r/{token}/exports/{one.id}?lang={locale}"
    days = exports.KEPT // 86_400_000
    blocks: list[Block] = [Say(text(locale, "export.letter_hello", name=campaign.name))]
    if good:
        blocks += [Say(plural(locale, "export.holds", one.rows)), Button(text(locale, "export.letter_fetch"), address)]
        blocks.append(Say(text(locale, "export.kept", days=days)))
    else:
        blocks.append(Say(text(locale, f"export.why_{one.why}")))
    subject = text(locale, "export.letter_ready" if good else "export.letter_failed", name=campaign.name)
    title = text(locale, "export.ready" if good else "export.failed")
    return Letter(to=to, locale=locale, subject=subject, title=title, blocks=blocks, campaign_id=campaign.id,
                  foot="ack.foot_copy")  # fmt: skip
