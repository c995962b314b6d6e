"""`top`: the gateway at work, live on a terminal.

In: the parsed command line. Out: a screen that is drawn anew every few seconds until Ctrl-C: what waits and for how long,
mails a second since the last look, senders, campaigns under way, sites that pause; once and as plain text with --once or
without a terminal. Raises what the settings and the database raise.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from config.settings import Settings
from gateway.cli.commands.database import settings_of, with_database
from gateway.i18n import number, text
from store import campaigns, health, pauses
from store.engine import Database, now_ms
from store.health import Queue
from store.pauses import Kind, Pause
from store.states import WAITING, Status
from store.values import Campaign, CampaignState, Ledger

_SHOWN = 12  # campaigns and pauses on screen
_GOING = (CampaignState.SENDING, CampaignState.SCHEDULED, CampaignState.PAUSED, CampaignState.HELD)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen; `sent` counts recipients with an answer, of the campaigns shown."""

    at: float
    queue: Queue
    going: list[tuple[Campaign, Ledger]]
    pauses: list[Pause]

    @property
    def sent(self) -> dict[int, int]:
        return {one.id: one.recipients - _left(ledger) for one, ledger in self.going}


def top(found: argparse.Namespace) -> None:
    """Show it, once or until Ctrl-C."""
    settings = settings_of(found)
    live = not found.once and sys.stdout.isatty()

    async def work(database: Database) -> None:
        console = Console()
        last = await look(database)
        if not live:
            console.print(screen(last, None, settings))
            return
        with Live(screen(last, None, settings), console=console, screen=True, auto_refresh=False) as display:
            while True:
                await asyncio.sleep(max(0.5, found.every))
                seen = await look(database)
                display.update(screen(seen, last, settings), refresh=True)
                last = seen

    with_database(settings, work)


async def look(database: Database) -> Look:
    """Look at everything that is shown."""
    now = now_ms()
    async with database.read() as conn:
        queue = await health.queue(conn, now)
        going = [one for one in await campaigns.recent(conn) if one.state in _GOING][:_SHOWN]
        ledgers = [(one, ledger) for one in going if (ledger := await campaigns.ledger(conn, one.id)) is not None]
        halted = [one for one in await pauses.active(conn, now) if one.kind is not Kind.NOTE][:_SHOWN]
    return Look(time.monotonic(), queue, ledgers, halted)


def rate(seen: Look, last: Look | None) -> float | None:
    """Answers a second since the last look, of campaigns that both saw."""
    if last is None or seen.at <= last.at:
        return None
    before = last.sent
    return sum(n - before[one] for one, n in seen.sent.items() if one in before) / (seen.at - last.at)


def screen(seen: Look, last: Look | None, settings: Settings) -> RenderableType:
    """Draw one look."""
    locale, queue = settings.gateway.locale, seen.queue
    speed = rate(seen, last)
    facts = Table.grid(padding=(0, 3))
    row = [
        ("top.waiting", number(locale, queue.waiting)),
        ("top.late", _span(queue.late)),
        ("top.rate", "–" if speed is None else f"{speed:,.1f}"),
        ("top.senders", str(queue.senders)),
        ("top.leased", number(locale, queue.leased)),
        ("top.notices", number(locale, queue.notices)),
        ("top.hits", number(locale, queue.hits)),
    ]
    facts.add_row(*(Text(text(locale, key), style="dim") for key, _ in row))
    facts.add_row(*(Text(value, style="bold") for _, value in row))
    parts: list[RenderableType] = [Text(f"mail2campaign · {settings.gateway.domain}", style="bold"), facts, Text()]
    parts.append(_campaigns(seen, locale))
    if seen.pauses:
        parts += [Text(), _pauses(seen, locale)]
    return Group(*parts)


def _campaigns(seen: Look, locale: str) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for key in ("id", "campaign", "state", "recipients", "done", "left", "delivered"):
        numeric = key not in ("campaign", "state")
        table.add_column(text(locale, f"top.{key}"), justify="right" if numeric else "left", no_wrap=True)
    for one, ledger in seen.going:
        left = _left(ledger)
        share = 100 * (one.recipients - left) // max(1, one.recipients)
        delivered = ledger.measures.get("delivered", 0)
        name = "".join(char if char.isprintable() else " " for char in one.name)[:40]
        state = text(locale, f"state.{one.state}")
        figures = (number(locale, one.recipients), f"{share} %", number(locale, left), number(locale, delivered))
        table.add_row(str(one.id), Text(name), Text(state), *figures)
    return table


def _pauses(seen: Look, locale: str) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for key in ("site", "until", "reason"):
        table.add_column(text(locale, f"top.{key}"), no_wrap=True)
    for one in seen.pauses:
        left = _span(max(0, one.until - now_ms()))
        table.add_row(Text(one.site or "*"), left, Text(one.reason + (f" {one.rate}/h" if one.rate else "")))
    return table


def _left(ledger: Ledger) -> int:
    return sum(ledger.statuses.get(Status(status), 0) for status in WAITING)


def _span(ms: int) -> str:
    seconds = ms // 1000
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
