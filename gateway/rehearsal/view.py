"""The demo on screen.

In: what happens, as plain values. Out: lines, a live bar of the statuses and a summary, for a terminal (colours, one
live region) or for a file (a line from time to time, no control characters). Nothing is raised.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.i18n import number, text
from gateway.rehearsal.cast import names
from gateway.rehearsal.verdict import WAITING, Check
from parsers.useragent import describe

WIDTH = 100
_BLOCK, _FREE = "█", "░"
_FEED = 6  # lines of people's doings on screen
_PLAIN_EVERY = 3.0  # seconds between two lines when nobody watches live
COLOURS = {
    "delivered": "green",
    "opened": "cyan",
    "clicked": "blue",
    "unsubscribed": "magenta",
    "complained": "bright_red",
    "error": "yellow",
    "cancelled": "red",
    "deferred": "bright_yellow",
    "awaiting": "bright_white",
    "stopped": "bright_black",
    "queued": "bright_black",
}
_FEED_COLOURS = {"bounced": "red", "proxied": "bright_black", "scanned": "bright_black", "surprises": "bright_red"}


class View:
    """What the demo says; make one and use it from one task."""

    def __init__(self, console: Console, locale: str) -> None:
        self.console, self.locale = console, locale
        self._live: Live | None = None
        self._said = 0.0
        self._names = names()

    def words(self, key: str, **values: object) -> str:
        """A text of the demo in the language of the one who looks."""
        return text(self.locale, f"demo.{key}", **values)

    def title(self, domains: int) -> None:
        """The first lines."""
        self.console.print()
        self.console.print(Text(self.words("title"), style="bold"))
        self.console.print(Text(self.words("subtitle", domains=domains), style="bright_black"))
        self.console.print()

    def step(self, key: str, note: str) -> None:
        """One thing is done."""
        line = Text.assemble(("✓ ", "bold green"), (f"{self.words(key):<22}", "bold"), (note, "bright_black"))
        self.console.print(line)

    def letter(self, sender: str, subject: str, body: str) -> None:
        """The acknowledgement, framed."""
        head = Text.assemble((f"{sender}\n", "bright_black"), (subject, "bold"), "\n\n")
        self.console.print(Panel(head + Text(body), width=self._width(), border_style="bright_black", padding=(1, 2)))

    def progress(self, ledger: Mapping[str, Any], feed: Sequence[Mapping[str, str]], seconds: float) -> None:
        """The state of the campaign now."""
        if not self.console.is_terminal:
            if time.monotonic() - self._said >= _PLAIN_EVERY:
                self._said = time.monotonic()
                self.console.print(self._line(ledger, seconds), soft_wrap=True)
            return
        if self._live is None:
            self._live = Live(console=self.console, refresh_per_second=8, transient=False)
            self._live.start()
        self._live.update(self._stage(ledger, feed, seconds))

    def end_progress(self, ledger: Mapping[str, Any], seconds: float) -> None:
        """Leave the last state standing."""
        if self._live is not None:
            self._live.update(self._stage(ledger, (), seconds))
            self.close()
        else:
            self.console.print(self._line(ledger, seconds), soft_wrap=True)

    def close(self) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def balance(self, ledger: Mapping[str, Any], checks: Sequence[Check]) -> None:
        """The table of the statuses beside what was foreseen, and every check."""
        foreseen = next(check.expected for check in checks if check.name == "statuses")
        assert isinstance(foreseen, Mapping)
        table = Table(box=SIMPLE_HEAD, title=self.words("table.title"), title_justify="left", title_style="bold")
        table.add_column(self.words("table.status"))
        table.add_column(self.words("table.found"), justify="right")
        table.add_column(self.words("table.expected"), justify="right", style="bright_black")
        self.console.print()
        for code, n in ledger["statuses"].items():
            if n or foreseen.get(code):
                name = Text.assemble(("● ", COLOURS[code]), text(self.locale, f"status.{code}"))
                same = n == foreseen.get(code, 0)
                table.add_row(name, Text(number(self.locale, n), style="" if same else "bold red"), str(foreseen[code]))
        table.add_section()
        whole = number(self.locale, ledger["recipients"])
        table.add_row(Text(self.words("table.total"), style="bold"), Text(whole, style="bold"), "")
        self.console.print(table)
        self.console.print(Text(self.words("check.title"), style="bold"))
        for check in checks:
            self.console.print(self._check(check), soft_wrap=True)
        self.console.print()

    def end(self, report: str, folder: str, stays: bool) -> None:
        """The report's URL on a line of its own, whatever the width."""
        self.console.print(Text(self.words("end.report"), style="bold"))
        self.console.print(Text(report, style="underline cyan"), soft_wrap=True)
        self.console.print()
        self.console.print(Text(self.words("end.files", folder=folder), style="bright_black"), soft_wrap=True)
        if stays:
            self.console.print(self.words("end.stay"))

    def _width(self) -> int:
        return min(self.console.width, WIDTH)

    def _check(self, check: Check) -> Text:
        words = self.words(f"check.{check.name}", **check.values)
        if check.good:
            return Text.assemble(("✓ ", "bold green"), words)
        wrong = self.words("check.wrong", **dict(zip(("expected", "found"), _differences(check), strict=True)))
        return Text.assemble(("✗ ", "bold red"), (words, "bold"), f" : {wrong}")

    def _line(self, ledger: Mapping[str, Any], seconds: float) -> str:
        counts = (f"{text(self.locale, f'status_short.{code}')} {n}" for code, n in ledger["statuses"].items() if n)
        return f"  {self.words('seconds', n=f'{seconds:.0f}'):>5}  {' · '.join(counts)}"

    def _stage(self, ledger: Mapping[str, Any], feed: Sequence[Mapping[str, str]], seconds: float) -> RenderableType:
        statuses: Mapping[str, int] = ledger["statuses"]
        waiting = sum(statuses[code] for code in WAITING)
        done = ledger["recipients"] - waiting
        head = Text.assemble(
            (self.words("sending" if waiting else "done"), "bold"),
            ("   " + self.words("mails", done=done, all=ledger["recipients"]), ""),
            ("   " + self.words("seconds", n=f"{seconds:.0f}"), "bright_black"),
        )
        parts: list[RenderableType] = [
            Text(),
            head,
            Text(),
            bar(statuses, self._width()),
            Text(),
            self._legend(statuses),
        ]
        if feed:
            parts += [Text(), Text(self.words("people"), style="bold"), *map(self._doing, feed[-_FEED:])]
        return Group(*parts)

    def _legend(self, statuses: Mapping[str, int]) -> RenderableType:
        entries = [
            Text.assemble(("● ", COLOURS[code]), f"{text(self.locale, f'status_short.{code}')} ", (str(n), "bold"))
            for code, n in statuses.items()
            if n
        ]
        return Columns(entries, padding=(0, 3), width=self._width() // 4 - 3)

    def _doing(self, event: Mapping[str, str]) -> Text:
        what, how = event["what"], event["how"]
        local, _, domain = event["who"].partition("@")
        person = self._names.get(event["who"].lower(), local)
        line = Text.assemble(
            ("  ● ", COLOURS.get(what) or _FEED_COLOURS.get(what, "white")),
            self.words(f"feed.{what}", who=person),
            (f"  {domain}", "bright_black"),
        )
        if what == "opened":
            known = describe(how)
            how = " · ".join(word for word in (known.client, known.system) if word)
        if how:
            line.append(f"  {how}", style="bright_black")
        line.truncate(self._width(), overflow="ellipsis")
        return line


def _differences(check: Check) -> tuple[object, object]:
    """What was expected and found, of tables only what differs."""
    expected, found = check.expected, check.found
    if not (isinstance(expected, Mapping) and isinstance(found, Mapping)):
        return expected, found
    keys = [key for key in expected if expected[key] != found.get(key)]
    return {key: expected[key] for key in keys}, {key: found.get(key) for key in keys}


def bar(statuses: Mapping[str, int], width: int) -> Text:
    """A bar in which every status has its share; one that somebody has is never invisible."""
    order = [code for code in COLOURS if statuses.get(code)]
    whole = sum(statuses[code] for code in order)
    shares = {code: max(1, round(width * statuses[code] / whole)) for code in order}
    while sum(shares.values()) > width:
        shares[max(shares, key=lambda code: shares[code])] -= 1
    while shares and sum(shares.values()) < width:
        shares[max(shares, key=lambda code: shares[code])] += 1
    line = Text()
    for code in order:
        line.append((_FREE if code == "queued" else _BLOCK) * shares[code], style=COLOURS[code])
    return line
