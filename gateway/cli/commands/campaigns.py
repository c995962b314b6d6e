"""`campaign`: look at the last campaigns, stop, pause and resume one or all of them, release one.

In: the parsed command line. Out: one line a campaign, or one that says what was done. Raises Failure when there is no
such campaign or its state does not allow it. Senders obey within a second, whatever this command still winds up.
"""

from __future__ import annotations

import argparse
import secrets
from datetime import UTC, datetime

from gateway.actions import verbs
from gateway.actions.powers import Hand
from gateway.actions.verbs import Request
from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from gateway.letters.decisions import decide
from parsers.orders import Act, Order
from store import campaigns, control, talks
from store.actions import Power
from store.control import Halted
from store.engine import Database, now_ms
from store.spool import RESTORED, Spool
from store.talks import Choice, Verdict
from store.values import Campaign, CampaignState, Ledger


def list_recent(found: argparse.Namespace) -> None:
    """List the last fifty campaigns: id, state, date, recipients, statuses, name."""

    async def work(database: Database) -> list[tuple[Campaign, Ledger | None]]:
        async with database.read() as conn:
            return [(each, await campaigns.ledger(conn, each.id)) for each in await campaigns.recent(conn)]

    for campaign, ledger in with_database(settings_of(found), work):
        at = datetime.fromtimestamp(campaign.send_at / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")
        statuses = ledger.statuses if ledger else {}
        counts = " ".join(f"{status.code}={n}" for status, n in sorted(statuses.items()) if n)
        print("\t".join((str(campaign.id), campaign.state, at, str(campaign.recipients), counts, campaign.name)))


def stop(found: argparse.Namespace) -> None:
    """Stop a campaign, or all, for good."""
    if not _all(found):
        _act(found, Power.STOP, "stopped")
        return

    async def work(database: Database) -> Halted:
        async with database.write() as conn:
            halted = await control.stop_all(conn, now_ms())
        while True:  # chunk by chunk: senders write down what was on the wire in between
            async with database.write() as conn:
                if await control.settle_stopped(conn, now_ms()) < control.CHUNK:
                    return halted

    print(f"stopped {_counts(with_database(settings_of(found), work))}, who get no mail any more")


def pause(found: argparse.Namespace) -> None:
    """Pause a campaign, or all."""
    if not _all(found):
        _act(found, Power.PAUSE, "paused")
        return

    async def work(database: Database) -> Halted:
        async with database.write() as conn:
            return await control.pause_all(conn)

    print(f"paused {_counts(with_database(settings_of(found), work))}; campaign resume --all lets them go on")


def resume(found: argparse.Namespace) -> None:
    """Let a paused campaign go on, or all that were paused at once."""
    if not _all(found):
        _act(found, Power.RESUME, "resumed")
        return

    async def work(database: Database) -> Halted:
        async with database.write() as conn:
            return await control.resume_all(conn, now_ms())

    settings = settings_of(found)
    print(f"resumed {_counts(with_database(settings, work))}")
    spool = settings.gateway.data_dir / "spool"
    if (spool / RESTORED).is_dir() and (mails := Spool(spool).take_up()):
        print(f"took up {mails} mail{'s' * (mails != 1)} that came back from a backup and had not been read")


def release(found: argparse.Namespace) -> None:
    """Let a campaign go that waits for nothing but its author's word; a letter tells the author."""

    async def work(database: Database) -> int:
        async with database.read() as conn:
            campaign, talk = await campaigns.get(conn, found.id), await talks.get(conn, found.id)
        if campaign is None:
            raise Failure(f"no campaign {found.id}")
        if talk is None or talks.choice(talk, campaign.state, campaign.held) is Choice.NONE:
            what = "held for what must be corrected" if campaign.state is CampaignState.HELD else campaign.state
            raise Failure(f"campaign {found.id} is {what} and waits for nobody's word")
        verdict = await decide(database, found.id, talk.serial, Order(Act.SEND), now_ms(), "command")
        if verdict is not Verdict.DONE:
            raise Failure(f"campaign {found.id} was decided by somebody else meanwhile")
        return campaign.recipients

    print(f"campaign {found.id}: released to {with_database(settings_of(found), work)} recipients")


def _all(found: argparse.Namespace) -> bool:
    if found.all == (found.id is not None):
        raise Failure(f"campaign {found.action} needs the id of a campaign, or --all")
    return bool(found.all)


def _counts(halted: Halted) -> str:
    campaigns_, people = halted.campaigns, halted.recipients
    return f"{campaigns_} campaign{'s' * (campaigns_ != 1)} with {people} recipient{'s' * (people != 1)} waiting"


def _act(found: argparse.Namespace, power: Power, done: str) -> None:
    async def work(database: Database) -> None:
        asked = Request(found.id, power, Hand.OPERATOR, "", f"cli:{secrets.token_urlsafe(12)}")
        verdict = (await verbs.order(database, asked, now_ms())).verdict
        if verdict is verbs.Verdict.UNKNOWN:
            raise Failure(f"no campaign {found.id}")
        if verdict is not verbs.Verdict.DONE:
            async with database.read() as conn:
                campaign = await campaigns.get(conn, found.id)
            raise Failure(f"campaign {found.id} is {campaign.state if campaign else 'gone'} and cannot be {done}")

    with_database(settings_of(found), work)
    print(f"campaign {found.id}: {done}")
