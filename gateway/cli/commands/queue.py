"""`queue`: what waits, by campaign, and which sites take nothing for now; `queue resume SITE` ends their pause.

In: the parsed command line. Out: one line a campaign with recipients that wait, one line a pause. Raises Failure when there
is no such pause.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from store import backlog, pauses
from store.backlog import Backlog
from store.engine import Database, now_ms
from store.pauses import Kind, Pause


def show(found: argparse.Namespace) -> None:
    """List what waits, and the pauses in force."""

    async def work(database: Database) -> tuple[Sequence[Backlog], Sequence[Pause]]:
        async with database.read() as conn:
            return await backlog.waiting(conn, now_ms()), await pauses.active(conn, now_ms())

    waiting, paused = with_database(settings_of(found), work)
    for one in waiting:
        print(f"campaign\t{one.campaign_id}\t{one.state}\tdue={one.due}\tlater={one.later}\tat={_clock(one.next_at)}")
    for each in paused:
        if each.kind is not Kind.NOTE:
            rate = f"\trate={each.rate}/h" if each.rate else ""
            source = each.address or "any"
            print(
                f"{each.kind}\t{each.site or 'everything'}\tfrom={source}\tuntil={_clock(each.until)}\t{each.reason}{rate}"
            )


def resume(found: argparse.Namespace) -> None:
    """End the pauses of a site; its mails that were put off are due again at once."""

    async def work(database: Database) -> int:
        async with database.write() as conn:
            return await pauses.clear(conn, "" if found.site == "everything" else found.site, now=now_ms())

    if not with_database(settings_of(found), work):
        raise Failure(f"{found.site} is not paused")
    print(f"{found.site} takes mail again")


def _clock(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%MZ")
