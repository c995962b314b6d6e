"""What the brakes say to people: the quota in an acknowledgement, and the letter when a campaign pauses itself.

In: a campaign, its account and the settings; a row of `brakes` whose user was not told. Out: a sentence, or a letter that is
queued in the transaction that marks it told, so that it is sent exactly once. Raises what the database raises; a brake
whose campaign or author is gone is marked told. Logs campaign_braked.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.logging import log
from gateway.i18n import instant, number, percent, plural, text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.letter import Block, Button, Facts, Figures, Points, Say
from gateway.letters.notice import Letter
from store import accounts, braked, brakes, campaigns, quotas, tallies
from store.brakes import Brake
from store.engine import now_ms
from store.states import WAITING
from store.values import Account, Campaign

LINES = 20  # shown in the letter; the report has them all
_REPLY = 120


async def quota_note(desk: Desk, account: Account, campaign: Campaign) -> str:
    """What the account's quota means for a campaign; empty when all of it may leave at once."""
    now, base = now_ms(), desk.settings.limits.new_account_per_day
    async with desk.database.read() as conn:
        found = await quotas.allowance(conn, account.id, base, now)
        if found is None:
            return ""
        ahead = await quotas.waiting(conn, account.id, campaign.id, max(now, campaign.send_at))
    locale, per_day = campaign.locale, number(campaign.locale, found.per_day)
    if campaign.send_at >= found.again_at:
        return text(locale, "quota.scheduled", per_day=per_day) if campaign.recipients > found.per_day else ""
    today = max(0, found.left - ahead)
    if campaign.recipients <= today:
        return ""
    when = instant(locale, campaign.timezone, found.again_at)
    values = {"per_day": per_day, "when": when}
    return (
        text(locale, "quota.some", today=number(locale, today), **values)
        if today
        else text(locale, "quota.none", **values)
    )


async def tell(desk: Desk) -> int:
    """Write to the users of campaigns that paused themselves; returns how many letters were queued."""
    async with desk.database.read() as conn:
        waiting = await brakes.untold(conn)
    queued = 0
    for brake in waiting:
        letter = await _letter(desk, brake)
        raw = await notice.built(desk, letter) if letter else b""
        async with desk.database.write() as conn:
            if await brakes.told(conn, brake) and letter:
                await notice.queue(conn, letter, raw)
                queued += 1
        log(
            "campaign_braked", campaign=brake.campaign_id, reason=brake.reason, count=brake.count, answers=brake.answers
        )
    return queued


@dataclass(frozen=True, slots=True)
class _Case:
    """What the letter is about."""

    brake: Brake
    campaign: Campaign
    waiting: int
    lines: list[braked.Line]


async def _letter(desk: Desk, brake: Brake) -> Letter | None:
    async with desk.database.read() as conn:
        campaign = await campaigns.get(conn, brake.campaign_id)
        if campaign is None:
            return None
        account = await accounts.get_account(conn, campaign.account_id)
        statuses, _ = await tallies.read(conn, campaign.id)
        lines = await braked.lines(conn, campaign.id, brake.reason, LINES)
    to = str(campaign.options.get("author", "")) or campaign.from_address
    if account is None or not to:
        return None
    case = _Case(brake, campaign, sum(n for status, n in statuses.items() if status in WAITING), lines)
    locale, ended = campaign.locale, "" if brake.paused else "_ended"
    return Letter(
        to=to,
        locale=locale,
        subject=text(locale, f"brake.subject{ended}", name=campaign.name),
        title=text(locale, f"brake.title{ended}"),
        blocks=_blocks(desk, case, ended),
        answers=campaign.message_id,
        campaign_id=campaign.id,
        stop=True,
    )


def _blocks(desk: Desk, case: _Case, ended: str) -> list[Block]:
    brake, campaign = case.brake, case.campaign
    locale, reason = campaign.locale, brake.reason
    facts = [(text(locale, "brake.fact_subject"), campaign.subject)]
    if brake.paused:
        facts.append((text(locale, "brake.fact_waiting"), plural(locale, "brake.waiting", case.waiting)))
    token = campaigns.author_token(desk.report_secret, campaign)
    todo = [text(locale, f"brake.todo_{reason}_{n}") for n in (1, 2)]
    if brake.paused:
        todo.append(text(locale, "brake.todo_resume", id=campaign.id))
    blocks: list[Block] = [
        Say(text(locale, f"brake.{reason}{ended}")),
        _figures(desk, locale, brake),
        Facts(tuple(facts)),
    ]
    if case.lines:
        blocks.append(Points(text(locale, f"brake.lines_{reason}"), _lines(locale, case), "stop"))
    blocks.append(Points(text(locale, "brake.todo"), tuple(todo)))
    blocks.append(Button(text(locale, "brake.report"), f"{desk.settings.gateway.url}/r/{token}"))
    return blocks


def _figures(desk: Desk, locale: str, brake: Brake) -> Figures:
    limits = desk.settings.limits
    limit = limits.pause_hard_percent if brake.reason == brakes.HARD else limits.pause_complaint_percent
    digits = 1 if brake.reason == brakes.HARD else 2
    return Figures(
        (
            (text(locale, "brake.figure_answers"), number(locale, brake.answers)),
            (plural(locale, f"brake.figure_{brake.reason}", brake.count), number(locale, brake.count)),
            (text(locale, "brake.figure_limit"), percent(locale, limit / 100, digits)),
            (text(locale, "brake.figure_rate"), percent(locale, brake.count / brake.answers, digits)),
        )
    )


def _lines(locale: str, case: _Case) -> tuple[str, ...]:
    said = []
    for line in case.lines:
        reply = " ".join(line.reply.split())[:_REPLY]
        key = "brake.line_reply" if reply else "brake.line"
        said.append(text(locale, key, line=line.label, address=line.address, reply=reply))
    if case.brake.count > len(case.lines):
        said.append(plural(locale, "brake.lines_more", case.brake.count - len(case.lines)))
    return tuple(said)
