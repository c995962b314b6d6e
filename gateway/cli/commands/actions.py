"""`campaign replay|modify|share|shares|revoke|renew|extract|history`: the operator acts on a campaign.

In: the parsed command line. Out: one line that says what was done, or what the running gateway does next: letters and new
campaigns are made by its receiving process, within seconds of its running. Raises Failure with one sentence.
"""

from __future__ import annotations

import argparse
import secrets
from datetime import UTC, datetime
from pathlib import Path

from gateway.actions import told, verbs, wishes
from gateway.actions.powers import Hand
from gateway.actions.verbs import Answer, Request, Verdict
from gateway.actions.wishes import Doubt
from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from gateway.i18n import text
from store import actions, campaigns, links
from store.actions import Action, Power
from store.engine import Database, now_ms
from store.links import Link
from store.values import Campaign

LIST = 50_000_000  # bytes of a list at most


def replay(found: argparse.Namespace) -> None:
    """Send a message again."""
    said = {"to": found.to or "list", "date": found.date, "tab": found.tab, "q": found.search}
    _done(found, _order(found, Power.REPLAY, said, _file(found.list)))


def modify(found: argparse.Namespace) -> None:
    """Change a scheduled campaign."""
    said = {"date": found.date, "subject": found.subject, "sender": found.sender}
    _done(found, _order(found, Power.MODIFY, said, _file(found.list)))


def share(found: argparse.Namespace) -> None:
    """Mail a link that reads."""
    _done(found, _order(found, Power.SHARE, {"address": found.address, "days": found.days}))


def revoke(found: argparse.Namespace) -> None:
    """End a link that reads."""
    _done(found, _order(found, Power.REVOKE, {"serial": found.serial}))


def renew(found: argparse.Namespace) -> None:
    """Replace the author's own link."""
    _done(found, _order(found, Power.RENEW, {}))


def extract(found: argparse.Namespace) -> None:
    """Mail the declared sender a view as a list."""
    _done(found, _order(found, Power.EXTRACT, {"tab": found.tab, "q": found.search}))


def shares(found: argparse.Namespace) -> None:
    """List the links that read a report: number, address, since, until, state."""

    async def work(database: Database) -> list[Link]:
        async with database.read() as conn:
            await _known(conn, found.id)
            return await links.of(conn, found.id)

    now = now_ms()
    for one in with_database(settings_of(found), work):
        state = "revoked" if one.revoked_at is not None else "works" if one.works(now) else "expired"
        until = _day(one.expires_at) if one.expires_at is not None else "-"
        print("\t".join((str(one.serial), one.address, _day(one.created_at), until, state)))


def history(found: argparse.Namespace) -> None:
    """List what was done with a campaign: when, what, by whom, with what result."""

    async def work(database: Database) -> tuple[Campaign, list[Action]]:
        async with database.read() as conn:
            return await _known(conn, found.id), await actions.of(conn, found.id)

    campaign, done = with_database(settings_of(found), work)
    for one in done:
        words = (told.what("en", campaign.timezone, one), told.by("en", one), told.result("en", one))
        print("\t".join((_day(one.done_at or one.at), *words)))


async def _known(conn: object, number: int) -> Campaign:
    campaign = await campaigns.get(conn, number)  # type: ignore[arg-type]
    if campaign is None:
        raise Failure(f"no campaign {number}")
    return campaign


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")


def _file(name: str | None) -> tuple[str, bytes] | None:
    if name is None:
        return None
    try:
        path = Path(name)
        if path.stat().st_size > LIST:
            raise Failure(f"{name} is larger than {LIST // 1_000_000} MB")
        return path.name, path.read_bytes()
    except OSError as error:
        raise Failure(f"{name}: {error.strerror}") from error


def _order(
    found: argparse.Namespace, power: Power, said: dict[str, str], file: tuple[str, bytes] | None = None
) -> Answer:
    async def work(database: Database) -> Answer:
        async with database.read() as conn:
            campaign = await _known(conn, found.id)
        wish = wishes.read(power, said, campaign, now_ms(), listed=file is not None)
        if isinstance(wish, Doubt):
            raise Failure(text("en", f"act.doubt_{wish.field}_{wish.why}", text=wish.text))
        once = f"cli:{secrets.token_urlsafe(12)}"
        return await verbs.order(database, Request(found.id, power, Hand.OPERATOR, "", once, wish, file), now_ms())

    return with_database(settings_of(found), work)


def _done(found: argparse.Namespace, answer: Answer) -> None:
    number = found.id
    match answer.verdict:
        case Verdict.DONE:
            print(f"campaign {number}: {found.action} done")
        case Verdict.READY:
            print(f"campaign {number}: {found.action} noted; the running gateway does it (campaign history {number})")
        case Verdict.REFUSED if answer.action is not None:
            raise Failure(f"campaign {number}: {told.why('en', answer.action)}")
        case Verdict.MANY:
            raise Failure(f"campaign {number}: asked for too often, try again later")
        case Verdict.UNDECLARED:
            raise Failure(text("en", "act.doubt_sender_undeclared"))
        case _:
            raise Failure(f"campaign {number}: its state does not allow to {found.action}")
