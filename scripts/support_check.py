"""The model beside what was measured: campaigns that went out on 2 cores, and the same limits as the model sees them.

In: nothing. Out: tables in Markdown: how long each took, measured and in the model, and the difference. What the machine and
one of its connections carry comes from the run itself; how limits, greylisting and pauses make it longer is the model's word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from support_providers import SHARES, Provider, cast
from support_simulation import Load, Run, Site

FREE = {"first": 0, "last": 24, "until": 1.0}  # one campaign, all of it there at the beginning
RETRY = 20.0  # seconds, as the twelve's file says
BURST = 60  # seconds' worth of an hourly limit that may go at once (mta/claims.py)


@dataclass(frozen=True, slots=True)
class Twelve:
    """A run of scripts/twelve_providers.py: recipients, mails a second of the machine while nothing held it back and of one
    connection at a provider that allows few, and when the last mail of each provider had gone (seconds)."""

    people: int
    pace: float
    per_connection: float
    ended: dict[str, float]


MEASURED = Twelve(
    20_000, 490.0, 15.0,
    {"libre": 33, "deux": 68, "cent": 33, "debit": 40, "gris": 53, "bloque": 37, "lent": 46, "occupe": 51, "inconnus": 34,
     "pleins": 52, "ancien": 35, "quota": 73},
)  # fmt: skip


def check() -> Iterator[str]:
    """Both tables."""
    yield "| campaign | measured | model | difference |\n|---|---|---|---|"
    load = Load(100_000, [Site("one", 1.0)], 1, 2_660, step=1.0, **FREE)  # scripts/bench_sites.py
    yield _row("100,000 mails to one site", 35.0, Run(load).run()[-1].last_at)
    modelled = model(MEASURED, cast())
    yield _row("20,000 to twelve providers", max(MEASURED.ended.values()), max(modelled.values()))
    yield "\n| of the twelve | limits and manners | mails | measured | model | difference |\n|---|---|---|---|---|---|"
    for one in cast():
        mails = f"{one.share * MEASURED.people // len(SHARES):,}"
        yield _row(f"{one.key} | {one.manners} | {mails}", MEASURED.ended[one.key], modelled[one.key])


def _row(what: str, measured: float, modelled: float) -> str:
    return f"| {what} | {measured:.0f} s | {modelled:.0f} s | {100 * (modelled / measured - 1):+.0f} % |"


def model(run: Twelve, some: Sequence[Provider]) -> dict[str, float]:
    """When the last mail of each of these goes in the model."""
    where = [_site(one, run.per_connection) for one in some]
    return dict(Run(Load(run.people, where, 1, run.pace, step=0.5, **FREE)).run()[-1].last_of)


def _site(one: Provider, per_connection: float) -> Site:
    rate, burst = inf, 0.0
    if one.connections:
        rate = one.connections / (one.delay + 1 / per_connection)
    if one.per_hour:
        rate, burst = one.per_hour / 3600, one.per_hour / 3600 * BURST
    put_off = 1.0 if one.greylists else one.full / 100
    pause = (float(one.blocks_at), one.blocks) if one.blocks_at else (inf, 0.0)
    return Site(one.key, one.share / len(SHARES), rate, put_off, RETRY, burst, *pause)
