"""Renewing a gateway that works: new settings, or a new program in the place of the old one.

In: the path of the settings file and the settings in force. Out: settings that may take their place; the successor, started
by exec in the same process, with the same sockets and the same lock. Nothing is raised: what cannot be used is logged as
settings_refused, or returned as a sentence.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from config import warmup
from config.logging import log
from config.settings import ConfigError, Settings, load
from gateway.processes import sockets
from gateway.processes.sockets import Sockets

LOCK = "M2C_LOCK"
# what these name is open, or stands in mails under way: another place needs a stop and a start
FIXED = (("gateway", "domain"), ("gateway", "data_dir"), ("database", "url"))
_TRIAL = 60.0  # seconds
_ASKING = (signal.SIGHUP, signal.SIGUSR2)


def deafen() -> None:
    """Let signals that ask for a renewal wait, in this thread and all that it starts: nobody handles them yet, and the system
    would end the process. What waits, and that it waits, outlives exec (POSIX). Children `hear` again when they are ready."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ASKING)


def hear() -> None:
    """Undo `deafen`, in a child whose handlers are in place."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKING)


def listen(told: Callable[[int], None]) -> None:
    """Call `told` in the running loop for every such signal, first of all for those that have waited."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and the program is about to
            while True:
                loop.call_soon_threadsafe(told, signal.sigwait(_ASKING))

    threading.Thread(target=wait, name="signals", daemon=True).start()


def read(config: Path | None, old: Settings) -> Settings | None:
    """Read the settings anew; None, and a line in the log, when they cannot be used."""
    try:
        new = load(config)
        warmup.load(new.warmup_file)
    except (ConfigError, ValueError, OSError) as error:
        log("settings_refused", why=" ".join(str(error).split()))
        return None
    fixed = [f"{section}.{key}" for section, key in FIXED if _of(old, section, key) != _of(new, section, key)]
    if fixed:
        log("settings_refused", why=f"{', '.join(fixed)}: stop the gateway and start it to change that")
        return None
    return new


def _of(settings: Settings, section: str, key: str) -> object:
    return getattr(getattr(settings, section), key)


def changes(old: Settings, new: Settings) -> list[str]:
    """The keys whose values differ, as section.key."""
    before, after = old.model_dump(), new.model_dump()
    return [f"{name}.{key}" for name, values in after.items() for key in values if values[key] != before[name][key]]


def _command(config: Path | None) -> list[str]:
    return [sys.executable, "-m", "gateway.cli.main", *([] if config is None else ["--config", str(config)])]


async def trial(config: Path | None) -> str:
    """Whether the program on the disk can run with the settings on the disk: why not, or ""."""
    child = await asyncio.create_subprocess_exec(
        *_command(config),
        "_check",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_TRIAL):
            _, said = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        return f"no answer in {_TRIAL:.0f} s"
    return "" if child.returncode == 0 else said.decode("utf-8", "replace").strip()[-400:] or f"code {child.returncode}"


def exec_successor(config: Path | None, held: Sockets, lock: int, command: str) -> NoReturn:
    """Become the program that now lies on the disk; sockets and lock stay."""
    os.set_inheritable(lock, True)
    environment = {**os.environ, LOCK: str(lock), sockets.VARIABLE: held.hand_over()}
    words = [*_command(config), command]
    os.execve(words[0], words, environment)  # noqa: S606 ourselves, by the interpreter that runs us


def inherited_lock() -> int | None:
    """The lock that our predecessor held."""
    number = os.environ.pop(LOCK, None)
    if number is None:
        return None
    os.set_inheritable(int(number), False)
    return int(number)
