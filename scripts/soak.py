"""Campaigns one after the other for as long as is asked, while one thing after the other is broken: `make soak MINUTES=N`.

In: options (--minutes N, --each N recipients, --every S seconds between campaigns, --seed N, --postgresql, --graph FILE).
Out: a line a fault and a line a half minute, at the end a table, and the graph of memory, lag and rate as SVG. All along each
ledger must add up at every look, and at the end everybody must have every mail, with no more repeats than the kills allow.
Everything is real: `serve` with its processes, SMTP in and out, perhaps a PostgreSQL server of its own; receivers on loopback
count. Raises SystemExit (1) when a promise is broken.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from postgres import Postgres  # noqa: E402
from running import Running  # noqa: E402
from sink import Sink  # noqa: E402
from support_graph import Curve, Panel, graph  # noqa: E402
from support_memory import ROLES  # noqa: E402
from support_soak import World  # noqa: E402

LOOK = 5.0  # seconds between two looks
LAST = 240.0  # seconds in which all must have ended once nothing is broken any more
SUBJECT = re.compile(rb"^Subject: Soak (\d+) ", re.MULTILINE)


def run(world: World, seconds: float, every: float) -> None:
    """Send, break and look, until the time is over and all has ended."""
    next_mail, next_fault, next_line = 0.0, 20.0, 30.0
    while (now := time.monotonic() - world.begun) < seconds:
        if now >= next_mail:
            world.submit()
            next_mail = now + every
        if now >= next_fault:
            world.break_something()
            next_fault = time.monotonic() - world.begun + world.dice.uniform(10, 30)
        world.look()
        if now >= next_line:
            last, next_line = world.looks[-1], now + 30
            print(f"{world.clock()} {world.sent} campaigns, {len(world.ended)} ended, {last.waiting} wait, "
                  f"{last.rate:.0f}/s, {max(last.memory.values()):.0f} MB", flush=True)  # fmt: skip
        time.sleep(LOOK)
    deadline = time.monotonic() + LAST
    while len(world.ended) < world.sent:
        assert time.monotonic() < deadline, f"{world.sent - len(world.ended)} campaigns do not end"
        world.look()
        time.sleep(1)


def judge(world: World) -> None:
    """Nothing lost, few repeated, one Message-ID a mail."""
    times: Counter[tuple[bytes, str]] = Counter()
    ids: dict[tuple[bytes, str], set[str]] = {}
    for mail in world.taken():
        found = SUBJECT.search(mail.raw)
        assert found, "a mail of no campaign"
        times[found[1], mail.recipient] += 1
        ids.setdefault((found[1], mail.recipient), set()).add(mail.message_id)
    wanted, repeated = world.sent * world.each, sum(times.values()) - len(times)
    print(f"\n| | |\n|---|---|\n| campaigns, recipients | {world.sent}, {wanted} |")
    print(f"| mails lost | {wanted - len(times)} |\n| repeated, at most | {repeated}, {world.repeats} |")
    print(f"| largest process, at the beginning and at the end | {part(world, 0):.0f} MB, {part(world, -1):.0f} MB |")
    for what, count in world.faults.most_common():
        print(f"| {what} | {count} |")
    assert len(times) == wanted, f"{wanted - len(times)} mails lost"
    assert repeated <= world.repeats, f"{repeated} repeats"
    assert all(len(found) == 1 for found in ids.values()), "a repeat with another Message-ID"


def part(world: World, which: int) -> float:
    """The median memory of the first or last fifth."""
    size = max(1, len(world.looks) // 5)
    some = sorted(max(one.memory.values()) for one in (world.looks[:size] if which == 0 else world.looks[-size:]))
    return some[len(some) // 2]


def clock_shift(folder: Path) -> Path:
    """The library that shifts a process's wall clock (tests/support/clock_shift.c)."""
    library, source = folder / "clock_shift.so", ROOT / "tests" / "support" / "clock_shift.c"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


def main() -> int:
    reader = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    reader.add_argument("--minutes", type=float, default=60)
    reader.add_argument("--each", type=int, default=500, help="recipients of a campaign")
    reader.add_argument("--every", type=float, default=10, help="seconds between campaigns")
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--postgresql", action="store_true", help="on a PostgreSQL server of its own")
    reader.add_argument("--graph", type=Path, help="write the graph into this SVG file")
    found = reader.parse_args()
    with contextlib.ExitStack() as ending:
        folder = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="soak")))
        server = Postgres() if found.postgresql else None
        extra = {}
        if server is not None:
            ending.callback(server.remove)
            server.start()
            ending.callback(server.stop)
            extra["DATABASE__URL"] = server.create("soak")
        shift = folder / "shift"
        shift.write_bytes(bytes(8))
        sink = Sink(lambda mail: world.answer(mail))
        sink.__enter__()
        gateway = Running(folder / "gateway", sink.port, **extra)
        gateway.environment |= {"LD_PRELOAD": str(clock_shift(folder)), "CLOCK_SHIFT": str(shift)}
        world = World(folder, random.Random(found.seed), gateway, sink, server, shift, found.each)
        gateway.start()
        ending.callback(lambda: world.sink.stop())
        ending.callback(gateway.stop)
        try:
            run(world, found.minutes * 60, found.every)
            judge(world)
        except AssertionError as error:
            print(f"{world.clock()} BROKEN: {error}\n{gateway.log()[-3_000:]}", file=sys.stderr)
            return 1
        finally:
            if found.graph:
                found.graph.write_text(picture(world), "utf-8")
    return 0


def picture(world: World) -> str:
    """Memory, lag and rate over time, and when something was broken."""
    looks = world.looks
    at = [one.at / 60 for one in looks]
    engine = "PostgreSQL" if world.server else "SQLite"
    title = f"{world.sent} campaigns of {world.each} recipients, {len(world.broken)} faults ({engine})"
    panels = [
        Panel("Mails a second (marks: something was broken)", [Curve("mails", [one.rate for one in looks])]),
        Panel("Recipients without a final answer", [Curve("waiting", [float(one.waiting) for one in looks])]),
        Panel("Memory, MB", [Curve(name, [one.memory[name] for one in looks]) for name in ROLES]),
    ]
    return graph(title, "minutes", at, panels, [moment / 60 for moment in world.broken])


if __name__ == "__main__":
    sys.exit(main())
