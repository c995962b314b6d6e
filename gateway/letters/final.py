"""The final report of a campaign, mailed 24 hours after its end (SPEC 4).

In: campaigns that ended a day ago; the rates of gateway.stats, the one definition. Out: a letter to the author, and one with
a link that only reads to each address of Config's "Accusé à", queued in the transaction that marks the campaign as reported,
so that each is mailed once. Nothing is mailed about a proof, about a campaign of which nothing left, or after its report
has gone. Raises what the database raises. Logs campaign_reported.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.durations import milliseconds
from config.logging import log
from gateway.figures import stats
from gateway.i18n import day, instant, number, percent, plural, text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.acknowledge import name_of
from gateway.letters.letter import Bars, Block, Button, Facts, Figures, Head, Say
from gateway.letters.notice import Letter
from store import accounts, campaigns, links, talks
from store.engine import now_ms
from store.states import Status
from store.talks import Talk
from store.values import Campaign, CampaignState, Ledger

DAY = 86_400_000
_FOLLOWED = ("open", "click", "reactivity")  # rates that say nothing where nobody is followed


@dataclass(frozen=True, slots=True)
class _Case:
    """What a letter is about: `kept_until` (UTC ms) is when the report goes."""

    campaign: Campaign
    ledger: Ledger
    talk: Talk
    attested: bool
    kept_until: int


async def tell(desk: Desk, now: int | None = None) -> int:
    """Mail the reports that are due; returns how many campaigns were reported on."""
    now = now_ms() if now is None else now
    async with desk.database.read() as conn:
        due = await talks.to_report(conn, now - DAY)
    for talk in due:
        letters = await _letters(desk, talk, now)
        raws = [await notice.built(desk, letter) for letter in letters]
        async with desk.database.write() as conn:
            if await talks.reported(conn, talk.campaign_id, now):
                for letter, raw in zip(letters, raws, strict=True):
                    await notice.queue(conn, letter, raw)
        log("campaign_reported", campaign=talk.campaign_id, count=len(letters))
    return len(due)


async def _letters(desk: Desk, talk: Talk, now: int) -> list[Letter]:
    async with desk.database.read() as conn:
        campaign, ledger = await campaigns.get(conn, talk.campaign_id), await campaigns.ledger(conn, talk.campaign_id)
        account = await accounts.get_account(conn, campaign.account_id) if campaign else None
        known = await links.of(conn, talk.campaign_id)
    if campaign is None or ledger is None or account is None or campaign.finished_at is None:
        return []
    kept_until = campaign.finished_at + milliseconds(desk.settings.retention.report)
    nothing_left = not ledger.measures.get("sent")
    if not talk.author or campaign.options.get("test") or nothing_left or now > kept_until:
        return []
    case = _Case(campaign, ledger, talk, account.attested, kept_until)
    found = [_letter(desk, case, talk.author, campaigns.author_token(desk.report_secret, campaign))]
    for link in known:
        if link.works(now) and link.address in talk.notify:
            token = campaigns.report_token(desk.report_secret, campaign.id, link.serial)
            found.append(_letter(desk, case, link.address, token))
    return found


def _letter(desk: Desk, case: _Case, to: str, token: str) -> Letter:
    campaign, author = case.campaign, case.talk.author
    locale, mine = campaign.locale, to == author
    ended = "stopped" if campaign.state is CampaignState.STOPPED else "finished"
    when = instant(locale, campaign.timezone, campaign.finished_at)
    hello = text(locale, f"final.{ended}", name=name_of(campaign), when=when)
    blocks: list[Block] = [Say(hello if mine else f"{hello} {text(locale, 'final.copy', author=author)}")]
    blocks += [_figures(case), Bars(_rates(case)), *_remarks(case), _facts(case)]
    blocks += [Head(text(locale, "final.statuses")), Facts(_statuses(case))]
    blocks.append(Button(text(locale, "final.report"), f"{desk.settings.gateway.url}/r/{token}"))
    blocks.append(Say(text(locale, "final.kept", day=day(locale, campaign.timezone, case.kept_until))))
    return Letter(
        to=to,
        locale=locale,
        subject=text(locale, "final.subject", name=name_of(campaign)),
        title=text(locale, "final.title"),
        blocks=blocks,
        answers=campaign.message_id if mine else "",
        campaign_id=campaign.id,
        reply_to="" if mine else author,
        foot="ack.foot_copy",
    )


def _figures(case: _Case) -> Figures:
    locale, measures = case.campaign.locale, case.ledger.measures
    delivered = next(tab.count for tab in stats.tabs(case.ledger) if tab.key == "delivered")
    found = [("recipients", case.ledger.recipients), ("sent", measures.get("sent", 0)), ("delivered", delivered)]
    if _followed(case):
        found += [("opened", measures.get("opened", 0)), ("clicked", measures.get("clicked", 0))]
    return Figures(tuple((plural(locale, f"final.figure_{name}", n), number(locale, n)) for name, n in found))


def _followed(case: _Case) -> bool:
    return str(case.campaign.options.get("tracking", "none")) != "none"


def _rates(case: _Case) -> tuple[tuple[str, str, str, float], ...]:
    locale = case.campaign.locale
    rows = []
    for rate in stats.rates(case.ledger):
        if rate.key in _FOLLOWED and not _followed(case):
            continue
        whole = "opened" if rate.key == "reactivity" else "sent"
        detail = text(locale, f"final.of_{whole}", part=number(locale, rate.count), whole=number(locale, rate.whole))
        rows.append(
            (text(locale, f"rate.{rate.key}"), percent(locale, rate.over_whole), detail, rate.over_whole or 0.0)
        )
    return tuple((name.replace("\u00ad", ""), value, detail, ratio) for name, value, detail, ratio in rows)


def _remarks(case: _Case) -> list[Block]:
    """How far the rates can be trusted, and what becomes of the addresses that failed."""
    locale, cancelled = case.campaign.locale, case.ledger.statuses.get(Status.CANCELLED, 0)
    found = []
    if not _followed(case):
        found.append(text(locale, "final.unfollowed"))
    elif not case.attested:
        found.append(text(locale, "final.consented"))
    if cancelled:
        found.append(text(locale, "final.cancelled"))
    return [Say(one) for one in found]


def _facts(case: _Case) -> Facts:
    campaign, locale = case.campaign, case.campaign.locale
    sender = f"{campaign.from_name} <{campaign.from_address}>" if campaign.from_name else campaign.from_address
    faulty = campaign.lines - campaign.recipients
    rows = [
        ("ack.fact_subject", campaign.subject),
        ("ack.fact_sender", sender),
        ("final.fact_begun", instant(locale, campaign.timezone, max(campaign.send_at, campaign.created_at))),
        (
            "final.fact_list",
            plural(locale, f"final.list{'_bad' * bool(faulty)}", campaign.lines, bad=number(locale, faulty)),
        ),
    ]
    return Facts(tuple((text(locale, key), value) for key, value in rows))


def _statuses(case: _Case) -> tuple[tuple[str, str], ...]:
    locale, statuses = case.campaign.locale, case.ledger.statuses
    return tuple(
        (text(locale, f"status.{one.code}"), number(locale, statuses[one])) for one in Status if statuses.get(one)
    )
