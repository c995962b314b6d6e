"""`trace`: the story of one address, every attempt in words, over all campaigns; or of one recipient by the log's number.

In: the parsed command line. Out: for each campaign its state, the recipient's status, and each event with the server and its
reply as it was said; then whether the address is suppressed. `recipient` is the number by which the log names it. Raises
Failure when the address was never written to.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.cli.commands.accounts import account_of
from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from gateway.i18n import instant, text
from gateway.web import story
from gateway.web.story import Step
from parsers.address import key as folded
from store import campaigns, persons, reports, suppressions
from store.engine import Database, now_ms
from store.reports import Person
from store.values import Campaign

_EVENTS = 200
_CAMPAIGNS = 100


@dataclass(frozen=True, slots=True)
class _Part:
    campaign: Campaign
    person: Person
    steps: list[Step]


def trace(found: argparse.Namespace) -> None:
    """Print the story."""
    settings = settings_of(found)
    locale = found.lang or settings.gateway.locale
    keys = suppressions.load(settings)

    async def work(database: Database) -> tuple[list[_Part], str]:
        account = None
        if found.account:
            async with database.read() as conn:
                account = (await account_of(conn, found.account)).id
        if found.address.isascii() and found.address.isdigit():
            numbers: Sequence[int] = [int(found.address[:18])]
        else:
            numbers = (await persons.find(database, found.address, account)).recipients
        parts = []
        for number in numbers[-_CAMPAIGNS:]:
            part = await _part(database, number, locale)
            if part is None or account not in (None, part.campaign.account_id):
                continue
            if found.campaign in (None, part.campaign.id):
                parts.append(part)
        async with database.read() as conn:
            owner = account if account is not None else parts[-1].campaign.account_id if parts else None
            box = folded(parts[-1].person.address if parts else found.address)
            why = {} if owner is None else await suppressions.find(conn, owner, [box], keys, now_ms())
        if box not in why:
            return parts, ""
        return parts, f"{why[box].reason}\t{instant(locale, settings.gateway.timezone, why[box].at)}"

    parts, suppressed = with_database(settings, work)
    if not parts:
        raise Failure(f"no campaign has {found.address} among its recipients (people are erased when reports end)")
    for part in parts:
        _tell(part, locale)
    if suppressed:
        reason, _, since = suppressed.partition("\t")
        print(text(locale, "trace.suppressed", reason=text(locale, f"fault.reason.{reason}"), since=since))


async def _part(database: Database, number: int, locale: str) -> _Part | None:
    async with database.read() as conn:
        person = await reports.person(conn, number)
        campaign = None if person is None else await campaigns.get(conn, person.campaign_id)
        if person is None or campaign is None:
            return None
        told = await reports.history(conn, number, _EVENTS)
    return _Part(campaign, person, story.values(locale, campaign, person, told)["steps"])


def _tell(part: _Part, locale: str) -> None:
    campaign, person, zone = part.campaign, part.person, part.campaign.timezone
    print(
        text(
            locale,
            "trace.campaign",
            id=campaign.id,
            name=_plain(campaign.name),
            state=text(locale, f"state.{campaign.state}"),
            recipient=person.id,
            status=text(locale, f"status.{person.status.code}"),
            attempts=person.attempts,
        )
    )
    for step in part.steps:
        kind = text(locale, f"event.{step.code}")
        print(f"  {instant(locale, zone, step.at, seconds=True)}  {kind}: {_plain(step.sentence)}")
        for key, value in step.facts:
            print(f"      {text(locale, key)}: {_plain(value)}")
        if step.reply:
            print(f"      « {_plain(step.reply)} »")
    if person.next_attempt_at is not None:
        print("  " + text(locale, "trace.next", at=instant(locale, zone, person.next_attempt_at, seconds=True)))


def _plain(said: str) -> str:
    """What strangers said must not command a terminal."""
    return "".join(char if char.isprintable() else " " for char in said)
