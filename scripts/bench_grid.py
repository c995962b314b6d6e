"""The bench of the report's details: how long each answer takes on a million recipients, on SQLite and on PostgreSQL.

In: nothing (see --help). Out: tables in Markdown on standard output: median and worst of each answer of the web application
(the table as HTML, 50 rows), how many answers a search needs that finds little, what the indexes cost a recipient, how long
the sorting of a column takes once, and exports. Returns 1 when an answer's median is above LIMIT.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import text

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import support_million  # noqa: E402
from postgres import Postgres  # noqa: E402
from web_helpers import Reader  # noqa: E402

from gateway.figures import columns, exporting  # noqa: E402
from gateway.web.app import build  # noqa: E402
from gateway.web.context import Context  # noqa: E402
from gateway.web.exports import files  # noqa: E402
from gateway.web.recorder import Recorder  # noqa: E402
from parsers.tokens import Keyring  # noqa: E402
from store import campaigns, grid, orderings  # noqa: E402
from store.engine import Database  # noqa: E402
from store.suppressions import SuppressionKeys  # noqa: E402

LIMIT = 100.0  # ms
TIMES = 7
MOST_ANSWERS = 80
INDEXES = tuple(f"ix_recipients_campaign_id_{name}" for name in ("last_at", "opened_at", "clicked_at", "clicks"))


def condition(column: str, operator: str, value: str, other: str = "") -> str:
    """One condition as an address holds it."""
    return urlencode([("c", column), ("o", operator), ("v", value), ("w", other)])


QUESTIONS = (
    ("Tous", ""), ("Délivrés", "tab=delivered"), ("Annulés", "tab=cancelled"), ("Ouverts + clics", "tab=engaged"),
    ("page in the middle", "after=0.0.{middle}"), ("by status", "sort=status"), ("by date, newest first", "sort=date&down=1"),
    ("by date of opening", "sort=opened&down=1"), ("by clicks", "sort=clicks&down=1"), ("by address", "sort=email"),
    ("by domain", "sort=domain"), ("by Nom (LISTE)", "sort=l1"), ("search martin", "q=martin"),
    ("search two words", "q=mairie+noel"), ("adresses Orange, Wanadoo", condition("provider", "is", "orange")),
    ("ouverts entre 9 h et 12 h", condition("opened", "hours", "9", "12")),
    ("Wanadoo, ouverts entre 9 h et 12 h",
     condition("provider", "is", "orange") + "&" + condition("opened", "hours", "9", "12")),
    ("at least 3 clicks", condition("clicks", "least", "3")), ("RS contains mairie", condition("l0", "contains", "mairie")),
    ("Wanadoo by Nom", "sort=l1&" + condition("provider", "is", "orange")),
    ("search of one address", "q=martin{rare}@"), ("one telephone number", condition("l3", "equals", "0600000000")),
    ("search that finds nobody, among opened", "tab=engaged&q=zzzzzz"),
)  # fmt: skip


async def answered(reader: Reader, query: str) -> tuple[float, str]:
    """One answer and its ms."""
    begun = time.perf_counter()
    answer = await reader.get(f"/r/{support_million.WORD}/details?{query}")
    assert answer.status == 200, answer.status
    return (time.perf_counter() - begun) * 1000, answer.text


async def asked(reader: Reader, query: str) -> tuple[list[float], int, float]:
    """The ms of several first answers; then how many answers it takes to fill the page or to end, and how long in all."""
    first = [(await answered(reader, query))[0] for _ in range(TIMES)]
    answers, rows, whole, ahead = 0, 0, 0.0, query
    while answers < MOST_ANSWERS:
        ms, page = await answered(reader, ahead)
        answers, rows, whole = answers + 1, rows + page.count("data-history"), whole + ms
        first.append(ms)
        if rows >= 50 or "data-more" not in page:
            break
        ahead = page.partition("data-more")[2].partition('href="')[2].partition('"')[0].replace("&amp;", "&")
        ahead = ahead.partition("?")[2].partition("#")[0]
    return first, answers, whole


async def sizes(db: Database, count: int) -> list[tuple[str, float]]:
    """Bytes a recipient of each of the table's indexes and orders."""
    found = []
    async with db.read() as conn:
        for name in INDEXES:
            query = "SELECT sum(pgsize) FROM dbstat WHERE name = :n" if db.sqlite else "SELECT pg_relation_size(:n)"
            found.append(
                (
                    name.removeprefix("ix_recipients_campaign_id_"),
                    int(await conn.scalar(text(query), {"n": name})) / count,
                )
            )
        length = await conn.scalar(text("SELECT sum(length(ids)) FROM orderings WHERE \"column\" = 'l1'"))
    return [*found, ("one sorted column", int(length or 0) / count)]


