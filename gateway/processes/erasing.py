"""Retention: the people of a campaign are erased when its report ends, links end later, leaving works for ever (SPEC 9).

In: the desk, and a clock. Out: a chunk of each due campaign a turn, within BUDGET seconds, so that neither senders nor other
chores wait; once an hour a look for what has become due. Set-aside mails, answered letters and outdated proofs of consent go,
too. Raises what the database or the disk raises: what was not erased is found again. Logs erased and campaign_changed.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from config.durations import milliseconds
from config.logging import log
from gateway.intake.desk import Desk
from store import actions, consents, control, erasing
from store.actions import Power
from store.engine import now_ms

BUDGET = 0.25  # seconds of a turn
LOOK = 3_600_000  # ms between two looks


class Eraser:
    """One a gateway; `turn` is called every second."""

    def __init__(self, desk: Desk, clock: Callable[[], int] = now_ms) -> None:
        self._desk, self._clock = desk, clock
        self._due: deque[int] = deque()
        self._rest: erasing.Rest | None = None  # of the first of them
        self._looked_at = -LOOK

    async def turn(self) -> None:
        """Erase for a moment what is due."""
        now = self._clock()
        if abs(now - self._looked_at) >= LOOK:  # also when the clock was set back
            await self._look(now)
            self._looked_at = now
        ends = time.monotonic() + BUDGET
        while self._due and time.monotonic() < ends:
            campaign_id = self._due[0]
            async with self._desk.database.write() as conn:
                self._rest = await erasing.step(conn, campaign_id, self._desk.suppression, now, self._rest)
            if self._rest is None:
                self._due.popleft()
                log("erased", campaign=campaign_id)

    async def _look(self, now: int) -> None:
        rules, database = self._desk.settings.retention, self._desk.database
        report = milliseconds(rules.report)
        async with database.read() as conn:
            forgotten = await erasing.abandoned(conn, now, report)
        for campaign_id in forgotten:
            async with database.write() as conn:
                if await control.stop(conn, campaign_id, now - report):
                    await actions.note(conn, [campaign_id], Power.STOP, "gateway", now, {"cause": "forgotten"})
                    log("campaign_changed", campaign=campaign_id, state="stopped", by="retention")
        async with database.read() as conn:
            self._due.extend(one for one in await erasing.due(conn, now, report) if one not in self._due)
        await self._sweep(now, report)

    async def _sweep(self, now: int, report: int) -> None:
        rules, database = self._desk.settings.retention, self._desk.database
        more = True
        while more:
            async with database.write() as conn:
                more = await erasing.end_links(conn, now, milliseconds(rules.links))
        rows = erasing.CHUNK
        while rows == erasing.CHUNK:
            async with database.write() as conn:
                rows = await erasing.letters(conn, now - report)
        async with database.write() as conn:
            old = await consents.sweep(conn, now - milliseconds(rules.consent_proof))
        age = milliseconds(rules.set_aside) / 1000
        files = await asyncio.to_thread(partial(self._desk.spool.expire, age, now / 1000))
        if old or files:
            log("swept", rows=old, files=files)
