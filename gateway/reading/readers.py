"""The gateway's end of the reading processes: who asks, who waits, and what happens when one dies.

In: a request and the limits. Out: the answers of a reading process one by one; `Unread` instead of an end when the
process died, ran out of time or said that it failed. Two processes read (a giant list never keeps a small mail from being
read), one more writes workbooks. Raises OSError when no process can be started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson

import gateway
from gateway.reading import frames

COUNT = 2
_AHEAD = 512 * 1024  # bytes that a process may be ahead of who asks (twice that in memory): a few chunks of lines
_SLACK_S = 30.0  # wall time granted beyond the processor time, for a busy machine
_KEPT = ("PATH", "LANG", "LC_ALL", "TZDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE")


class Unread(Exception):
    """The reading process gave up; the text says why."""


class Readers:
    """A small pool of reading processes; the last one is kept free of mails above `big` bytes."""

    def __init__(self, memory: int, seconds: int, big: int = 2_000_000) -> None:
        self._memory, self._seconds, self._big = memory, seconds, big
        self._free: asyncio.LifoQueue[asyncio.subprocess.Process | None] = asyncio.LifoQueue(COUNT)
        # workbooks are written by one of their own: mails that wait for one another never wait for it
        self._writer: asyncio.Queue[asyncio.subprocess.Process | None] = asyncio.Queue(1)
        self._writer.put_nowait(None)
        self._giants = asyncio.Semaphore(COUNT - 1)
        for _ in range(COUNT):
            self._free.put_nowait(None)

    async def warm(self) -> None:
        """Start one process of each kind before the first mail needs it: an acknowledgement is promised in two seconds."""
        for lane in (self._free, self._writer):
            await lane.get()
            lane.put_nowait(await self._start())

    async def ask(self, request: dict[str, Any], size: int) -> AsyncIterator[dict[str, Any]]:
        """Yield the answers to a request about `size` bytes; Unread when there is no proper end."""
        writes = request["do"] == "corrected"
        lane = self._writer if writes else self._free
        async with self._giants if size > self._big and not writes else contextlib.nullcontext():
            process = await lane.get()
            good = False
            try:
                if process is None or process.returncode is not None:
                    process = await self._start()
                async for answer in self._answers(process, request):
                    if answer["kind"] == "end":
                        good = not answer["last"]
                    else:
                        yield answer
            finally:
                if not good and process is not None and process.returncode is None:
                    process.kill()
                lane.put_nowait(process if good else None)

    async def _answers(
        self, process: asyncio.subprocess.Process, request: dict[str, Any]
    ) -> AsyncIterator[dict[str, Any]]:
        assert process.stdin is not None
        assert process.stdout is not None
        patience = (
            2 * self._seconds + _SLACK_S
        )  # of waiting for it: what is done with its answers meanwhile is not its fault
        try:
            process.stdin.write(orjson.dumps(request) + b"\n")
            await process.stdin.drain()
            while True:
                begun = time.monotonic()
                async with asyncio.timeout(patience):
                    answer = await frames.read(process.stdout)
                patience -= time.monotonic() - begun
                if answer["kind"] == "failed":
                    raise Unread(answer["why"])
                yield answer
                if answer["kind"] == "end":
                    return
        except EOFError:
            raise Unread(f"the reading process ended with {await process.wait()}") from None
        except (OSError, TimeoutError, ValueError) as error:
            raise Unread(f"{type(error).__name__}: {error}") from error

    async def _start(self) -> asyncio.subprocess.Process:
        # nothing of our environment that could hold a secret, and no module from the working folder
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "gateway.reading.reader", str(self._memory), str(self._seconds)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=kept | {"PYTHONPATH": str(Path(gateway.__file__).parent.parent), "PYTHONUTF8": "1"},
            limit=_AHEAD,
        )

    async def close(self) -> None:
        """End every process."""
        for lane in (self._free, self._writer):
            while not lane.empty():
                process = lane.get_nowait()
                if process is not None and process.returncode is None:
                    process.kill()
                    await process.wait()
