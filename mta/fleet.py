"""The open connections of a pool: opened within limits, shared with other processes by slots, looked after, ended.

In: lines that want one more connection. Out: mails flow from the line to it; a site that could not be reached is told to
the pool. Where a provider allows few connections, each holds a slot until the server has seen the end of it, and those who
hold slots make room for those who have none. Nothing is raised.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from mta.connection import Connection
from mta.dialler import Dialler
from mta.lines import HOLD, Line
from mta.session import Opened, close_session
from mta.slots import Slot, Slots
from mta.standstill import AGAIN
from mta.values import Unanswered

if TYPE_CHECKING:
    from mta.pool import Pool

_LOOK = 0.02  # seconds between two looks while draining
NO_SLOT = 0.1  # seconds between two looks for a free slot
WANTED = 1.0  # seconds between two looks whether others want a slot
FAIR = 10.0  # seconds for which a connection keeps its slot though other campaigns' mails want it
_POLITE = 0.5  # seconds for which no slot is taken after one was given up for others


class Fleet:
    """One a pool."""

    def __init__(self, pool: Pool, dialler: Dialler, slots: Slots | None) -> None:
        self.pool, self.dialler = pool, dialler
        self.connections: set[Connection] = set()
        self.idle: dict[Connection, None] = {}  # those that have nothing to do, longest first
        self._slots = slots
        self._of: defaultdict[Line, set[Connection]] = defaultdict(set)
        self._dialling = 0
        self._looked_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    def idle_of(self, line: Line) -> list[Connection]:
        """The connections of a line that have nothing to do."""
        return [c for c in self._of.get(line, ()) if c.idle_since is not None]

    def open(self, line: Line) -> None:
        """Open one more connection for a line, if there is room for it."""
        if not self._makes_room():
            return
        slot = None
        if self._slots is not None and line.terms.exact:
            slot = self._slots.take(line.terms.key, line.terms.connections)
            if slot is None:
                line.no_slot_until = self.pool.now() + NO_SLOT
                if not line.connections:
                    self._slots.want(line.terms.key)
                return
        line.dialling += 1
        self._dialling += 1
        self._start(self._dial(line, slot))

    def shrink(self, line: Line) -> None:
        """Let connections go that the terms of a line do not allow any more, when their mails are answered."""
        unfit = [c for c in self._of.get(line, ()) if not c.retiring and line.terms.exact and c.slot is None]
        kept = [c for c in self._of.get(line, ()) if not c.retiring and c not in unfit]
        for connection in [*unfit, *kept[line.terms.connections :]]:
            connection.retire()

    def shut(self, line: Line) -> None:
        """End the connections of a line when their mails are answered."""
        for connection in list(self._of.get(line, ())):
            connection.retire()

    def forget(self, line: Line) -> None:
        """A line has ended."""
        self._of.pop(line, None)
        if self._slots is not None and line.terms.exact:
            self._slots.unwant(line.terms.key)

    def ended(self, connection: Connection) -> None:
        """A connection has closed."""
        if self._forget(connection):
            connection.opened.client.close()
            connection.release()

    def quit(self, connection: Connection) -> None:
        """Close a connection politely; its place is free at once, its slot when the server has answered."""
        if self._forget(connection):
            connection.dialogue.over = True
            self._start(self._quit(connection))

    def tend(self, now: float) -> None:
        """Look after time limits, idle connections and slots that others want."""
        for connection in list(self.connections):
            connection.dialogue.tick(now)
            since = connection.idle_since
            if since is not None and now - since > self.pool.limits.idle:
                self.quit(connection)
        if self._slots is not None and now - self._looked_at >= WANTED:
            self._looked_at = now
            for line in self.pool.lines.values():
                if line.terms.exact and line.connections:
                    self._make_way(line, self._slots, now)

    async def drain(self, patience: float) -> None:
        """Wait so many seconds for replies under way, then end every connection."""
        for _ in range(int(patience / _LOOK)):
            if not any(connection.dialogue.busy for connection in self.connections):
                break
            await asyncio.sleep(_LOOK)
        for connection in list(self.connections):
            if connection.dialogue.busy:
                connection.dialogue.abort()
            else:
                self.quit(connection)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=1.0)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)
        if self._slots is not None:
            self._slots.close()

    def _make_way(self, line: Line, slots: Slots, now: float) -> None:
        held = sorted((c for c in self._of[line] if not c.retiring), key=lambda c: c.opened_at)
        if not held or line.connections > len(held):
            return  # one is on its way out already
        if slots.wanted(line.terms.key, urgently=True) or (
            now - held[0].opened_at >= FAIR and slots.wanted(line.terms.key, urgently=False)
        ):
            line.no_slot_until = now + _POLITE
            held[0].retire()

    def _makes_room(self) -> bool:
        if len(self.connections) + self._dialling < self.pool.limits.total:
            return True
        for connection in self.idle:
            if not connection.line.waiting:
                self.quit(connection)
                return True
        return False

    async def _dial(self, line: Line, slot: Slot | None) -> None:
        result, begun = None, self.pool.still.mark()
        try:
            result = await self.dialler.open(line.way)
        finally:
            line.dialling -= 1
            self._dialling -= 1
            if slot is not None and not isinstance(result, Opened):
                slot.release()
        if isinstance(result, Opened):
            self._opened(line, result, slot)
        elif isinstance(result[0], Unanswered) and result[0].why == "timeout" and self.pool.still.spoilt(begun):
            self.pool.later(self.pool.empty(line), AGAIN)  # that was no attempt
        elif line.connections or line.dialling:
            line.no_more_until = self.pool.now() + HOLD  # it takes no more connections than it has
            line.throttle.failed(self.pool.now())
        else:
            self.pool.failed(line, *result)

    def _opened(self, line: Line, opened: Opened, slot: Slot | None) -> None:
        line.connections += 1
        line.first_at = line.first_at if line.first_at is not None else self.pool.now()
        connection = Connection(self, line, opened, slot)
        self.connections.add(connection)
        self._of[line].add(connection)
        connection.start()

    async def _quit(self, connection: Connection) -> None:
        try:
            await close_session(connection.opened)
        finally:
            connection.release()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget(self, connection: Connection) -> bool:
        if connection not in self.connections:
            return False
        line = connection.line
        self.connections.discard(connection)
        self.idle.pop(connection, None)
        self._of[line].discard(connection)
        line.connections -= 1
        self._loop.call_soon(self.pool.kick, line)
        return True
