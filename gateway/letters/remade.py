"""The acknowledgement of a campaign that was made from another: sent again, or modified by a new list.

In: the desk, the action, both campaigns. Out: one letter to the declared sender, with LISTE_corrigee.xlsx when lines had
faults. Replies to it may cancel the new campaign. Raises what the database raises.
"""

from __future__ import annotations

from gateway.actions import told
from gateway.i18n import instant, plural, text
from gateway.intake.desk import Desk
from gateway.intake.faulty import corrected
from gateway.letters.acknowledge import figures, name_of, reasons, sender_line
from gateway.letters.letter import Block, Button, Facts, Say
from gateway.letters.notice import Letter
from store import campaigns
from store.actions import Action, Power
from store.values import Campaign


async def letter(desk: Desk, ref: str, to: str, action: Action, old: Campaign, new: Campaign) -> Letter:
    """Tell what was made of the old campaign, before its first mail leaves."""
    locale, kind = new.locale, "modify" if action.power is Power.MODIFY else "replay"
    file, remark = await corrected(desk, ref, locale, new.columns, new.lines, new.recipients)
    at = new.send_at > new.created_at
    when = (
        text(locale, "act.letter_at", at=instant(locale, new.timezone, new.send_at))
        if at
        else text(locale, "act.letter_now")
    )
    to_whom = text(locale, f"act.to_{action.wish.get('to', 'list')}")
    blocks: list[Block] = [Say(text(locale, f"act.letter_{kind}_body", name=name_of(new), to=to_whom, when=when))]
    if new.held:
        blocks += [Say(text(locale, "act.letter_held")), reasons(new)]
    token = campaigns.author_token(desk.report_secret, new)
    report = Button(text(locale, "ack.report"), f"{desk.settings.gateway.url}/r/{token}")
    blocks += [figures(new), _facts(desk, action, old, new), report]
    if remark:
        blocks.append(Say(remark))
    return Letter(
        to=to,
        locale=locale,
        subject=plural(locale, f"act.letter_{kind}_subject", new.recipients, name=name_of(new)),
        title=text(locale, f"act.letter_{kind}_title"),
        blocks=blocks,
        files=(file,) if file else (),
        answers=new.message_id,
        campaign_id=new.id,
        serial=1,
        stop=bool(new.held),
    )


def _facts(desk: Desk, action: Action, old: Campaign, new: Campaign) -> Facts:
    locale = new.locale
    return Facts(
        (
            (text(locale, "ack.fact_subject"), new.subject),
            (text(locale, "ack.fact_sender"), sender_line(new, desk.domain)),
            (text(locale, "act.letter_fact_from"), text(locale, "act.letter_from_value", id=old.id, name=name_of(old))),
            (text(locale, "act.letter_fact_by"), told.by(locale, action)),
        )
    )
