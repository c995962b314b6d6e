"""What a new process is given; the nursery is played by the test, which answers with processes of its own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from config.settings import Settings
from gateway.processes import handing
from gateway.processes.child import Child, Role, Shared
from gateway.processes.nursery import Nursery
from gateway.processes.sockets import Sockets
from gateway.processes.watchdog import Watchdog


def settings(folder: Path, name: str) -> Settings:
    return Settings(gateway={"domain": name, "data_dir": folder})


def spawned(*words: str) -> int:
    return os.posix_spawn(words[0], words, os.environ)


def request(channel: socket.socket) -> str:
    """The next request: the domain in the settings that it hands over."""
    asked, given, _, _ = socket.recv_fds(channel, 1_000_000, 250)
    wanted: dict[str, Any] = json.loads(asked)
    number = int(wanted["environment"][handing.VARIABLE])
    told = os.pread(given[1 + wanted["descriptors"].index(number)], 1_000_000, 0)
    for one in given:
        os.close(one)
    return Settings(**orjson.loads(told)).gateway.domain


async def test_who_waited_for_its_turn_is_given_the_settings_that_are_in_force_by_then(tmp_path: Path) -> None:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    nursery, lock = Nursery(spawned("/bin/sleep", "60"), ours), os.open(tmp_path, os.O_RDONLY)
    shared = Shared(settings(tmp_path, "old.test"), None, cast(Any, None), lock, Sockets(), nursery)
    watchdogs = [Watchdog(), Watchdog()]
    births = [asyncio.create_task(shared.start(Role("sender", "_send"), one)) for one in watchdogs]
    given = [await asyncio.to_thread(request, its)]
    shared.adopt(settings(tmp_path, "new.test"))
    its.send(str(spawned("/bin/true")).encode())
    given.append(await asyncio.to_thread(request, its))
    its.send(str(spawned("/bin/true")).encode())
    assert [await one.wait() for one in await asyncio.gather(*births)] == [0, 0]
    assert given == ["old.test", "new.test"]
    for one in watchdogs:
        one.close()
    nursery.close()
    shared.close()
    its.close()
    os.close(lock)


async def test_who_shall_leave_does_not_wait_for_a_nursery_that_still_imports(tmp_path: Path) -> None:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    pid, lock = spawned("/bin/sleep", "60"), os.open(tmp_path, os.O_RDONLY)
    shared = Shared(settings(tmp_path, "own.test"), None, cast(Any, None), lock, Sockets(), Nursery(pid, ours))
    child = Child(Role("sender", "_send"), shared)
    kept = asyncio.create_task(child.keep())
    await asyncio.to_thread(request, its)
    async with asyncio.timeout(30):
        await child.left()
    await kept
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    shared.close()
    its.close()
    os.close(lock)
