"""`queue`: what waits, by campaign, and which sites take nothing for now; `queue ages` tells how long what waits for each
domain has waited; `queue resume SITE` ends a pause.

In: the parsed command line. Out: one line a campaign with recipients that wait, one line a pause; or a table. Raises
Failure when there is no such pause.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gateway.cli.commands.database import settings_of, with_database
from gateway.cli.failure import Failure
from store import backlog, pauses, queue_shape
from store.backlog import Backlog
from store.engine import Database, now_ms
from store.pauses import Kind, Pause
from store.queue_shape import MINUTES, Row


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


def show_ages(found: argparse.Namespace) -> None:
    """Draw what waits for each domain, by how long it has waited (as qshape does)."""

    async def work(database: Database) -> tuple[Row, list[Row]]:
        async with database.read() as conn:
            return await queue_shape.shape(conn, now_ms(), found.lines)

    whole, rows = with_database(settings_of(found), work)
    shown = [replace(whole, domain="TOTAL"), *rows]
    width = max(len("domain"), *(len(one.domain) for one in shown))
    names = [*(f"<{_span(minutes)}" for minutes in MINUTES), f">{_span(MINUTES[-1])}"]
    print(f"{'domain':>{width}} {'waiting':>9} {'later':>9} " + " ".join(f"{name:>7}" for name in names))
    for one in shown:
        print(f"{one.domain:>{width}} {one.total:>9} {one.later:>9} " + " ".join(f"{n:>7}" for n in one.ages))


def _span(minutes: int) -> str:
    return f"{minutes}m" if minutes < 60 else f"{minutes // 60}h"


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
