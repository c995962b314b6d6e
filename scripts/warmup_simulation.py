"""Two local addresses through twenty days of warm-up on a clock that is moved: what left each, against the calendar.

In: nothing. Out: a table, one line a day and address: the step, its allowance, the mails claimed by two senders that ask
all day long, the answers, and what moved the step. The counters are those of the real store, in a database of its own that
is removed at the end. Run: python scripts/warmup_simulation.py
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config import warmup
from config.warmup import DAY, HOUR, Answers
from store import sources, warmups
from store.engine import Database
from store.sources import Source, State

FIRST = 20_700 * DAY
ADDRESSES = ("192.0.2.1", "192.0.2.2")
# parts of a list of French consumers and companies; "" are sites of no known provider
PROVIDERS = {"orange": 0.30, "google": 0.25, "microsoft": 0.15, "free": 0.10, "": 0.20}
SENDERS = 2
HOURS = range(2, 24, 3)  # when they ask; what earlier hours left stays open
QUIET = {6, 7}  # days (from 1) on which nearly nothing is to be sent
TROUBLE = {("192.0.2.2", 10): "orange"}  # (address, day) -> who defers four mails in ten


@dataclass(frozen=True, slots=True)
class Line:
    """One address on one day, as the store counted it."""

    day: int
    address: str
    step: int  # from 0, at the end of the day
    allowance: int  # of the step with which the day began
    claimed: int
    most_of_one: int
    answers: Answers
    back: str  # the provider whose answers took the address back, "" for none


async def simulate(database: Database, days: int = 20, seed: int = 1) -> list[Line]:
    """Send for so many days from both addresses with more mail than their calendars allow; returns what was counted."""
    rules, chance = warmup.load(), random.Random(seed)
    async with database.write() as conn:
        own = []
        for address in ADDRESSES:
            new = Source(0, address, "", sources.SHARED, "", State.WARMING, 0, warmup.day_of(FIRST))
            own.append(await sources.add(conn, new, FIRST))
    lines: list[Line] = []
    for day in range(1, days + 1):
        start = FIRST + (day - 1) * DAY
        async with database.write() as conn:
            await warmups.advance(conn, rules, start)
            begun = {one.id: one.step for one in await sources.every(conn)}
        backs = await _day(database, rules, own, day, start, chance)
        async with database.read() as conn:
            uses, now = await warmups.uses(conn, warmup.day_of(start)), await sources.every(conn)
        for source in now:
            use = uses.get((source.id, ""), warmups.Use(0, Answers()))
            most = max((uses[key].claimed for key in uses if key[0] == source.id and key[1]), default=0)
            allowed = warmup.allowance(rules, begun[source.id])
            line = Line(
                day, source.address, source.step, allowed, use.claimed, most, use.answers, backs.get(source.id, "")
            )
            lines.append(line)
    return lines


async def _day(
    database: Database, rules: warmup.Rules, own: list[Source], day: int, start: int, chance: random.Random
) -> dict[int, str]:
    """All day long the senders ask for each provider, send what they get, and give back what they have no mail for."""
    backs: dict[int, str] = {}
    left = {source.id: 20 if day in QUIET else 10_000_000 for source in own}
    for hour in HOURS:
        now, told = start + hour * HOUR + chance.randrange(HOUR), dict[tuple[int, str], Answers]()
        turns = [(source, provider) for source in own for provider in PROVIDERS] * SENDERS
        async with database.write() as conn:
            for source, provider in sorted(turns, key=lambda _: chance.random()):
                wanted = int(warmup.allowance(rules, 20) * PROVIDERS[provider] / len(HOURS) / SENDERS)
                claim = await warmups.claim_warmup(conn, rules, source.id, provider, wanted, now)
                sent = min(claim.granted, left[source.id])
                await warmups.give_back(conn, source.id, provider, claim.granted - sent, claim.day, now)
                left[source.id] -= sent
                ill = TROUBLE.get((source.address, day)) == provider
                deferred, known = int(sent * (0.4 if ill else 0.02)), told.get((source.id, provider), Answers())
                told[source.id, provider] = Answers(known.accepted + sent - deferred, known.deferred + deferred)
            for moved in await warmups.report(conn, rules, told, now):
                backs[moved.source.id] = moved.provider or "all together"
    return backs


def table(lines: list[Line]) -> str:
    """The lines for people."""
    rows = ["day  address    step  allowance    claimed  of one provider  accepted  deferred  moved"]
    for line in lines:
        moved = f"back: {line.back} deferred too much" if line.back else ""
        figures = f"{line.allowance:>9,}  {line.claimed:>9,}  {line.most_of_one:>15,}"
        told = f"{line.answers.accepted:>8,}  {line.answers.deferred:>8,}"
        rows.append(f"{line.day:>3}  {line.address:<9}  {line.step + 1:>4}  {figures}  {told}  {moved}".rstrip())
    return "\n".join(rows)


async def _main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(f"sqlite+aiosqlite:///{folder}/simulation.db")
        try:
            await database.migrate()
            print(table(await simulate(database)))
        finally:
            await database.close()


if __name__ == "__main__":
    asyncio.run(_main())
