"""The supervisor's watch over one child: whoever gives no sign of life is killed, so that nothing waits for it.

In: the read end of a pipe on which the child writes a byte every BEAT seconds from its event loop (gateway.lifeline). Out:
`silent` is set when none has come for PATIENCE ticks. A process that is frozen, or hangs in a system call, would otherwise
keep the database's lock for ever; SIGKILL frees it. Time is counted in turns of the supervisor's own loop: a machine that
slept, or a supervisor that was itself stopped, finds nobody late. Nothing is raised.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

from gateway.processes.lifeline import READY

TICK = 1.0  # seconds
PATIENCE = 20  # ticks without a sign of life; as long as a lease outlives its sender (store.jobs.STALE)
BIRTH = 90  # ticks until the first one: importing the modules on a busy machine


class Watchdog:
    """One a child; `close` it when the child has ended. `given` is the end of the pipe that the child inherits; `ready` is
    set when the child says that it does its work."""

    def __init__(self, ready: asyncio.Event | None = None) -> None:
        self._ready = ready
        self._read, self.given = os.pipe()
        os.set_blocking(self._read, False)
        self._left = BIRTH

    def started(self) -> None:
        """The child has its end now: ours would only keep the pipe open."""
        os.close(self.given)

    async def silent(self) -> None:
        """Return when the child has been silent for too long."""
        while self._left > 0:
            await asyncio.sleep(TICK)
            self._left -= 1
            with contextlib.suppress(BlockingIOError):
                if said := os.read(self._read, 4096):
                    self._left = PATIENCE
                    if READY in said and self._ready is not None:
                        self._ready.set()

    def close(self) -> None:
        """Stop listening."""
        os.close(self._read)