async def exported(db: Database, campaign_id: int, kind: str, most: int) -> tuple[int, float, int]:
    """Rows, seconds and bytes of an export of everything."""
    async with db.read() as conn:
        campaign = await campaigns.get(conn, campaign_id)
    assert campaign is not None
    chosen = columns.chosen(campaign, "fr", columns.whole(campaign))
    made, begun, rows, size = files.writer(kind, "bench"), time.perf_counter(), 0, 0
    size += len(made.start([one.title for one in chosen]))
    async for chunk in exporting.people(db, campaign, grid.View(), chosen):
        size += len(await asyncio.to_thread(made.rows, chunk))
        rows += len(chunk)
        if rows >= most:
            break
    size += sum(len(piece) for piece in files.ending(made))
    return rows, time.perf_counter() - begun, size


async def bench(url: str, name: str, count: int, files_too: bool) -> bool:
    """All tables of one database; True when every median is within the limit."""
    db = Database.open(url)
    await db.migrate()
    begun = time.perf_counter()
    campaign, _ = await support_million.fill(db, count)
    if not db.sqlite:
        async with db.write() as conn:
            await conn.execute(text("ANALYZE recipients"))
    print(f"\n## {name}: {count:,} recipients (written in {time.perf_counter() - begun:.0f} s)\n")
    for column in ("email", "domain", "l1"):
        begun = time.perf_counter()
        await orderings.build(db, campaign, column)
        print(f"- sorting by `{column}`, once: {time.perf_counter() - begun:.1f} s")
    for what, each in await sizes(db, count):
        print(f"- {what}: {each:.1f} bytes a recipient")
    keyring, suppression = Keyring({1: b"k" * 32}, 1), SuppressionKeys({1: b"k" * 32}, 1)
    app = build(Context(db, keyring, Recorder(db, suppression), "http://gateway.test", "gateway.test", "fr", 10_000))
    reader, good = Reader(app), True
    await answered(reader, "")
    print("\n| question | median ms | worst ms | answers until full or done | ms in all |\n|---|---|---|---|---|")
    for what, query in QUESTIONS:
        ms, answers, whole = await asked(reader, query.format(middle=count // 2, rare=count - 13))
        good &= statistics.median(ms) <= LIMIT
        print(f"| {what} | {statistics.median(ms):.0f} | {max(ms):.0f} | {answers} | {whole:.0f} |", flush=True)
    if files_too:
        print("\n| export | rows | seconds | MB | memory of the process so far, MB |\n|---|---|---|---|---|")
        for kind, most in (("csv", count), ("xlsx", count), ("xls", min(count, 250_000))):
            rows, seconds, size = await exported(db, campaign, kind, most)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"| {kind} | {rows:,} | {seconds:.0f} | {size / 1e6:.0f} | {peak:.0f} |", flush=True)
    await db.close()
    return good


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--exports", action="store_true", help="also write exports of everything")
    given = parser.parse_args(arguments)
    good = True
    if given.database != "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite+aiosqlite:///{folder}/bench.db"
            good &= asyncio.run(bench(url, "SQLite", given.recipients, given.exports))
    if given.database != "sqlite":
        server = Postgres()
        try:
            server.start()
            good &= asyncio.run(bench(server.create("bench"), "PostgreSQL", given.recipients, given.exports))
        finally:
            server.stop()
            server.remove()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
