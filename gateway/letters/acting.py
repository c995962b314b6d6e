"""Letters about actions on campaigns: one that asks for a confirmation, one that shares a report, one that brings a list.

In: the desk, an action, its campaign. Out: a `Letter`. The link of a confirmation shows a page and acts on nothing but
its form (gateway.web.confirm); replies to it decide nothing. Pure but for the keys; raises nothing.
"""

from __future__ import annotations

from gateway.actions import told
from gateway.actions.verbs import CONFIRM_MS
from gateway.figures import stats
from gateway.i18n import day, instant, plural, text
from gateway.intake.alignment import author_of
from gateway.intake.desk import Desk
from gateway.letters.acknowledge import name_of
from gateway.letters.letter import Block, Button, Facts, Say
from gateway.letters.notice import XLSX, Letter
from mail.system import File
from parsers.tokens import Purpose, sign
from store.actions import Action
from store.values import Campaign

NAME = "LISTE.xlsx"


def confirm(desk: Desk, action: Action, campaign: Campaign, to: str) -> Letter:
    """Ask the declared sender whether somebody who has their link may do this."""
    locale, zone = campaign.locale, campaign.timezone
    what, name = told.what(locale, zone, action), name_of(campaign)
    link = f"{desk.settings.gateway.url}/k/{sign(desk.keyring, Purpose.CONFIRM, action.id)}"
    rows = (
        (text(locale, "act.confirm_what"), what),
        (text(locale, "act.confirm_campaign"), name),
        (text(locale, "act.confirm_by"), told.by(locale, action)),
        (text(locale, "act.confirm_asked"), instant(locale, zone, action.at)),
        (text(locale, "act.share_until"), instant(locale, zone, action.expires_at or action.at + CONFIRM_MS)),
    )
    blocks: list[Block] = [
        Say(text(locale, "act.letter_confirm_body", name=name)),
        Facts(rows),
        Button(text(locale, "act.letter_confirm_button"), link),
        Say(text(locale, "act.letter_confirm_note")),
    ]
    subject = text(locale, "act.letter_confirm_subject", what=what)
    title = text(locale, "act.letter_confirm_title")
    return Letter(to=to, locale=locale, subject=subject, title=title, blocks=blocks, foot="asking.foot")


def share(desk: Desk, action: Action, campaign: Campaign, author: str, token: str, until: int) -> Letter:
    """Give somebody a link that reads."""
    locale, name = campaign.locale, name_of(campaign)
    who = author_of(campaign, desk.domain).shown
    blocks: list[Block] = [
        Say(text(locale, "act.letter_share_body", author=who, name=name)),
        Button(text(locale, "act.letter_share_button"), f"{desk.settings.gateway.url}/r/{token}"),
        Say(text(locale, "act.letter_share_until", day=day(locale, campaign.timezone, until))),
    ]
    return Letter(
        to=str(action.wish["address"]),
        locale=locale,
        subject=text(locale, "act.letter_share_subject", name=name),
        title=text(locale, "act.letter_share_title"),
        blocks=blocks,
        campaign_id=campaign.id,
        reply_to=author,
        foot="asking.foot",
    )


def renewed(desk: Desk, campaign: Campaign, to: str, token: str) -> Letter:
    """Give the author the link that took the place of theirs."""
    locale, name = campaign.locale, name_of(campaign)
    blocks: list[Block] = [
        Say(text(locale, "act.letter_renew_body", name=name)),
        Button(text(locale, "act.letter_share_button"), f"{desk.settings.gateway.url}/r/{token}"),
        Say(text(locale, "act.letter_renew_note")),
    ]
    return Letter(
        to=to,
        locale=locale,
        subject=text(locale, "act.letter_renew_subject", name=name),
        title=text(locale, "act.letter_renew_title"),
        blocks=blocks,
        campaign_id=campaign.id,
        foot="asking.foot",
    )


def extract(action: Action, campaign: Campaign, to: str, data: bytes, count: int) -> Letter:
    """Bring the people whom a report showed, as a list that can be used again."""
    locale, name = campaign.locale, name_of(campaign)
    asked = str(action.wish.get("tab") or "all")
    tab = text(locale, f"details.tab_{asked if asked in stats.TABS else 'all'}")
    words = str(action.wish.get("q", ""))
    shown = text(locale, "act.shown_search" if words else "act.shown_tab", tab=tab, q=words)
    blocks: list[Block] = [
        Say(plural(locale, "act.letter_extract_body", count, name=name, shown=shown)),
        Say(text(locale, "act.letter_extract_use")),
    ]
    return Letter(
        to=to,
        locale=locale,
        subject=text(locale, "act.letter_extract_subject", name=name),
        title=text(locale, "act.letter_extract_title"),
        blocks=blocks,
        files=(File(NAME, XLSX, data),),
        campaign_id=campaign.id,
        reply_to=to,
        foot="asking.foot",
    )
