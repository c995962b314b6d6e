"""The nursery: a process that has imported everything and does nothing else; the supervisor's children are forked from it.

In: the modules that children need; then, on a socket pair, the words of a command, its environment and open descriptors for
each child. Out: children of the supervisor (not of the nursery: it may end and they go on), which run the command as a new
Python would, but start in milliseconds and share the memory of what was imported. It is forked before the supervisor has a
thread, an event loop or a database; it ends when the supervisor does. Where it is gone, is silent or cannot be had (it
takes Linux), `start` returns None and the caller starts a Python anew. A child begins when the supervisor knows of it, and
never otherwise. Logs child_ended when the nursery was lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from fcntl import F_DUPFD, fcntl
from pathlib import Path
from typing import NamedTuple, NoReturn, Self

from config.logging import log
from gateway.processes.forked import Forked
from gateway.processes.title import retitle

IMPORTS = 60.0  # seconds for the first answer: importing the modules on a busy machine
PATIENCE = 10.0  # seconds for each later one
_MOST = 1_000_000  # bytes of a request
_SUBREAPER = 36  # prctl(2): whose parent ends becomes our child
_NAME = "_nursery"


class Asked(NamedTuple):
    """What a child shall be: a command of ours, its environment, and open descriptors that it gets under the same numbers."""

    words: Sequence[str]
    environment: Mapping[str, str]
    descriptors: Sequence[int]


class Nursery:
    """The supervisor's end."""

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self._pid, self._channel = pid, channel
        self._lost, self._turn, self._patience = False, asyncio.Lock(), IMPORTS
        self._borne: set[int] = set()

    @classmethod
    def open(cls, modules: Sequence[str]) -> Self | None:
        """Fork a nursery that imports these modules; None where the system has not what it takes. For a process with one
        thread: its other threads would be missing there."""
        try:
            os.close(os.pidfd_open(os.getpid()))
            _adopt_orphans(False)
        except (AttributeError, OSError):
            return None
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            ours.detach()  # closed below, with all that is not the nursery's
            _nurse(its.detach(), modules)
        its.close()
        ours.setblocking(False)
        return cls(pid, ours)

    async def start(self, asking: Callable[[], Asked]) -> Forked | None:
        """A new process with standard output and errors; None when the nursery cannot. It is asked for what it shall be when
        its turn has come: what is open may be another file by then."""
        async with self._turn:
            if self._lost:
                return None
            held, go = os.pipe()
            try:
                _adopt_orphans(True)
                asked = asking()
                async with asyncio.timeout(self._patience):
                    pid = await self._ask(json.dumps(asked._asdict()).encode(), [held, *asked.descriptors])
                child, self._patience = Forked(pid), PATIENCE
                self._borne.add(pid)
                os.write(go, b"!")
            except (OSError, TimeoutError, ValueError) as error:
                self._lose(error)
                return None
            except BaseException as error:  # its answer would be taken for that of the next one
                self._lose(error)
                raise
            finally:
                _adopt_orphans(False)
                os.close(held)
                os.close(go)
            return child

    async def _ask(self, request: bytes, descriptors: list[int]) -> int:
        socket.send_fds(self._channel, [request], descriptors)
        return int(await asyncio.get_running_loop().sock_recv(self._channel, 100))  # b"" (it is gone) is no number

    def _lose(self, error: BaseException) -> None:
        code = self.close()
        _end_orphans(self._borne)
        log("child_ended", child="nursery", child_pid=self._pid, code=code, why=repr(error))

    def close(self) -> int:
        """End it; returns how it ended."""
        if self._lost:
            return 0
        self._lost = True
        self._channel.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])


def _adopt_orphans(wanted: bool) -> None:
    """Whether a process below us whose parent ends becomes our child; OSError where there is no such thing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SUBREAPER, int(wanted), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _end_orphans(known: set[int]) -> None:
    """End those that a lost nursery was about to bear, and whoever forked them: our children now, still by its name."""
    while found := [pid for pid in _children(_NAME) if pid not in known]:
        for pid in found:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)  # then its own child is ours


def _children(name: str) -> list[int]:
    """Our children that bear a short name, zombies too; none where the kernel does not tell (proc(5), children)."""
    found = []
    for file in Path("/proc/self/task").glob("*/children"):
        for pid in file.read_text().split():
            if Path(f"/proc/{pid}/comm").read_text() == f"{name}\n":
                found.append(int(pid))
    return found


def _nurse(number: int, modules: Sequence[str]) -> NoReturn:
    """The life of the nursery; children leave it by SystemExit, as a command does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the supervisor decides for us
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _close_all_but([0, 1, 2, number])
    retitle(["mail2campaign", _NAME])
    gc.disable()  # it would look again and again through what stays
    for name in modules:
        importlib.import_module(name)
    gc.freeze()  # what was imported is shared: the collector of a child shall not touch it
    gc.enable()
    channel = socket.socket(fileno=number)
    while True:
        request, given, _, _ = socket.recv_fds(channel, _MOST, 250)
        if not request:
            os._exit(0)
        pid = _fork(channel, request, given)
        for one in given:
            os.close(one)
        channel.send(str(pid).encode())


def _fork(channel: socket.socket, request: bytes, given: list[int]) -> int:
    """Fork a child whose parent is gone at once, so that it becomes the supervisor's; returns its id."""
    told, tell = os.pipe()
    between = os.fork()
    if between == 0:
        pid = os.fork()
        if pid:
            os.write(tell, str(pid).encode())
            os._exit(0)
        channel.detach()
        asked = json.loads(request)
        _become(asked["words"], asked["environment"], asked["descriptors"], given[0], given[1:])
    os.close(tell)
    said = os.read(told, 100)
    os.close(told)
    os.waitpid(between, 0)
    return int(said or 0)


def _become(
    words: list[str], environment: Mapping[str, str], numbers: list[int], held: int, given: list[int]
) -> NoReturn:
    """Be the child: its descriptors, environment, title; then its command, as soon as the supervisor knows of it."""
    if os.read(held, 1) != b"!":
        os._exit(1)
    above = max([2, *numbers]) + 1
    moved = {number: fcntl(one, F_DUPFD, above) for number, one in zip(numbers, given, strict=True)}
    for number, one in moved.items():
        os.dup2(one, number)
    _close_all_but([0, 1, 2, *moved])
    os.environ.clear()
    os.environ.update(environment)
    retitle(["mail2campaign", *words])
    from gateway.cli.main import main

    sys.exit(main(words))


def _close_all_but(kept: list[int]) -> None:
    """Close every descriptor but these."""
    low = 0
    for number in [*sorted(set(kept)), os.sysconf("SC_OPEN_MAX")]:
        if low < number:  # an empty range that ends at 0 would close all
            os.closerange(low, number)
        low = number + 1
