"""The supervisor: starts the gateway's processes, starts again what ends, and ends them all.

In: the settings and the path of their file. Out: an exit code. It holds the data folder's lock, which its children
inherit: a second `serve` refuses to start until the last of them is gone. It also holds the listening sockets, so that
nobody is refused while a child is started again. SIGHUP reads the settings anew and renews the children one by one; SIGUSR2
does so with the whole program (gateway.processes.renewal). The children end by themselves within two seconds when the
supervisor is killed (gateway.processes.lifeline). Raises ServeError with one sentence when it cannot start; logs its doings.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from config import keys, metrics
from config.logging import log
from config.settings import Settings
from gateway.processes import lifeline, notify, renewal
from gateway.processes.child import LATER, MODULES, Child, Role, Shared, roles
from gateway.processes.measured import Measured
from gateway.processes.nursery import Nursery
from gateway.processes.premises import ServeError, prepare, take_lock
from gateway.processes.sockets import Sockets, every
from store.engine import Database

__all__ = ["ServeError", "supervise", "take_lock"]


PATIENCE = 75.0  # seconds until systemd is told that we are ready, whatever has not started by then


class Supervisor:
    """Keeps the processes of one machine running."""

    def __init__(self, shared: Shared, config: Path | None, *, gateway: bool) -> None:
        self._shared, self._config, self._gateway = shared, config, gateway
        self._children: dict[str, Child] = {}
        self._group = asyncio.TaskGroup()
        self._stop, self._renewing = asyncio.Event(), asyncio.Lock()
        self._measured = Measured(lambda: self._shared.settings.metrics.token)
        self.replace = False  # this program ends to make room for its successor

    async def run(self) -> None:
        """Keep the processes running until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        async with self._group:
            self._want(roles(self._shared.settings, gateway=self._gateway))
            watching = self._group.create_task(self._alive())
            await self._measure()
            renewal.listen(self._begin)
            await self._all_ready()
            notify.ready(self._status())
            await self._stop.wait()
            watching.cancel()
            self._measured.close()
            await self._finish()

    async def _measure(self) -> None:
        await self._measured.open(self._shared.sockets.of(self._shared.settings.metrics.listen))

    def _end(self) -> None:
        notify.stopping()
        self._stop.set()

    def _begin(self, number: int) -> None:
        if not self._stop.is_set():  # else a successor that will read everything anew is on its way, or nobody
            self._group.create_task(self._in_turn(self._reload if number == signal.SIGHUP else self._replace))

    async def _in_turn(self, turn: Callable[[], Awaitable[None]]) -> None:
        """One renewal after the other; none while this program ends: it would start children that nobody ends."""
        async with self._renewing:
            if not self._stop.is_set():
                notify.reloading()
                await turn()

    def _want(self, wanted: list[Role]) -> None:
        """Start the roles that are new, and end those that are not wanted any more."""
        names = {role.name for role in wanted}
        for name in [one for one in self._children if one not in names]:
            self._children.pop(name).leave()
        for role in wanted:
            if role.name not in self._children:
                child = Child(role, self._shared)
                self._children[role.name] = child
                self._group.create_task(child.keep())

    async def _all_ready(self) -> None:
        """Wait until all do their work; not for ever, since one that cannot start keeps no other from working."""
        waiting = [asyncio.create_task(one) for one in (self._working(), self._stop.wait())]
        await asyncio.wait(waiting, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()

    async def _working(self) -> bool:
        for child in list(self._children.values()):
            await child.ready.wait()
        return True

    def _status(self) -> str:
        working = sum(child.ready.is_set() for child in self._children.values())
        return f"{working} of {len(self._children)} processes work"

    async def _finish(self) -> None:
        """End the children; where successors wait, what receives ends last, so that nobody waits for long."""
        front = [child for child in self._children.values() if child.role.command != "_send"]
        if self.replace:
            await asyncio.gather(*(child.left() for child in self._children.values() if child not in front))
        await asyncio.gather(*(child.left() for child in self._children.values()))

    async def _alive(self) -> None:
        """Tell systemd that our loop turns."""
        seconds = notify.beat()
        while seconds is not None:
            notify.tell("WATCHDOG=1")
            await asyncio.sleep(seconds)

    async def _reload(self) -> None:
        """Read the settings anew; a file that cannot be used changes nothing."""
        settings = renewal.read(self._config, self._shared.settings)
        if settings is not None:
            try:
                wanted = roles(settings, gateway=self._gateway)
                self._shared.sockets.want(every(settings, [role.command for role in wanted]))
                await self._renew(settings, wanted)
            except OSError as error:
                log("settings_refused", error=error)
        notify.ready(self._status())

    async def _renew(self, settings: Settings, wanted: list[Role]) -> None:
        changed = renewal.changes(self._shared.settings, settings)
        log("reloaded", changed=changed)
        if not changed:
            for child in self._children.values():
                child.signal(signal.SIGHUP)  # certificates and the like may have changed on the disk
            return
        self._shared.adopt(settings)
        await self._measure()
        before = list(self._children.values())
        self._want(wanted)
        for child in before:
            if child.role.name in self._children and not self._stop.is_set():
                await child.renew()

    async def _replace(self) -> None:
        """Make room for the program that now lies on the disk, where it is able to run."""
        why = await renewal.trial(self._config)
        if self._stop.is_set():
            return  # told to end meanwhile: then no successor either
        if why:
            log("replacement_refused", why=why)
            notify.ready(self._status())
            return
        log("replacing")
        self.replace = True
        self._stop.set()


async def _serve(
    settings: Settings, config: Path | None, lock: int, sockets: Sockets, nursery: Nursery | None, *, gateway: bool
) -> bool:
    db = Database.open(settings.database_url, settings.database)
    try:
        await prepare(settings, db)
        wanted = roles(settings, gateway=gateway)
        try:
            sockets.want(every(settings, [role.command for role in wanted]))
        except OSError as error:
            raise ServeError(str(error.strerror or error)) from error
        metrics.begin(settings.gateway.data_dir / "metrics")
        log("started", domain=settings.gateway.domain, data=str(settings.gateway.data_dir), workers=len(wanted))
        shared = Shared(settings, config, db, lock, sockets, nursery)
        supervisor = Supervisor(shared, config, gateway=gateway)
        try:
            await supervisor.run()
        finally:
            shared.close()
        log("stopped", code=0)
        return supervisor.replace
    finally:
        await db.close()


def supervise(settings: Settings, config: Path | None, *, gateway: bool = True) -> int:
    """Run the gateway (or, without `gateway`, senders alone) until it is told to stop; returns the exit code."""
    renewal.deafen()
    metrics.announce(settings.gateway.data_dir / "metrics")
    nursery = Nursery.open([*(MODULES.values() if gateway else [MODULES["_send"]]), *LATER])
    lifeline.watch()  # whoever started us may want us to end with them
    try:
        return _supervised(settings, config, nursery, gateway=gateway)
    finally:
        if nursery is not None:
            nursery.close()


def _supervised(settings: Settings, config: Path | None, nursery: Nursery | None, *, gateway: bool) -> int:
    lock, sockets = renewal.inherited_lock() or take_lock(settings.gateway.data_dir), Sockets()
    try:
        if asyncio.run(_serve(settings, config, lock, sockets, nursery, gateway=gateway)):
            if nursery is not None:
                nursery.close()  # the successor has its own, with its own code
            renewal.exec_successor(config, sockets, lock, "serve" if gateway else "worker")
    except keys.KeysError as error:
        raise ServeError(str(error)) from error
    finally:
        sockets.close()
        with contextlib.suppress(OSError):
            os.close(lock)
    return 0
