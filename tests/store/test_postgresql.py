"""Connections to PostgreSQL: what takes too long ends, is told, and works when tried again; of several servers one writes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from postgres import Postgres
from running import ROOT, free_ports
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from store_helpers import KEYS

from config.settings import DatabaseSection
from mta.outcomes import Outcomes, Sink
from store import bulk, events, postgresql, reports
from store.engine import Database
from store.outages import passing
from store.states import Event
from store.tables import recipients
from store.values import Campaign, Change
from store.within import TooLong, within

pytestmark = pytest.mark.peers
SHORT = "300ms"
MakeCampaign = Callable[..., Awaitable[Campaign]]


@asynccontextmanager
async def opened(url: str, **bounds: str) -> AsyncIterator[Database]:
    """A database handle with its own bounds."""
    database = Database.open(url, DatabaseSection(**bounds))
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def db(server: Postgres, tmp_path: object) -> AsyncIterator[Database]:
    """A migrated database of the test's own, with our usual bounds."""
    name = f"bounds{abs(hash(tmp_path)) % 1_000_000}"
    async with opened(await asyncio.to_thread(server.create, name, "model")) as database:
        yield database
    await asyncio.to_thread(server.drop, name)


async def refused(database: Database, statement: str, idle: float = 0.0) -> Exception:
    """What a statement is answered with, perhaps after a pause in its transaction."""
    with pytest.raises((DBAPIError, OSError)) as caught:
        async with database.write() as conn:
            await conn.execute(text("SELECT 1"))
            await asyncio.sleep(idle)
            await conn.execute(text(statement))
    return caught.value


async def works(database: Database) -> bool:
    async with database.write() as conn:
        return bool(await conn.scalar(text("SELECT true")))


