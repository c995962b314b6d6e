"""Outcomes on their way to the database, in batches, and the permits that their commit frees.

In: changes of recipients. Out: they are durable, in the order in which they came; a flush starts when 50 wait, or as soon
as the one before has ended and the first has waited a moment, so what a crash leaves in doubt stays small. A database
that fails is tried again until it works; meanwhile the permits stay taken, so nothing more leaves. Logs, never raises.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from store.outages import passing
from store.values import Change

LOG = logging.getLogger(__name__)
ENOUGH = 50  # changes that start a flush at once
MOST = 500  # changes of one transaction
GATHER = 0.02  # seconds that a first change waits for company
TOGETHER = 3  # failures of a whole batch before its changes are tried one by one
_AGAIN = (0.1, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Sink:
    """Where batches go: `write` is one durable transaction and returns how many changes passed their fences."""

    write: Callable[[Sequence[Change]], Awaitable[int]]
    committed: Callable[[int], None]  # so many permits are free
    apart: Callable[[Change], bool] | None = None  # those that it tells from the others are written by themselves


class Outcomes:
    """The queue between connections and database of one sender; `run` must be running."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._changes: list[Change] = []
        self._some = asyncio.Event()
        self._enough = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._flushing_since: float | None = None

    @property
    def waiting(self) -> int:
        """Changes that are not durable yet and not in a flush under way."""
        return len(self._changes)

    def stuck(self, seconds: float) -> bool:
        """Whether a flush has been trying for so long: what is written may be much older than what is known."""
        since = self._flushing_since
        return since is not None and asyncio.get_running_loop().time() - since > seconds

    def add(self, change: Change) -> None:
        """Queue a change; bounded by the permits and leases that whoever calls it holds."""
        self._changes.append(change)
        if len(self._changes) == 1:
            self._settled.clear()
            self._some.set()
        elif len(self._changes) == ENOUGH:
            self._enough.set()

    async def run(self) -> None:
        """Flush until cancelled; call `settle` before that."""
        while True:
            await self._some.wait()
            if len(self._changes) < ENOUGH:
                try:
                    async with asyncio.timeout(GATHER):
                        await self._enough.wait()
                except TimeoutError:
                    pass
            batch, self._changes = self._changes[:MOST], self._changes[MOST:]
            if not self._changes:
                self._some.clear()
                self._enough.clear()
            for part in self._parts(batch):
                self._flushing_since = asyncio.get_running_loop().time()
                await self._flush(part)
            self._flushing_since = None
            if not self._changes:
                self._settled.set()

    def _parts(self, batch: Sequence[Change]) -> list[Sequence[Change]]:
        """What is one transaction each; a recipient has one change in a batch, so their order does not matter."""
        if self._sink.apart is None:
            return [batch]
        apart = [self._sink.apart(change) for change in batch]
        parts = [
            [change for change, is_apart in zip(batch, apart, strict=True) if is_apart is way] for way in (True, False)
        ]
        return [part for part in parts if part]

    async def settle(self, patience: float) -> bool:
        """Wait until everything is durable, so many seconds at most; False when time was up."""
        try:
            async with asyncio.timeout(patience):
                await self._settled.wait()
        except TimeoutError:
            return False
        return True

    async def _flush(self, batch: Sequence[Change]) -> None:
        """Write a batch until it is written: the fence of each change lets a repeated write do no harm."""
        left = list(batch)
        for attempt in range(1_000_000):
            try:
                applied = await self._sink.write(left)
            except Exception:
                LOG.exception("cannot write %d outcomes, trying again", len(left))
                await asyncio.sleep(_AGAIN[min(attempt, len(_AGAIN) - 1)])
                if attempt >= TOGETHER:
                    left = await self._one_by_one(left)
                if left:
                    continue
                break
            if applied != len(left):
                LOG.warning("%d outcomes belonged to somebody else by then", len(left) - applied)
            break
        self._sink.committed(len(batch))

    async def _one_by_one(self, batch: Sequence[Change]) -> list[Change]:
        """Write what can be written, each change alone: one that the database will never take keeps nobody else waiting.

        Such a change is written without its story, for the status is worth more; what an outage keeps out is returned.
        """
        left: list[Change] = []
        for change in batch:
            for version in (change, replace(change, detail={})):
                try:
                    await self._sink.write([version])
                    break
                except Exception as error:
                    LOG.exception("cannot write the outcome of recipient %d", change.recipient_id)
                    if passing(error):
                        left.append(change)  # with its story
                        break
            else:
                left.append(change)
        return left
