"""Connections to many sites at once: opened when mails wait, reused, bounded, closed when idle.

In: parcels with their site. Out, through `Hooks`: an outcome for every mail that was tried, and back unchanged every mail
that was not. Each site has its own line and its own connections, so one that is slow or silent holds nobody else; what
all share is bounded by the gate. Nothing is raised; a mail that cannot be rendered is reported as broken.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from config.logging import log
from mta.connection import Connection
from mta.gate import Gate
from mta.lines import HOLD, STRIKES, Limits, Line
from mta.session import Dialling, Failed, Opened, Target, close_session, open_session, weigh
from mta.sites import Atlas, Site
from mta.values import Answered, Contact, Flight, Letter, Outcome, Parcel, Patience, Unanswered
from parsers.replies import Stage

TICK = 0.1  # seconds between two looks at the time limits
SLUGGISH = 5.0  # seconds without movement after which a site's mails do not count as work at hand
HEAVY = 64_000_000  # bytes of rendered mails on their way, above which no more are rendered
_LOOK = 0.02  # seconds between two looks while draining
_MANNERS = 5_000  # hosts whose bearing is remembered
_BAD_HOST = 60.0  # seconds that an address which did not connect is tried last


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the pool tells; none may raise."""

    outcome: Callable[[Parcel, Outcome, Contact], None]
    unsent: Callable[[Parcel], None]  # was not tried and is not wanted here: give it back
    later: Callable[[Parcel], None]  # was not tried: its site answers nobody for now
    broken: Callable[[Parcel, Exception], None]  # could not be rendered


