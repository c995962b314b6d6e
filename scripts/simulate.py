"""How many addresses, days, cores and disks a volume takes: the queues of scripts/support_simulation.py with our unit costs.

In: options (--volume N a day, repeatable; --mix key=share,…; --per-connection mails a second; --check). Out: a table in
Markdown on standard output. Limits come from config/providers.toml, the calendar from config/warmup.toml, unit costs from
`make bench` (the options say which). --check runs the model beside campaigns whose length was measured, on the same limits.
Raises SystemExit with a sentence for options that make no sense.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from math import ceil, inf

from support_check import check
from support_simulation import Load, Site, fewest, normal, warm_days

from config import warmup
from config.providers import Providers

# a consumer list in France, as a sender of newsletters may find it: an assumption, to be replaced by --mix
MIX = {
    "gmail": 32, "microsoft": 16, "orange": 14, "free": 7, "yahoo": 6, "sfr": 6, "apple": 4, "laposte": 3, "bouygues": 2,
    "": 10,
}  # fmt: skip
DEFERRED, RETRY = 0.03, 300.0  # first attempts put off, and for how long
DAYS = 60  # that a warm-up may take at most
MACHINE = 2  # cores


@dataclass(frozen=True, slots=True)
class Costs:
    """What one mail or one hit costs, as measured (make bench); bytes on the disk and on the wire."""

    core_ms: float = 0.60  # of a sender's core, 34 KB with 10 links
    hit_ms: float = 0.10
    hits: float = 0.5  # opens and clicks a mail
    row_bytes: int = 610  # a recipient with its events, SQLite
    wire_bytes: int = 36_000
    rows: float = 2.6  # rows written a mail: its outcome, its event, its part of counters and hits


def sites(mix: dict[str, float], per_connection: float, providers: Providers) -> list[Site]:
    """Where the mail goes, and how much of it each takes from one address a second."""
    made = []
    for key, share in normal(mix).items():
        found = providers.named(key) if key else None
        if key and found is None:
            raise SystemExit(f"simulate: no provider {key!r} in providers.toml")
        rate = inf  # other servers are many: none of them is full
        if found is not None:
            rate = (found.connections or 20) * per_connection
            rate = min(rate, found.per_hour / 3600) if found.per_hour else rate
        made.append(Site(key, share, rate, DEFERRED, RETRY))
    return made


def answer(volume: int, where: list[Site], costs: Costs) -> tuple[str, str]:
    """One line of the table, and the same in a sentence."""
    pace = 1.5 * volume / (10 * 3600)  # machines for the ten hours in which mail comes, with half as much in hand
    steady = Load(volume, where, 1, pace, days=2, step=300.0)
    grown = fewest(steady)
    rules = warmup.load()
    advised = warmup.advised(rules, volume)
    start = max(grown or 1, advised)
    new = Load(volume, where, start, pace, days=DAYS, step=1800.0, calendar=rules)
    days = warm_days(new)
    cores = pace * costs.core_ms / 1000 + volume * costs.hits / 36_000 * costs.hit_ms / 1000
    disk = volume * costs.row_bytes / 1e9
    wire = pace * costs.wire_bytes * 8 / 1e9
    writes = pace * costs.rows
    machines = ceil(cores / MACHINE / 0.7)
    warm = str(days) if days else f"more than {DAYS}"
    cells = (
        f"{volume:,}", f"{grown:,}" if grown else "more than 1,000,000", f"{advised:,}", warm, f"{cores:,.1f}",
        f"{machines:,}", f"{pace:,.0f}", f"{writes:,.0f}", _bytes(disk), _bytes(disk * 30), f"{wire:,.2f} Gbit/s",
    )  # fmt: skip
    said = (
        f"{volume:,} mails a day: {start:,} address{'es' * (start > 1)}, {warm} days until new ones carry all of it, "
        f"{machines:,} machine{'s' * (machines > 1)} of {MACHINE} cores."
    )
    return f"| {' | '.join(cells)} |", said


def _bytes(gigabytes: float) -> str:
    """An amount on the disk, in the unit that people would say."""
    if gigabytes < 0.1:
        return f"{1000 * gigabytes:,.0f} MB"
    return f"{gigabytes / 1000:,.1f} TB" if gigabytes >= 1000 else f"{gigabytes:,.{0 if gigabytes >= 10 else 1}f} GB"


HEAD = (
    "mails a day", "addresses that the limits ask for", "advised by volume", "days of warm-up", "cores",
    "machines of 2 cores at 70 %", "mails a second", "rows a second", "database a day", "in 30 days", "network",
)  # fmt: skip


def main() -> int:
    reader = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reader.add_argument("--volume", type=int, action="append", help="mails a day (default: 10^4 … 10^9)")
    reader.add_argument("--mix", default="", help="key=share,… of providers.toml; an empty key is all others")
    reader.add_argument("--per-connection", type=float, default=3.0, help="mails a second that one connection carries")
    reader.add_argument("--check", action="store_true", help="the model beside measured campaigns")
    found = reader.parse_args()
    if found.check:
        print("\n".join(check()))
        return 0
    try:
        mix = {key: float(share) for key, _, share in (pair.partition("=") for pair in found.mix.split(",") if pair)}
    except ValueError as error:
        raise SystemExit(f"simulate: --mix: {error}") from error
    where = sites(mix or dict(MIX), found.per_connection, Providers.load())
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    sentences = []
    for volume in found.volume or (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000):
        if volume < 1:
            raise SystemExit("simulate: --volume must be above 0")
        line, said = answer(volume, where, Costs())
        print(line, flush=True)
        sentences.append(f"- {said}")
    print("\n" + "\n".join(sentences))
    return 0


if __name__ == "__main__":
    sys.exit(main())
