"""A backup of a gateway under load holds everything that was acknowledged before it; one that is killed leaves nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from running import Running, message, until
from sink import Sink
from sqlalchemy import select

from gateway.backup import archive
from store import campaigns
from store.engine import Database
from store.spool import Spool
from store.tables import campaigns as table

pytestmark = pytest.mark.crash


async def kept(database: Path) -> tuple[set[str], list[str]]:
    """The Message-IDs of the campaigns in a database, and the states of those that are not to the last figure right."""
    db = Database.open(f"sqlite+aiosqlite:///{database}")
    wrong = []
    try:
        async with db.read() as conn:
            ids = set((await conn.execute(select(table.c.message_id))).scalars())
            for one in await campaigns.recent(conn, 1000):
                ledger = await campaigns.ledger(conn, one.id)
                assert ledger is not None
                if one.state not in ("paused", "finished") or sum(ledger.statuses.values()) != ledger.recipients:
                    wrong.append(f"{one.id} {one.state} {ledger}")
    finally:
        await db.close()
    return ids, wrong


def test_what_was_acknowledged_is_in_the_backup(tmp_path: Path, gateway: Running, shared_sink: Sink) -> None:
    gateway.submit(message(2_000))
    acknowledged: list[str] = []
    done = threading.Event()

    def submit() -> None:
        while not done.wait(0.1):
            mail = message(5)
            gateway.submit(mail)
            acknowledged.append(str(mail["Message-ID"]))

    users = [threading.Thread(target=submit) for _ in range(2)]
    for user in users:
        user.start()
    try:
        for n in range(2):
            until(lambda n=n: len(acknowledged) > 8 * (n + 1), 90, "mails are taken")
            before = list(acknowledged)
            file = tmp_path / f"{n}.tar.gz"
            gateway.command("backup", str(file))
            folder = tmp_path / f"back{n}"
            gateway.command("restore", str(file), "--dir", str(folder))
            data = folder / "data"
            ids, wrong = asyncio.run(kept(data / "mail2campaign.db"))
            spooled = b"".join(path.read_bytes() for path in (data / "spool" / "restored").iterdir())
            assert wrong == []
            lost = [one for one in before if one not in ids and one.encode() not in spooled]
            assert lost == [], n
            assert Spool(data / "spool").pending() == []
    finally:
        done.set()
        for user in users:
            user.join()


def test_a_backup_that_is_killed_leaves_no_file_and_harms_nobody(
    tmp_path: Path, gateway: Running, shared_sink: Sink
) -> None:
    big = gateway.folder / "data" / "own.bin"
    big.write_bytes(os.urandom(60_000_000))
    try:
        store = tmp_path / "backups"
        store.mkdir()
        words = ["--config", str(gateway.folder / "mail2campaign.toml"), "backup", str(store)]
        killed = subprocess.Popen([sys.executable, "-m", "gateway.cli.main", *words], env=gateway.environment)
        until(lambda: [one for one in store.iterdir() if one.stat().st_size > 1_000_000], 90, "it writes")
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert [one.name[:1] for one in store.iterdir()] == ["."]  # a part, which no restore takes for a backup
    finally:
        big.unlink()
    gateway.submit(message(3, subject="Encore"))
    until(lambda: sum(b"Subject: Encore" in mail.raw for mail in shared_sink.mails) >= 3, 90, "the gateway goes on")
    gateway.command("backup", str(store))
    (file,) = store.iterdir()
    assert archive.check(file)["domain"] == "gateway.test"
    assert list((gateway.folder / "data").glob(".backup-*")) == []