class Pool:
    """All connections of one lane of a sender; `run` must be running."""

    def __init__(
        self, atlas: Atlas, dialling: Dialling, patience: Patience, limits: Limits, gate: Gate, hooks: Hooks
    ) -> None:
        self.atlas, self.dialling, self.patience, self.limits = atlas, dialling, patience, limits
        self.gate, self.hooks = gate, hooks
        self.lines: dict[Site, Line] = {}
        self.connections: set[Connection] = set()
        self._of: defaultdict[Line, set[Connection]] = defaultdict(set)
        self.waiting = 0
        self.loaded = 0  # bytes of the letters that connections hold
        self._tasks: set[asyncio.Task[None]] = set()
        self._manners: OrderedDict[str, Flight] = OrderedDict()
        self._bad: OrderedDict[tuple[str, int], float] = OrderedDict()
        self._loop = asyncio.get_running_loop()

    def now(self) -> float:
        """The loop's clock, in seconds."""
        return self._loop.time()

    # --- from the feeder ---

    def submit(self, site: Site, parcels: Iterable[Parcel]) -> None:
        """Put mails in the line of their site."""
        line = self.lines.setdefault(site, Line(site))
        if not line.waiting and not line.outstanding:
            line.moved_at = self.now()
        before = len(line.waiting)
        line.waiting.extend(parcels)
        self.waiting += len(line.waiting) - before
        self.kick(line)

    def withdraw(self, unwanted: Callable[[Parcel], bool]) -> list[Parcel]:
        """Take out mails that wait and were never handed to a connection, or were handed back."""
        gone = [parcel for line in self.lines.values() for parcel in line.withdraw(unwanted)]
        self.waiting -= len(gone)
        return gone

    @property
    def moving(self) -> int:
        """Mails that wait for sites where something moves, or that nobody has tried to reach yet."""
        limit = self.now() - SLUGGISH
        return sum(len(line.waiting) for line in self.lines.values() if line.moved_at >= limit)

    def put_off(self, quiet_for: float) -> None:
        """Give up, for now, the mails of sites where nothing has moved for so many seconds."""
        limit = self.now() - quiet_for
        for line in self.lines.values():
            if line.waiting and line.moved_at < limit:
                self._put_off(line)

    def kick_all(self) -> None:
        """Permits were freed: let idle connections look again."""
        for line in list(self.lines.values()):
            if line.waiting:
                self.kick(line)

    def kick(self, line: Line) -> None:
        """Let the idle connections of a line take mails, and open another where that is worth while."""
        idle = 0
        for connection in [c for c in self._of.get(line, ()) if c.idle_since is not None]:
            if not line.waiting:
                return
            connection.dialogue.offer()
            idle += connection.idle_since is not None and not connection.full
        if self.gate.open and line.wants_connection(idle, self.now(), self.limits) and self._makes_room():
            line.dialling += 1
            task = asyncio.create_task(self._dial(line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    # --- from the connections ---

    def take(self, line: Line) -> Letter | None:
        """The next letter of a line, if a permit is free and memory allows."""
        while line.waiting and self.loaded < HEAVY and self.gate.open and self.gate.room(line.outstanding, line.proven):
            item = line.waiting.popleft()
            self.waiting -= 1
            parcel = item.parcel if isinstance(item, Letter) else item
            if not self.gate.lets(parcel):
                self.hooks.unsent(parcel)
                continue
            if not isinstance(item, Letter):
                try:
                    item = Letter(parcel, parcel.render())
                except Exception as error:
                    self.hooks.broken(parcel, error)
                    continue
            line.outstanding += 1
            self.gate.used += 1
            self.loaded += len(item.content)
            return item
        return None

    def settled(self, line: Line, letter: Letter, outcome: Outcome, contact: Contact) -> None:
        """A letter got its outcome; its permit is freed when that is committed."""
        line.outstanding -= 1
        self.loaded -= len(letter.content)
        if isinstance(outcome, Answered):
            line.answered(self.now())
        elif isinstance(outcome, Unanswered):
            line.unanswered(self.now())
            if line.strikes >= STRIKES:
                self._put_off(line)
        self.hooks.outcome(letter.parcel, outcome, contact)

    def returned(self, line: Line, letter: Letter) -> None:
        """A letter comes back unsent."""
        line.outstanding -= 1
        self.loaded -= len(letter.content)
        self.gate.used -= 1
        if self.gate.lets(letter.parcel):
            line.waiting.appendleft(letter)
            self.waiting += 1
            self._loop.call_soon(self.kick, line)
        else:
            self.hooks.unsent(letter.parcel)

    def stumbled(self, host: str, flight: Flight) -> None:
        """A server did not bear that many commands at once: it gets fewer from now on."""
        lower = Flight(max(0, flight - 1))
        if lower < self._manners.get(host, Flight.BEHIND_DOT):
            self._manners[host] = lower
            self._manners.move_to_end(host)
            if len(self._manners) > _MANNERS:
                self._manners.popitem(last=False)

    def ended(self, connection: Connection) -> None:
        """A connection has closed."""
        if self._forget(connection):
            connection.opened.client.close()

    # --- connections ---

    def _makes_room(self) -> bool:
        busy = len(self.connections) + sum(line.dialling for line in self.lines.values())
        if busy < self.limits.total:
            return True
        for connection in self.connections:
            if connection.idle_since is not None and not connection.line.waiting:
                self.quit(connection)
                return True
        return False

    async def _dial(self, line: Line) -> None:
        result: Opened | tuple[Outcome, Contact]
        try:
            result = await self._first_that_answers(line)
        except Exception as error:  # a bug of ours must not keep mails for ever: unknown means temporary
            log("failed", what="dial", error=error)
            result = Unanswered(Stage.CONNECT, "failed"), Contact(line.site.name)
        finally:
            line.dialling -= 1
        if isinstance(result, Opened):
            line.connections += 1
            line.first_at = line.first_at if line.first_at is not None else self.now()
            flight = self._manners.get(result.contact.host, Flight.BEHIND_DOT)
            connection = Connection(self, line, result, flight)
            self.connections.add(connection)
            self._of[line].add(connection)
            connection.start()
        elif line.connections or line.dialling:
            line.no_more_until = self.now() + HOLD  # it takes no more connections than it has
        else:
            self._fail_line(line, *result)

    async def _first_that_answers(self, line: Line) -> Opened | tuple[Outcome, Contact]:
        targets = await self.atlas.targets(line.site)
        if not isinstance(targets, list):
            return targets, Contact(line.site.name)
        failures: list[Failed] = []
        for target in sorted(targets, key=self._was_bad):
            result = await open_session(target, self.dialling)
            if isinstance(result, Opened):
                self._bad.pop((target.ip, target.port), None)
                return result
            failures.append(result)
            self._bad[target.ip, target.port] = self.now() + _BAD_HOST
            if len(self._bad) > _MANNERS:
                self._bad.popitem(last=False)
        worst = weigh(failures)
        return worst.outcome, worst.contact

    def _was_bad(self, target: Target) -> bool:
        return self._bad.get((target.ip, target.port), 0.0) > self.now()

    def _fail_line(self, line: Line, outcome: Outcome, contact: Contact) -> None:
        # only what waits now has been tried by this attempt to reach the site
        waiting, line.waiting = line.waiting, type(line.waiting)()
        self.waiting -= len(waiting)
        for item in waiting:
            self.gate.used += 1
            self.hooks.outcome(item.parcel if isinstance(item, Letter) else item, outcome, contact)

    def _put_off(self, line: Line) -> None:
        waiting, line.waiting = line.waiting, type(line.waiting)()
        self.waiting -= len(waiting)
        for item in waiting:
            self.hooks.later(item.parcel if isinstance(item, Letter) else item)

    def quit(self, connection: Connection) -> None:
        """Close a connection politely; its place is free at once."""
        if not self._forget(connection):
            return
        connection.dialogue.over = True
        task = asyncio.create_task(close_session(connection.opened))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget(self, connection: Connection) -> bool:
        if connection not in self.connections:
            return False
        line = connection.line
        self.connections.discard(connection)
        self._of[line].discard(connection)
        line.connections -= 1
        self._loop.call_soon(self.kick, line)
        return True

    async def run(self) -> None:
        """Look after time limits, idle connections and growth, until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            now = self.now()
            for connection in list(self.connections):
                connection.dialogue.tick(now)
                since = connection.idle_since
                if since is not None and now - since > self.limits.idle:
                    self.quit(connection)
            for site, line in list(self.lines.items()):
                line.measure(TICK)
                if line.waiting:
                    self.kick(line)
                elif line.empty:
                    del self.lines[site]
                    self._of.pop(line, None)

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
