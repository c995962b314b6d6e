"""How a child process runs: it lives as long as its supervisor does.

In: a coroutine function that takes the settings and returns when it is cancelled or done; the environment variable
M2C_LIFELINE names an inherited pipe. Out: the process's exit code. SIGTERM cancels the coroutine's wait by setting the
event given to it; when the supervisor is gone (end of file on the pipe) the child gets the same signal and is ended for
good GRACE seconds later, whatever it is doing: a second `serve` may then start safely. On the pipe that M2C_PULSE names it
gives signs of life (gateway.watchdog listens). Logs started, stopped, failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable

import uvloop

from config import logging
from config.settings import Settings
from gateway.processes import renewal

VARIABLE = "M2C_LIFELINE"
PULSE = "M2C_PULSE"
GRACE = 0.7  # seconds between the end of the supervisor and ours; two are promised, on a busy machine too
BEAT = 2.0  # seconds between two signs of life
READY = b"!"  # the sign of life that also says: I do my work

Child = Callable[[Settings, asyncio.Event], Awaitable[None]]


def watch() -> None:
    """Begin to watch the lifeline; a process that was started by hand has none and lives on its own."""
    descriptor = os.environ.get(VARIABLE)
    if descriptor is None:
        return

    def wait() -> None:
        # a thread of its own: it works also while the event loop is busy
        while True:
            try:
                if not os.read(int(descriptor), 1):
                    break
            except InterruptedError:
                continue
            except OSError:
                break
        with contextlib.suppress(Exception):  # whatever keeps this from being written, we end
            logging.log("lifeline_cut")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE)
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


async def live() -> None:
    """Give signs of life for as long as the event loop turns."""
    descriptor = os.environ.get(PULSE)
    if descriptor is None:
        return
    os.set_blocking(int(descriptor), False)
    while True:
        with contextlib.suppress(OSError):  # nobody reads at the moment, or ever again: the lifeline sees to that
            os.write(int(descriptor), b".")
        await asyncio.sleep(BEAT)


def ready() -> None:
    """Tell the supervisor that this process does its work: its ports are served."""
    descriptor = os.environ.get(PULSE)
    if descriptor is not None:
        with contextlib.suppress(OSError):
            os.write(int(descriptor), READY)


def run_child(child: Child, settings: Settings, *, at_once: bool = False) -> int:
    """Run one of the gateway's processes until SIGTERM; 0 when it ended in order, 1 after an exception. With `at_once` it
    counts as ready when it begins."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # whoever has something to read again says so
    renewal.hear()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the supervisor decides for us
    watch()

    async def main() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        pulse = asyncio.create_task(live())
        if at_once:
            ready()
        try:
            await child(settings, stop)
        finally:
            pulse.cancel()

    try:
        uvloop.run(main())
    except Exception as error:
        logging.log("failed", what=getattr(child, "__module__", "child"), error=error)
        return 1
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
    return 0
