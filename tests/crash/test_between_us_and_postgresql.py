"""What may stand between the gateway and PostgreSQL: a standby that takes over, and a pooler that lends its connections."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest
from crashing import IN_FLIGHT, acknowledged, assert_all_got, assert_nothing_lost, finished, people
from pgbouncer import Pgbouncer
from postgres import Postgres
from running import Running, message, until
from sink import Sink
from sqlalchemy import text

from config.settings import DatabaseSection
from store.engine import Database

pytestmark = [pytest.mark.crash, pytest.mark.peers]
PEOPLE = 1_000
PATIENCE = 180  # seconds for what takes two on an idle machine


@pytest.fixture
def server() -> Iterator[Postgres]:
    made = Postgres()
    try:
        made.start()
        yield made
    finally:
        with contextlib.suppress(AssertionError):  # one test kills it
            made.stop()
        made.remove()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


@contextlib.contextmanager
def running(folder: Path, sink: Sink, url: str, **settings: str) -> Iterator[Running]:
    made = Running(folder, sink.port, DATABASE__URL=url, **settings)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def standby(server: Postgres) -> Iterator[Postgres]:
    """A server that has all that `server` has ever confirmed."""
    server.create("m2c")
    made = Postgres(of=server)
    try:
        made.start()
        server.synchronous()
        until(lambda: server.sql("SELECT sync_state FROM pg_stat_replication") == "sync", 30, "the standby follows")
        yield made
        made.stop()
    finally:
        made.remove()


def submitted(gateway: Running, recipients: int) -> bool:
    """Whether a client got its 250."""
    try:
        gateway.submit(message(recipients, subject="Second {{Nom}}"))
    except (OSError, smtplib.SMTPException):
        return False
    return True


def test_a_standby_takes_over_at_work(server: Postgres, standby: Postgres, sink: Sink, tmp_path: Path) -> None:
    """The first server is killed whole while mails go out; the other one is promoted, and everybody finds it by himself."""
    url = f"postgresql+asyncpg://postgres@/m2c?host={server.folder}:5432&host={standby.folder}:5432"
    with running(tmp_path / "gateway", sink, url) as gateway:
        gateway.submit(message(PEOPLE))
        token = acknowledged(sink)
        until(lambda: len(people(sink)) >= PEOPLE // 4, PATIENCE, "mails leave")
        server.kill()
        standby.promote()
        until(lambda: submitted(gateway, 20), PATIENCE, "mail is taken again")
        assert finished(gateway, token)["statuses"]["delivered"] == PEOPLE
        first = [mail for mail in people(sink) if b"Subject: Second" not in mail.raw]
        assert_all_got(first, PEOPLE, 2 * IN_FLIGHT)
        until(lambda: len(people(sink)) - len(first) >= 20, PATIENCE, "what was taken after the change goes out, too")


def test_a_campaign_by_way_of_pgbouncer(server: Postgres, sink: Sink, tmp_path: Path) -> None:
    """Few connections for all processes, each lent for one transaction: senders, reports, commands and backups work."""
    server.create("m2c")
    with (
        Pgbouncer(server) as pooler,
        running(tmp_path / "gateway", sink, pooler.url("m2c"), DATABASE__POOLER="transaction") as gateway,
    ):
        gateway.submit(message(PEOPLE))
        assert finished(gateway, acknowledged(sink))["statuses"]["delivered"] == PEOPLE
        assert_nothing_lost(sink, PEOPLE, 0)
        assert "prepared statement" not in gateway.log()
        assert "Traceback" not in gateway.log()
        gateway.command("backup", str(tmp_path / "backup.tar"))
        assert (tmp_path / "backup.tar").stat().st_size


async def test_behind_a_pooler_each_transaction_has_its_bounds_and_leaves_nothing_behind(server: Postgres) -> None:
    server.create("m2c")
    bounds = DatabaseSection(pooler="transaction", statement_timeout="1234ms", lock_timeout="5s")
    with Pgbouncer(server, connections=2) as pooler:
        database = Database.open(pooler.url("m2c"), bounds)
        plain = Database.open(pooler.url("m2c"), DatabaseSection(pooler="transaction", statement_timeout="0"))

        async def told(of: Database) -> str:
            async with of.read() as conn:
                return str(await conn.scalar(text("SELECT current_setting('statement_timeout')")))

        try:
            mixed = await asyncio.gather(*(told(database if n % 2 else plain) for n in range(40)))
            assert mixed == ["0", "1234ms"] * 20
        finally:
            await database.close()
            await plain.close()
