"""Group commit of what people do: opens, clicks, unsubscribes become rows before they are answered.

In: `submit(hit, told)` or `record(hit)`, from many requests at once. Out: True once the change is on disk. One flush runs at
a time and takes whatever has gathered meanwhile, so a burst of a thousand hits costs a few transactions and a lone hit waits
for its own. On database trouble whoever waits is told False after PATIENCE: the redirect or the pixel goes out all the
same, and the hit stays queued (QUEUE at most, further ones are dropped and counted) until the database is back.
Opens and clicks of recipients who are not followed, or not any more (they refused, or left), are left out here, where a
whole batch is looked up at once; those of the others wait in `hits` to be judged together (gateway.judging). Hits of
anonymous and service mail name nobody and only move a counter or a day.
Logs hits_written, and failed once for each outage; raises nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

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
_LOOK = 0.1  # seconds between two looks for those who have waited long enough

Hit = Change | hits.Hit | Count | LastOpen


class _Waiting:
    """A hit, and who waits for it until when; nobody does any more once they were told."""

    __slots__ = ("due", "hit", "told")

    def __init__(self, hit: Hit, told: Callable[[bool], None], due: float) -> None:
        self.hit, self.due = hit, due
        self.told: Callable[[bool], None] | None = told

    def tell(self, durable: bool) -> None:
        told, self.told = self.told, None
        if told is not None:
            told(durable)


class Recorder:
    """One a process; `run` must be running while requests are answered."""

    def __init__(self, db: Database, keys: SuppressionKeys, patience: float = PATIENCE) -> None:
        self._db, self.keys, self._patience = db, keys, patience
        self._queue: deque[_Waiting] = deque()
        self._asked: deque[_Waiting] = deque()  # in the order in which they are to be told at the latest
        self._looking: asyncio.TimerHandle | None = None
        self._filled = asyncio.Event()
        self._closing = False
        self._away = False
        self.dropped = 0

    async def record(self, hit: Hit) -> bool:
        """Queue a hit and wait until it is durable; False when it is not (yet, or ever)."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.submit(hit, lambda durable: None if done.done() else done.set_result(durable))
        return await done

    def submit(self, hit: Hit, told: Callable[[bool], None]) -> None:
        """Queue a hit; `told` is called once, when it is durable or when nobody should wait for it any longer."""
        if len(self._queue) >= QUEUE or self._closing:
            self.dropped += 1
            told(False)
            return
        loop = asyncio.get_running_loop()
        waiting = _Waiting(hit, told, loop.time() + self._patience)
        self._queue.append(waiting)
        self._asked.append(waiting)
        self._filled.set()
        if self._looking is None:
            self._looking = loop.call_later(_LOOK, self._look)

    def _look(self) -> None:
        """Tell those who have waited for too long."""
        loop = asyncio.get_running_loop()
        now, asked = loop.time(), self._asked
        while asked and (asked[0].told is None or asked[0].due <= now):
            asked.popleft().tell(False)
        self._looking = loop.call_later(_LOOK, self._look) if asked else None

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

    async def _write(self, batch: Sequence[_Waiting]) -> bool:
        """Write a batch; False when the database is away and the batch must wait."""
        try:
            rows = await self._apply([one.hit for one in batch])
        except Exception as error:
            if not await self._reachable():
                if not self._away:
                    log("failed", what="recording hits: the database is away", error=error)
                self._away = True
                return False
            await self._one_by_one(batch)
            return True
        self._away = False
        for one in batch:
            one.tell(True)
        log("hits_written", rows=rows)
        return True

    async def _apply(self, batch: Sequence[Hit]) -> int:
        changes = [hit for hit in batch if isinstance(hit, Change)]
        people = [hit for hit in batch if isinstance(hit, hits.Hit)]
        nobodys = [hit for hit in batch if isinstance(hit, Count | LastOpen)]
        ids, alone = sorted({hit.recipient_id for hit in people}), not (changes or nobodys)
        async with self._db.write() as conn:  # hits first: who leaves in this batch may have clicked before
            allowed = await consents.followed(conn, ids, self.keys, now_ms()) if ids else frozenset()
            await hits.add(conn, [hit for hit in people if hit.recipient_id in allowed], last=alone)
            if nobodys:
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

    async def _one_by_one(self, batch: Sequence[_Waiting]) -> None:
        # the database works, so one of these is at fault: it alone is lost, and said
        for one in batch:
            try:
                await self._apply([one.hit])
                one.tell(True)
            except Exception as error:
                person = getattr(one.hit, "recipient_id", None)
                named = "a hit" if person is None else f"what recipient {person} did"
                log("failed", what=f"recording {named}", error=error)
                one.tell(False)


def change(recipient_id: int, event: Event, **detail: object) -> Change:
    """A change of now; empty details are left out."""
    return Change(recipient_id, event, now_ms(), detail={k: v for k, v in detail.items() if v != ""})
