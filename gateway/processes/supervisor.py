"""The supervisor: starts the gateway's processes, starts again what ends, and ends them all.

In: the settings and the path of their file. Out: an exit code. It holds the data folder's lock, which its children
inherit: a second `serve` refuses to start until the last of them is gone. When a sender ends, its leases are freed at
once, so its mails go on with another; a child that hangs is killed (gateway.watchdog). The children end by themselves
within two seconds when the supervisor is killed (gateway.lifeline). Raises ServeError with one sentence when it cannot
start; logs child_started, child_hangs and child_ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from config import keys, warmup
from config.host import host_id
from config.logging import log
from config.settings import Settings
from gateway.processes.lifeline import PULSE, VARIABLE
from gateway.processes.watchdog import Watchdog
from store import jobs, key_ids
from store.engine import Database, now_ms

PATIENCE = 5.0  # seconds to wait for the children of a supervisor that was killed
DRAIN = 20.0  # seconds that children get to end in order
CALM = 10.0  # a child that lived longer is started again at once
BACKOFF = (0.1, 0.5, 1.0, 2.0, 5.0)


class ServeError(Exception):
    """The gateway cannot start; the text says why."""


@dataclass(frozen=True, slots=True)
class Role:
    """A process to keep running: the hidden command that it is started with."""

    name: str
    command: str


def roles(settings: Settings, *, gateway: bool = True) -> list[Role]:
    """The processes that these settings ask for; without the gateway (a worker machine) senders alone."""
    front = [Role("receive", "_receive"), Role("web", "_web")] if gateway else []
    senders = settings.delivery.workers or os.cpu_count() or 1
    return front + [Role(f"sender-{n + 1}", "_send") for n in range(senders)]


def take_lock(data_dir: Path) -> int:
    """Lock the data folder for this process and its children; ServeError when another gateway has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data_dir / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise ServeError(f"another gateway is running on {data_dir}") from None
            time.sleep(0.1)


async def prepare(settings: Settings, db: Database) -> None:
    """Bring the database up to date, check that no key is missing, and free what dead senders held."""
    try:
        warmup.load(settings.warmup_file)
    except ValueError as error:
        raise ServeError(str(error)) from error
    await db.migrate()
    for ring in keys.RINGS:
        secrets, _current = keys.load_keyring(settings.gateway.data_dir, ring)
        async with db.write() as conn:
            missing = await key_ids.register(conn, ring, secrets)
        if missing:
            raise ServeError(f"keys {missing} of ring {ring!r} are missing or changed: restore them from the backup")
    async with db.write() as conn:
        await jobs.retire_process(conn, host_id(settings.gateway.data_dir), None, now_ms())


class Supervisor:
    """Keeps the processes of one machine running."""

    def __init__(self, settings: Settings, config: Path | None, db: Database, lock: int) -> None:
        self._settings, self._config, self._db, self._lock = settings, config, db, lock
        self._lifeline, self._held = os.pipe()  # children read one end; the other closes when we are gone
        self._stop = asyncio.Event()

    async def run(self, wanted: list[Role]) -> None:
        """Keep the processes running until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        async with asyncio.TaskGroup() as group:
            for role in wanted:
                group.create_task(self._keep(role))

    async def _keep(self, role: Role) -> None:
        failures = 0
        while not self._stop.is_set():
            began = time.monotonic()
            watchdog = Watchdog()
            child = await self._start(role, watchdog)
            code = await self._wait(role, child, watchdog)
            watchdog.close()
            log("child_ended", child=role.name, child_pid=child.pid, code=code)
            if role.command == "_send":
                await self._free(child.pid)
            failures = 0 if time.monotonic() - began > CALM else failures + 1
            if failures and not self._stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), BACKOFF[min(failures, len(BACKOFF)) - 1])

    async def _start(self, role: Role, watchdog: Watchdog) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "gateway.cli.main"]
        if self._config is not None:
            command += ["--config", str(self._config)]
        child = await asyncio.create_subprocess_exec(
            *command,
            role.command,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(self._lifeline, self._lock, watchdog.given),
            env={**os.environ, VARIABLE: str(self._lifeline), PULSE: str(watchdog.given)},
        )
        watchdog.started()
        log("child_started", child=role.name, child_pid=child.pid)
        return child

    async def _wait(self, role: Role, child: asyncio.subprocess.Process, watchdog: Watchdog) -> int:
        ended = asyncio.create_task(child.wait())
        stopped = asyncio.create_task(self._stop.wait())
        silent = asyncio.create_task(watchdog.silent())
        await asyncio.wait({ended, stopped, silent}, return_when=asyncio.FIRST_COMPLETED)
        if silent.done() and not ended.done():
            log("child_hangs", child=role.name, child_pid=child.pid)
            with contextlib.suppress(ProcessLookupError):
                child.kill()
        for task in (stopped, silent):
            task.cancel()
        if not ended.done():
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            done, _ = await asyncio.wait({ended}, timeout=DRAIN)
            if not done:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
        return await ended

    async def _free(self, pid: int) -> None:
        try:
            async with self._db.write() as conn:
                await jobs.retire_process(conn, host_id(self._settings.gateway.data_dir), pid, now_ms())
        except Exception as error:  # the database is away: the lease ends by itself after jobs.STALE
            log("failed", what="retire", error=error)


async def _serve(settings: Settings, config: Path | None, lock: int, *, gateway: bool) -> None:
    db = Database.open(settings.database_url)
    try:
        await prepare(settings, db)
        wanted = roles(settings, gateway=gateway)
        log("started", domain=settings.gateway.domain, data=str(settings.gateway.data_dir), workers=len(wanted))
        await Supervisor(settings, config, db, lock).run(wanted)
        log("stopped", code=0)
    finally:
        await db.close()


def supervise(settings: Settings, config: Path | None, *, gateway: bool = True) -> int:
    """Run the gateway (or, without `gateway`, senders alone) until it is told to stop; returns the exit code."""
    lock = take_lock(settings.gateway.data_dir)
    try:
        asyncio.run(_serve(settings, config, lock, gateway=gateway))
    except keys.KeysError as error:
        raise ServeError(str(error)) from error
    finally:
        os.close(lock)
    return 0
