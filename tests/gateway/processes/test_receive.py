"""The receiving process: from SMTP to the acknowledgement, and nothing lost when it is killed."""

import asyncio
import contextlib
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from config import certificate, keys
from config.settings import Settings
from gateway.processes import receive
from store import campaigns
from store.engine import Database
from store.spool import Spool
from store.tables import notices, recipients
from tests.gateway.intake.test_steps import LISTE, mail
from tests.gateway.kit_intake import DOMAIN, fresh_database


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_for(folder: Path) -> Settings:
    ports = [f"127.0.0.1:{free_port()}" for _ in range(3)]
    return Settings(
        gateway={"domain": DOMAIN, "data_dir": folder},
        smtp={
            "mx_listen": ports[:1],
            "submission_listen": ports[1:2],
            "submissions_listen": ports[2:],
            "trusted_networks": ["127.0.0.1/32"],
            "min_free_disk": 0,
        },
        database={"url": f"sqlite+aiosqlite:///{folder / 'm.db'}"},
        dns={"nameservers": ["127.0.0.1:9"]},
    )


def port_of(settings: Settings) -> int:
    return int(settings.smtp.mx_listen[0].rpartition(":")[2])


def deliver(port: int, raw: bytes, until: float = 20) -> None:
    """Send one mail as soon as the port listens."""
    deadline = time.monotonic() + until
    while True:
        try:
            with smtplib.SMTP("127.0.0.1", port, "test", timeout=60) as client:
                client.sendmail("anne@firm.example", [f"mail@{DOMAIN}"], raw)
                return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


async def figures(database: Database) -> tuple[list[tuple[str, int]], int, int]:
    async with database.read() as conn:
        made = [(one.state.value, one.recipients) for one in await campaigns.recent(conn)]
        rows = await conn.scalar(select(func.count()).select_from(recipients)) or 0
        sent = await conn.scalar(select(func.count()).select_from(notices)) or 0
    return made, rows, sent


async def prepare(folder: Path) -> Database:
    database, _, _ = await fresh_database(folder)
    keys.create(folder, DOMAIN)
    certificate.create(folder, DOMAIN)
    return database


@pytest.mark.slow
async def test_from_smtp_to_the_acknowledgement(tmp_path: Path) -> None:
    database, settings, stop = await prepare(tmp_path), settings_for(tmp_path), asyncio.Event()
    task = asyncio.create_task(receive.run(settings, stop))
    try:
        await asyncio.to_thread(deliver, port_of(settings), mail(("LISTE.csv", LISTE)))
        async with asyncio.timeout(20):
            while (await figures(database))[2] == 0:
                await asyncio.sleep(0.02)
        assert await figures(database) == ([("sending", 2)], 2, 1)
    finally:
        stop.set()
        await task
        await database.close()


@contextlib.contextmanager
def process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """The receiving process as `serve` starts it."""
    smtp, head = settings.smtp, "MAIL2CAMPAIGN_"
    lists = {"MX_LISTEN": smtp.mx_listen, "SUBMISSION_LISTEN": smtp.submission_listen}
    lists |= {"SUBMISSIONS_LISTEN": smtp.submissions_listen, "TRUSTED_NETWORKS": smtp.trusted_networks}
    env = os.environ | {f"{head}SMTP__{key}": str(value).replace("'", '"') for key, value in lists.items()}
    env |= {f"{head}GATEWAY__DOMAIN": DOMAIN, f"{head}GATEWAY__DATA_DIR": str(settings.gateway.data_dir)}
    env |= {f"{head}DATABASE__URL": settings.database.url, f"{head}DNS__NAMESERVERS": '["127.0.0.1:9"]'}
    env |= {f"{head}SMTP__MIN_FREE_DISK": "0"}
    made = subprocess.Popen([sys.executable, "-m", "gateway.cli.main", "_receive"], env=env)
    try:
        yield made
    finally:
        made.kill()
        made.wait()


@pytest.mark.crash
async def test_killed_at_any_moment_after_the_250(tmp_path: Path) -> None:
    """kill -9 between the 250 and the end of reading: begun anew at the next start, one campaign, every line."""
    database, settings = await prepare(tmp_path), settings_for(tmp_path)
    liste = "Email\n" + "".join(f"p{n}@rcpt.example\n" for n in range(3_000))
    spool = Spool(tmp_path / "spool")
    for round_, delay in enumerate((0.0, 0.3, 0.6, 1.2, 1.3, 1.4)):
        raw = mail(("LISTE.csv", liste), subject="S", body="b", id=f"<{round_}@firm.example>")
        with process(settings) as running:
            await asyncio.to_thread(deliver, port_of(settings), raw)
            await asyncio.sleep(delay)
            os.kill(running.pid, signal.SIGKILL)
        with process(settings):
            async with asyncio.timeout(120):
                while spool.pending() or (await figures(database))[2] < round_ + 1:
                    await asyncio.sleep(0.05)
        made, rows, _ = await figures(database)
        assert made == [("sending", 3_000)] * (round_ + 1)
        assert rows == 3_000 * (round_ + 1)
    await database.close()


@pytest.mark.crash
async def test_killed_before_the_250(tmp_path: Path) -> None:
    """kill -9 before the final dot: nothing stays, and the client knows that it must send again."""
    database, settings = await prepare(tmp_path), settings_for(tmp_path)
    with process(settings) as running:
        await asyncio.to_thread(deliver, port_of(settings), mail(("LISTE.csv", LISTE), id="<0@x>"))
        with socket.create_connection(("127.0.0.1", port_of(settings)), timeout=60) as client:
            file = client.makefile("rwb")
            for line in (b"EHLO t", b"MAIL FROM:<anne@firm.example>", f"RCPT TO:<mail@{DOMAIN}>".encode(), b"DATA"):
                file.write(line + b"\r\n")
                file.flush()
                while file.readline()[3:4] == b"-":
                    pass
            file.write(mail(("LISTE.csv", LISTE), id="<1@x>"))
            file.flush()
            os.kill(running.pid, signal.SIGKILL)
    assert len(Spool(tmp_path / "spool").pending()) <= 1
    with process(settings):
        async with asyncio.timeout(120):
            while (await figures(database))[2] < 1 or Spool(tmp_path / "spool").pending():
                await asyncio.sleep(0.05)
    assert (await figures(database))[0] == [("sending", 2)]
    await database.close()
