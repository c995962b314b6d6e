"""Years of campaigns in PostgreSQL, and what they cost: `make history`.

In: options (--rows N, --first N, --folder FOLDER, --to FILE). Out: bench/history.md: the median of each question that
senders, people and the gateway itself ask, at --first recipients and at --rows of them on the same server in one run, the
size of every large table and index at both, bytes a recipient, and the plans (EXPLAIN ANALYZE, BUFFERS) of all statements at
the larger size. The server is this script's own, on the disk, durable, and gone with it. Returns 1 when a question takes more
times as long as it may (the report and leases: twice), 2 when the disk has no room.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import support_history  # noqa: E402
import support_plans  # noqa: E402
import support_size  # noqa: E402
from postgres import Postgres  # noqa: E402
from support_bench import machine  # noqa: E402

from config.settings import DatabaseSection  # noqa: E402
from store.engine import Database  # noqa: E402

EACH = 1_250  # bytes a recipient with all that belongs to it, indexes too
BESIDE = 5_000_000_000  # the server's log, what is sorted on the disk, and room for others
SHOWN = 1_000_000  # bytes of a table or index that is worth a line
Times = Mapping[str, Sequence[support_size.Spent]]


def refusal(rows: int, free: int) -> str:
    """Why so many recipients are not made, with so many bytes free; empty when they fit."""
    needed = rows * EACH + BESIDE
    if needed <= free:
        return ""
    room = f"{needed / 1e9:.0f} GB, and {free / 1e9:.0f} GB are free"
    return f"{rows:,} recipients take some {room}: give --folder on a larger disk"


def answers(small: Times, large: Times, sizes: tuple[int, int]) -> tuple[list[str], bool]:
    """The table of the questions, and whether none takes more times as long as it may."""
    first, last = (f"{size:,}" for size in sizes)
    lines = [
        f"| question | ms of processors, {first} | {last} | ratio | at most | quickest by the clock, {first} | {last} |",
        "|---|---|---|---|---|---|---|",
    ]
    met = True
    for question in support_size.QUESTIONS:
        both = small[question.what], large[question.what]
        (one, other), quickest = map(support_size.typical, both), [min(each.clock for each in times) for times in both]
        missed = support_size.missed(question, *both)
        met = met and not missed
        most = f"{question.most:g}{' **missed**' if missed else ''}" if question.most else ""
        figures = f"{one:.1f} | {other:.1f} | {other / one:.2f} | {most} | {quickest[0]:.1f} | {quickest[1]:.1f}"
        lines.append(f"| {question.what} | {figures} |")
    return lines, met


def weights(small: Mapping[str, int], large: Mapping[str, int], recipients: int) -> list[str]:
    """The table of what the tables and indexes take."""
    lines = ["| table or index | MB at first | MB at last | bytes a recipient |", "|---|---|---|---|"]
    for name, size in sorted(large.items(), key=lambda one: -one[1]):
        if size >= SHOWN:
            lines.append(f"| {name} | {small.get(name, 0) / 1e6:,.1f} | {size / 1e6:,.1f} | {size / recipients:.1f} |")
    whole = sum(large.values())
    return [*lines, f"| all | {sum(small.values()) / 1e6:,.1f} | {whole / 1e6:,.1f} | {whole / recipients:.0f} |"]


def shown(plans: Sequence[support_plans.Plan]) -> list[str]:
    """What was read from end to end, and the plans by question."""
    whole = [
        f"- {table}: {support_plans.spent(one.told):.1f} ms ({one.subject})"
        for one in plans
        for table in sorted(support_plans.scanned(one.told))
    ]
    lines = ["\n## Tables read from end to end\n", *(whole or ["None."]), "\n## Plans at the larger size"]
    subject = ""
    for one in plans:
        lines += [f"\n### {one.subject}\n"] if one.subject != subject else []
        lines += ["```", one.shown, "```"]
        subject = one.subject
    return lines


async def history(url: str, server: int, first: int, rows: int) -> tuple[list[str], bool]:
    """The report on a new database, and whether its targets are met."""
    db, begun = Database.open(url, DatabaseSection(statement_timeout="0")), time.monotonic()
    await db.migrate()
    await support_history.prepare(db)
    found = []
    for size in (first, rows):
        count = await support_history.extend(db, size)
        print(f"{size:,} recipients in {count} campaigns after {time.monotonic() - begun:.0f} s", file=sys.stderr)
        times, plans = await support_size.measured(db, server)
        found.append((times, await support_plans.sizes(db)))
    (small, light), (large, heavy) = found
    table, met = answers(small, large, (first, rows))
    people = await support_history.people(db)
    await db.close()
    return [*table, "\n## Sizes\n", *weights(light, heavy, people), *shown(plans)], met


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument(
        "--first", type=int, help="recipients at the first measurement, 1,000 or more (default: a tenth)"
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="on the disk that holds them")
    parser.add_argument("--to", type=Path, default=Path("bench/history.md"))
    given = parser.parse_args(arguments)
    if why := refusal(given.rows, shutil.disk_usage(given.folder).free):
        print(f"history: {why}", file=sys.stderr)
        return 2
    server = Postgres(durable=True, within=given.folder, memory="2GB")
    try:
        server.start()
        for setting in (
            "max_wal_size = '3GB'",
            "checkpoint_timeout = '1h'",
            "autovacuum = off",
        ):  # we do it at its time
            server.sql(f"ALTER SYSTEM SET {setting}")
        server.sql("SELECT pg_reload_conf()")
        sizes = given.first or max(1_000, given.rows // 10), given.rows
        lines, met = asyncio.run(history(server.create("history"), server.pid(), *sizes))
    finally:
        server.stop("fast")
        server.remove()
    given.to.parent.mkdir(parents=True, exist_ok=True)
    given.to.write_text("\n".join([f"# History in PostgreSQL\n\n{machine()}\n", *lines, ""]), "utf-8")
    print("\n".join(lines[: len(support_size.QUESTIONS) + 2]))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
