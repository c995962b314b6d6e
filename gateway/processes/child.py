"""One process that the supervisor keeps running.

In: a role, and what all children share: settings, sockets, the lock, the lifeline. Out: the process, started again whenever
it ends, until `leave` or `left`; `renew` replaces it in order; `ready` is set once it does its work. When a sender ends,
its leases are freed at once, so its mails go on with another; one that hangs is killed (gateway.processes.watchdog). Logs
child_started, child_hangs and child_ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from config.host import host_id
from config.logging import log
from config.settings import Settings
from gateway.processes import handing, sockets
from gateway.processes.forked import Forked
from gateway.processes.lifeline import PULSE, VARIABLE
from gateway.processes.nursery import Asked, Nursery
from gateway.processes.sockets import Sockets, places
from gateway.processes.watchdog import Watchdog
from store import jobs
from store.engine import Database, now_ms

DRAIN = 20.0  # seconds that children get to end in order
CALM = 10.0  # a child that lived longer is started again at once
READY = 60.0  # seconds that the next one waits for a renewed child
BACKOFF = (0.1, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Role:
    """A process to keep running: the hidden command that it is started with."""

    name: str
    command: str


# what does the work of each command, by name: the receiving side never imports the sending side (ARCHITECTURE, floors)
MODULES = {"_receive": "gateway.processes.receive", "_web": "gateway.web.serve", "_send": "mta.worker"}
LATER = ("dkim",)  # what they import at their first mail


def roles(settings: Settings, *, gateway: bool = True) -> list[Role]:
    """The processes that these settings ask for; without the gateway (a worker machine) senders alone."""
    front = [Role("receive", "_receive"), Role("web", "_web")] if gateway else []
    senders = settings.delivery.workers or os.cpu_count() or 1
    return front + [Role(f"sender-{n + 1}", "_send") for n in range(senders)]


class Shared:
    """What all children get from the supervisor."""

    def __init__(
        self, settings: Settings, config: Path | None, db: Database, lock: int, held: Sockets, nursery: Nursery | None
    ) -> None:
        self.config, self.db, self.lock, self.sockets, self._nursery = config, db, lock, held, nursery
        self.lifeline, self._held = os.pipe()  # children read one end; the other closes when we are gone
        self.adopt(settings)

    def adopt(self, settings: Settings) -> None:
        """Let every child that starts from now on work by these settings."""
        self.settings, self._file = settings, handing.write(settings)

    async def start(self, role: Role, watchdog: Watchdog) -> asyncio.subprocess.Process | Forked:
        """Start the process of a role: forked from the nursery, or by a Python of its own where there is none."""
        child: asyncio.subprocess.Process | Forked | None = None
        if self._nursery is not None:
            child = await self._nursery.start(lambda: self._asked(role, watchdog))
        if child is None:
            words, environment, descriptors = self._asked(role, watchdog)
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway.cli.main", *words),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=descriptors,
                env=environment,
            )
        watchdog.started()
        return child

    def _asked(self, role: Role, watchdog: Watchdog) -> Asked:
        """What the process of a role is given, by the settings and sockets of this moment: others close these."""
        words = [*([] if self.config is None else ["--config", str(self.config)]), role.command]
        own = places(self.settings, role.command)
        given = self._file.fileno()
        environment = {
            **os.environ,
            VARIABLE: str(self.lifeline),
            PULSE: str(watchdog.given),
            handing.VARIABLE: str(given),
            sockets.VARIABLE: self.sockets.named(own),
        }
        held = (self.lifeline, self.lock, watchdog.given, given, *self.sockets.descriptors(own))
        return Asked(words, environment, held)

    def close(self) -> None:
        """Cut the lifeline: nobody is left."""
        for descriptor in (self.lifeline, self._held):
            os.close(descriptor)


class Child:
    """The process of one role, through all its lives."""

    def __init__(self, role: Role, shared: Shared) -> None:
        self.role, self.ready = role, asyncio.Event()
        self._shared = shared
        self._process: asyncio.subprocess.Process | Forked | None = None
        self._leave, self._gone, self._renew = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def keep(self) -> None:
        """Keep it running until it shall leave."""
        failures = 0
        try:
            while not self._leave.is_set():
                began = time.monotonic()
                renewed = await self._live()
                failures = 0 if renewed or time.monotonic() - began > CALM else failures + 1
                if failures and not self._leave.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._leave.wait(), BACKOFF[min(failures, len(BACKOFF)) - 1])
        finally:
            self._gone.set()

    def leave(self) -> None:
        """Let it end in order, for good."""
        self._leave.set()

    async def left(self) -> None:
        """Let it end in order, and wait until it has."""
        self._leave.set()
        await self._gone.wait()

    async def renew(self) -> None:
        """Replace it by a new process that works by the settings in force; wait until that one works."""
        self.ready.clear()
        self._renew.set()
        waiting = [asyncio.create_task(self.ready.wait()), asyncio.create_task(self._gone.wait())]
        await asyncio.wait(waiting, timeout=DRAIN + READY, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _live(self) -> bool:
        """One life; returns whether we ended it ourselves."""
        watchdog = Watchdog(self.ready)
        self._process = child = await self._born(watchdog)
        if child is None:
            return True
        log("child_started", child=self.role.name, child_pid=child.pid)
        asked = await self._wait(child, watchdog)
        code = await child.wait()
        watchdog.close()
        self.ready.clear()
        log("child_ended", child=self.role.name, child_pid=child.pid, code=code)
        if self.role.command == "_send":
            await self._free(child.pid)
        return asked

    async def _born(self, watchdog: Watchdog) -> asyncio.subprocess.Process | Forked | None:
        """Its process; None when it shall leave before there is one: it waits for nothing that is still imported."""
        birth = asyncio.create_task(self._shared.start(self.role, watchdog))
        left = asyncio.create_task(self._leave.wait())
        try:
            await asyncio.wait({birth, left}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            birth.cancel()
            left.cancel()
        await asyncio.wait({birth})
        if birth.cancelled():
            watchdog.started()
            watchdog.close()
            return None
        return birth.result()

    async def _wait(self, child: asyncio.subprocess.Process | Forked, watchdog: Watchdog) -> bool:
        ended = asyncio.create_task(child.wait())
        left, renew = asyncio.create_task(self._leave.wait()), asyncio.create_task(self._renew.wait())
        silent = asyncio.create_task(watchdog.silent())
        await asyncio.wait({ended, left, renew, silent}, return_when=asyncio.FIRST_COMPLETED)
        asked = not ended.done() and not silent.done()
        self._renew.clear()
        if silent.done() and not ended.done():
            log("child_hangs", child=self.role.name, child_pid=child.pid)
            with contextlib.suppress(ProcessLookupError):
                child.kill()
        for task in (left, renew, silent):
            task.cancel()
        if not ended.done():
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            done, _ = await asyncio.wait({ended}, timeout=DRAIN)
            if not done:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
        await ended
        return asked

    async def _free(self, pid: int) -> None:
        try:
            async with self._shared.db.write() as conn:
                await jobs.retire_process(conn, host_id(self._shared.settings.gateway.data_dir), pid, now_ms())
        except Exception as error:  # the database is away: the lease ends by itself after jobs.STALE
            log("failed", what="retire", error=error)
