"""Group commit of what people do: opens, clicks, unsubscribes become rows before they are answered.

In: `record(hit)`, from many requests at once. Out: True once the change is on disk. One flush runs at a time and takes
whatever has gathered meanwhile, so a burst of a thousand hits costs a few transactions and a lone hit waits for its own.
On database trouble `record` gives up waiting after PATIENCE and returns False: the redirect or the pixel goes out all the
same, and the hit stays queued (QUEUE at most, further ones are dropped and counted) until the database is back.
Opens and clicks of recipients who are not followed, or not any more (they refused, or left), are left out here, where a
whole batch is looked up at once; those of the others wait in `hits` to be judged together (gateway.judging). Hits of
anonymous and service mail name nobody and only move a counter or a day.
Logs hits_written, and failed once for each outage; raises nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from config.logging import log
from store import anonymous, consents, events, hits, reports
from store.anonymous import Count, LastOpen
from store.engine import Database, now_ms
from store.states import Event
from store.suppressions import SuppressionKeys
from store.values import Change

QUEUE = 20_000  # changes held while the database is away
BATCH = 500  # changes in one transaction
PATIENCE = 2.0  # seconds an answer waits for the disk
RETRY = 0.5  # seconds between attempts while the database is away

Hit = Change | hits.Hit | Count | LastOpen
_Item = tuple[Hit, "asyncio.Future[bool]"]


class Recorder:
    """One a process; `run` must be running while requests are answered."""

    def __init__(self, db: Database, keys: SuppressionKeys, patience: float = PATIENCE) -> None:
        self._db, self.keys, self._patience = db, keys, patience
        self._queue: deque[_Item] = deque()
        self._filled = asyncio.Event()
        self._closing = False
        self._away = False
        self.dropped = 0

    async def record(self, hit: Hit) -> bool:
        """Queue a hit and wait until it is durable; False when it is not (yet, or ever)."""
        if len(self._queue) >= QUEUE or self._closing:
            self.dropped += 1
            return False
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._queue.append((hit, done))
        self._filled.set()
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(done)
        except TimeoutError:
            return False

    async def run(self) -> None:
        """Write batches until `close`, and what is left then."""
        while not (self._closing and not self._queue):
            await self._filled.wait()
            self._filled.clear()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                if not await self._write(batch):
                    self._queue.extendleft(reversed(batch))
                    if self._closing:
                        return
                    await asyncio.sleep(RETRY)

    def close(self) -> None:
        """Take no more changes and let `run` end once the queue is written."""
        self._closing = True
        self._filled.set()

    async def _write(self, batch: Sequence[_Item]) -> bool:
        """Write a batch; False when the database is away and the batch must wait."""
        try:
            rows = await self._apply([hit for hit, _ in batch])
        except Exception as error:
            if not await self._reachable():
                if not self._away:
                    log("failed", what="recording hits: the database is away", error=error)
                self._away = True
                return False
            await self._one_by_one(batch)
            return True
        self._away = False
        for _, done in batch:
            _settle(done, True)
        log("hits_written", rows=rows)
        return True

    async def _apply(self, batch: Sequence[Hit]) -> int:
        changes = [hit for hit in batch if isinstance(hit, Change)]
        people = [hit for hit in batch if isinstance(hit, hits.Hit)]
        nobodys = [hit for hit in batch if isinstance(hit, Count | LastOpen)]
        async with self._db.write() as conn:
            allowed = await consents.followed(conn, sorted({hit.recipient_id for hit in people}), self.keys, now_ms())
            await hits.add(conn, [hit for hit in people if hit.recipient_id in allowed])
            await anonymous.add(conn, nobodys)
            applied = await events.apply(conn, changes, self.keys) if changes else 0
        return len(nobodys) + len(people) + applied

    async def _reachable(self) -> bool:
        try:
            async with asyncio.timeout(self._patience), self._db.write() as conn:
                await reports.tracked(conn, [0])
        except Exception:
            return False
        return True

    async def _one_by_one(self, batch: Sequence[_Item]) -> None:
        # the database works, so one of these is at fault: it alone is lost, and said
        for hit, done in batch:
            try:
                await self._apply([hit])
                _settle(done, True)
            except Exception as error:
                person = getattr(hit, "recipient_id", None)
                named = "a hit" if person is None else f"what recipient {person} did"
                log("failed", what=f"recording {named}", error=error)
                _settle(done, False)


def _settle(done: asyncio.Future[bool], durable: bool) -> None:
    if not done.done():
        done.set_result(durable)


def change(recipient_id: int, event: Event, **detail: object) -> Change:
    """A change of now; empty details are left out."""
    return Change(recipient_id, event, now_ms(), detail={k: v for k, v in detail.items() if v != ""})