async def test_a_statement_that_takes_too_long_ends(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    async with opened(db.url, statement_timeout=SHORT) as hasty:
        assert passing(await refused(hasty, "SELECT pg_sleep(60)"))
        assert '"what": "statement"' in capsys.readouterr().err
        assert await works(hasty)


async def test_a_reader_of_the_report_who_asks_too_much_is_no_news(
    db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async with db.read() as conn:
        with pytest.raises(TooLong):
            async with within(conn, 50):
                await conn.execute(text("SELECT pg_sleep(60)"))
    async with db.read() as conn:
        async with within(conn, 50):
            await conn.execute(text("SELECT 1"))
        assert await conn.scalar(text("SELECT current_setting('statement_timeout')")) == "5min", "as before"
    assert "database_gave_up" not in capsys.readouterr().err


async def test_somebody_elses_lock_is_not_waited_for_without_end(
    db: Database, make: MakeCampaign, capsys: pytest.CaptureFixture[str]
) -> None:
    await make(1)
    async with opened(db.url, lock_timeout=SHORT) as hasty, db.write() as conn:
        await conn.execute(select(recipients.c.id).with_for_update())
        assert passing(await refused(hasty, "UPDATE recipients SET clicks = 1"))
        assert '"what": "lock"' in capsys.readouterr().err
    async with db.read() as conn:
        assert await conn.scalar(select(func.sum(recipients.c.clicks))) == 0


async def test_a_transaction_in_which_nothing_happens_is_undone_and_frees_its_locks(
    db: Database, make: MakeCampaign
) -> None:
    await make(1)
    async with opened(db.url, idle_timeout=SHORT) as dozing:
        assert passing(await refused(dozing, "UPDATE recipients SET clicks = 1", idle=0.8))
        assert await works(dozing)


async def test_outcomes_that_met_a_lock_are_written_with_their_stories_when_it_is_gone(
    db: Database, make: MakeCampaign
) -> None:
    """Nothing is lost, nothing is written twice, and the permits come free once."""
    await make(3)
    async with db.read() as conn:
        ids = list((await conn.execute(select(recipients.c.id))).scalars())
    freed: list[int] = []
    async with opened(db.url, lock_timeout="100ms") as hasty:

        async def write(batch: object) -> int:
            async with hasty.write() as conn:
                return await events.apply(conn, batch, KEYS, commit=True)  # type: ignore[arg-type]

        queue = Outcomes(Sink(write, freed.append))
        running = asyncio.create_task(queue.run())
        async with db.write() as conn:
            await conn.execute(select(recipients.c.id).with_for_update())
            for one in ids:
                queue.add(Change(one, Event.ACCEPTED, 1, detail={"reply": "250 taken"}))
            await asyncio.sleep(1.0)  # long enough for several tries
            assert not freed
        assert await queue.settle(20)
        running.cancel()
    async with db.read() as conn:
        stories = [await reports.history(conn, one, 10) for one in ids]
    assert [[event.detail["reply"] for event in story] for story in stories] == [["250 taken"]] * 3
    assert sum(freed) == 3


async def test_connections_to_a_server_that_takes_no_writes_any_more_are_given_up(
    db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async def server_process() -> int:
        async with db.read() as conn:
            return int(await conn.scalar(text("SELECT pg_backend_pid()")) or 0)

    before = await server_process()
    with pytest.raises(DBAPIError) as caught:
        async with db.write() as conn:
            await conn.execute(text("SET TRANSACTION READ ONLY"))
            await conn.execute(text("UPDATE recipients SET clicks = 1"))
    assert passing(caught.value)
    assert '"what": "standby"' in capsys.readouterr().err
    assert await server_process() != before


async def test_a_connection_that_was_closed_while_it_was_idle_is_replaced(
    db: Database, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def close() -> None:
        async with db.read() as conn:
            mine = await conn.scalar(text("SELECT pg_backend_pid()"))
        await asyncio.to_thread(server.sql, f"SELECT pg_terminate_backend({mine}, 10000)")

    for what in ("FRESH", "REPLAN"):  # as after some time, and some more
        monkeypatch.setattr(postgresql, what, 0.0)
        await close()
        async with db.glance() as conn:
            assert await conn.scalar(text("SELECT true"))
    monkeypatch.setattr(postgresql, "FRESH", 60.0)
    monkeypatch.setattr(postgresql, "REPLAN", 60.0)  # not asked: whoever uses it is told, and what comes next works
    await close()
    assert passing(await refused(db, "SELECT 1"))
    assert await works(db)


async def test_a_plan_made_for_a_small_table_is_not_kept_for_a_large_one(
    db: Database, make: MakeCampaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = text("SELECT pg_stat_get_xact_numscans('recipients'::regclass)")  # of the whole table, not told on yet

    async def whole_readings() -> int:
        async with db.write() as conn:
            before = await conn.scalar(scans) or 0
            await bulk.read(conn, recipients, ("id", "status"), [1, 2, 3])
            return int(await conn.scalar(scans) or 0) - int(before)

    monkeypatch.setattr(postgresql, "REPLAN", 3_600.0)
    async with db.write() as conn:  # which would have plans made anew as well, within minutes
        await conn.execute(text("ALTER TABLE recipients SET (autovacuum_enabled = false)"))
    await make(10)
    for _ in range(8):  # PostgreSQL makes one plan for all values from the sixth time on
        await whole_readings()
    await make(10_000)
    assert await whole_readings() == 1, "as is best for ten rows"
    monkeypatch.setattr(postgresql, "REPLAN", 0.0)
    assert await whole_readings() == 0


async def test_a_glance_holds_no_moment_and_leaves_transactions_as_they_were(db: Database, make: MakeCampaign) -> None:
    await make(1)
    clicks, change = select(recipients.c.clicks), recipients.update().values(clicks=7)
    async with db.glance() as conn:
        assert await conn.scalar(clicks) == 0
        async with db.write() as other:
            await other.execute(change)
        assert await conn.scalar(clicks) == 7
        assert await conn.scalar(text("SELECT count(*) FROM pg_locks WHERE relation = 'recipients'::regclass")) == 0
    with pytest.raises(ZeroDivisionError):
        async with db.write() as conn:  # by the same connection
            await conn.execute(recipients.update().values(clicks=8))
            raise ZeroDivisionError
    async with db.read() as conn:
        assert await conn.scalar(clicks) == 7


async def test_of_several_servers_the_one_that_answers_is_found(db: Database, server: Postgres) -> None:
    folder, name = server.folder, db.url.partition("@/")[2].partition("?")[0]
    gone = free_ports(1)[0]
    several = f"postgresql+asyncpg://postgres@/{name}?host=127.0.0.1:{gone}&host={folder}:5432"
    async with opened(several) as database:
        assert await works(database)
    async with opened(f"postgresql+asyncpg://postgres@127.0.0.1:{gone}/{name}") as database:
        assert passing(await refused(database, "SELECT 1"))


_UPGRADES = """
import asyncio, sys
from store.engine import Database
async def main():
    database = Database.open(sys.argv[1])
    await database.migrate()
    await database.close()
asyncio.run(main())
"""


async def test_two_hosts_that_start_at_once_upgrade_the_tables_once(server: Postgres) -> None:
    url = await asyncio.to_thread(server.create, "newborn")
    both = [await asyncio.create_subprocess_exec(sys.executable, "-c", _UPGRADES, url, cwd=ROOT) for _ in range(2)]
    assert [await one.wait() for one in both] == [0, 0]
    async with opened(url) as database, database.read() as conn:
        assert await conn.scalar(select(func.count()).select_from(recipients)) == 0
    await asyncio.to_thread(server.drop, "newborn")
