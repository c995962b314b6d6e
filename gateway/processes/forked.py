"""A child of ours that was forked, not started by asyncio: what the supervisor needs to know of it and do to it.

In: its process id. Out: `wait` for its end, `returncode` (negative: the signal that ended it), signals that never reach
another process that got the same id later (pidfd, Linux). Raises OSError when it cannot be watched, ProcessLookupError for
a signal to a process that has ended.
"""

from __future__ import annotations

import asyncio
import os
import signal


class Forked:
    """One child; to be made in the running event loop."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()
        self._handle = os.pidfd_open(pid)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._handle, self._collect)

    def _collect(self) -> None:
        self._loop.remove_reader(self._handle)
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._handle)
        self._ended.set()

    async def wait(self) -> int:
        """Wait for its end; returns how it ended."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        if self.returncode is not None:
            raise ProcessLookupError(self.pid)
        signal.pidfd_send_signal(self._handle, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)
