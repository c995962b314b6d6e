"""Connections to many sites at once: opened when mails wait, reused, bounded, closed when idle.

In: parcels with their way. Out, through `Hooks`: an outcome for every mail that was tried, and back unchanged every mail
that was not. Each way has its own line and its own connections, so one that is slow or silent holds nobody else; what
all share is bounded by the gate. Nothing is raised; a mail that cannot be rendered is reported as broken.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mta.claims import Meter
from mta.conditions import Conditions
from mta.connection import Connection
from mta.dialler import Dialler
from mta.fleet import Fleet
from mta.gate import Gate
from mta.lines import STRIKES, Line
from mta.providers import Limits, Terms
from mta.queues import parcel_of
from mta.session import Dialling
from mta.sites import Atlas
from mta.slots import Slots
from mta.standstill import Standstill
from mta.throttle import Throttle
from mta.values import Answered, Contact, Letter, Outcome, Parcel, Patience, Unanswered, rendered
from mta.ways import Way

TICK = 0.1  # seconds between two looks at the time limits
# While code and text are near the processor, a campaign's next letters cost less: 3 % of a sender's time.
AHEAD = 3  # letters made beside the one that is taken; with it they are one turn of the campaign
QUICK, SMALL = 20.0, 65_536  # answers a second of a line, and bytes of a letter, for which that is done
HEAVY = 64_000_000  # bytes of rendered mails on their way, above which no more are rendered
_THROTTLES = 5_000  # ways whose bearing is remembered
_SPREAD = 0.1  # of a delay: mails that were put off together do not come back together


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the pool tells; none may raise."""

    outcome: Callable[[Parcel, Outcome, Contact, Line], None]
    unsent: Callable[[Parcel], None]  # was not tried and is not wanted here: give it back
    later: Callable[[Parcel, float], None]  # was not tried and has to wait so many seconds
    broken: Callable[[Parcel, Exception], None]  # could not be rendered


@dataclass(frozen=True, slots=True)
class Rules:
    """What bounds the ways of a pool beside its own limits."""

    conditions: Conditions
    slots: Slots


class Pool:
    """All connections of one lane of a sender; `run` must be running."""

    def __init__(
        self,
        atlas: Atlas,
        dialling: Dialling,
        patience: Patience,
        limits: Limits,
        gate: Gate,
        hooks: Hooks,
        rules: Rules | None = None,
    ) -> None:
        self.patience, self.limits, self.gate, self.hooks, self.rules = patience, limits, gate, hooks, rules
        self._loop = asyncio.get_running_loop()
        self.still = Standstill(self._loop.time, TICK)
        self.fleet = Fleet(self, Dialler(atlas, dialling, limits.dial), rules.slots if rules else None)
        self.lines: dict[Way, Line] = {}
        self.waiting = 0
        self.loaded = 0  # bytes of the letters that connections hold
        self._throttles: OrderedDict[Way, Throttle] = OrderedDict()

    @property
    def connections(self) -> set[Connection]:
        """The connections that are open."""
        return self.fleet.connections

    def now(self) -> float:
        """The loop's clock, in seconds."""
        return self._loop.time()

    # --- from the feeder ---

    def submit(self, way: Way, parcels: Iterable[Parcel]) -> None:
        """Put mails in the line of their way."""
        line = self.lines.get(way) or self._begin(way)
        shut = self.shut(line)
        if shut > 0:
            self.later(parcels, shut)
            return
        if not line.waiting:
            line.since = self.now()
            if not line.outstanding:
                line.moved_at = line.since
        before = len(line.waiting)
        line.waiting.extend(parcels)
        self.waiting += len(line.waiting) - before
        self.kick(line)

    def withdraw(self, unwanted: Callable[[Parcel], bool]) -> list[Parcel]:
        """Take out mails that wait and were never handed to a connection, or were handed back."""
        gone = [parcel for line in self.lines.values() for parcel in line.waiting.drop(unwanted)]
        self.waiting -= len(gone)
        return gone

    def later(self, parcels: Iterable[Parcel], seconds: float) -> None:
        """Give back mails that have to wait, untried."""
        for parcel in parcels:
            self.hooks.later(parcel, seconds * (1 + _SPREAD * random.random()))

    def empty(self, line: Line) -> list[Parcel]:
        """Take out all that waits in a line."""
        parcels = [parcel_of(item) for item in line.waiting]
        line.waiting.clear()
        self.waiting -= len(parcels)
        return parcels

    def kick_all(self) -> None:
        """Permits were freed: let idle connections look again."""
        for line in list(self.lines.values()):
            if line.waiting:
                self.kick(line)

    def kick(self, line: Line) -> None:
        """Let the idle connections of a line take mails, and open another where that is worth while."""
        idle = 0
        for connection in self.fleet.idle_of(line):
            if not line.waiting:
                return
            connection.dialogue.offer()
            idle += connection.idle_since is not None and not connection.full
        if self.gate.open and line.wants_connection(idle, self.now()):
            self.fleet.open(line)

    def shut(self, line: Line) -> float:
        """Seconds for which nothing may leave on a line: it is paused, or answers nobody."""
        paused = self.rules.conditions.shut(line.terms.site, line.way.source_id) if self.rules else 0.0
        return max(paused, line.throttle.dead_until - self.now())

    # --- from the connections ---

    def take(self, line: Line) -> Letter | None:
        """The next letter of a line, if a permit is free and memory allows."""
        meter = line.meter
        while line.waiting and self.loaded < HEAVY and self.gate.open and self.gate.room(line.outstanding, line.proven):
            if meter is not None and meter.left <= 0:
                return None
            item = line.waiting.pop(1 + AHEAD if line.rate >= QUICK else 1)
            self.waiting -= 1
            parcel = parcel_of(item)
            if not self.gate.lets(parcel):
                self.hooks.unsent(parcel)
                continue
            if not isinstance(item, Letter):
                try:
                    item = rendered(parcel)
                except Exception as error:
                    self.hooks.broken(parcel, error)
                    continue
                if line.rate >= QUICK and item.size <= SMALL:
                    line.waiting.make(parcel.job.campaign_id, AHEAD, _made)
            line.outstanding += 1
            self.gate.used += 1
            self.loaded += item.size
            if meter is not None:
                meter.left -= 1
            return item
        return None

    def settled(self, line: Line, letter: Letter, outcome: Outcome, contact: Contact) -> None:
        """A letter got its outcome; its permit is freed when that is committed."""
        line.outstanding -= 1
        self.loaded -= letter.size
        if isinstance(outcome, Answered):
            line.answered(self.now())
            if outcome.reply.code == 421:
                self._suffered(line)
            else:
                line.throttle.succeeded()
        elif isinstance(outcome, Unanswered):
            line.unanswered(self.now())
            if line.strikes >= STRIKES:
                line.strikes = 0
                line.throttle.die(self.now())
                self.later(self.empty(line), self.shut(line))
            else:
                self._suffered(line)
        self.hooks.outcome(letter.parcel, outcome, contact, line)

    def returned(self, line: Line, letter: Letter) -> None:
        """A letter comes back unsent."""
        line.outstanding -= 1
        self.loaded -= letter.size
        self.gate.used -= 1
        if line.meter is not None:
            line.meter.left += 1
        if not self.gate.lets(letter.parcel):
            self.hooks.unsent(letter.parcel)
        elif (shut := self.shut(line)) > 0:
            self.later([letter.parcel], shut)
        else:
            line.waiting.put_back(letter)
            self.waiting += 1
            self._loop.call_soon(self.kick, line)

    # --- lines ---

    def _begin(self, way: Way) -> Line:
        terms = self.terms(way)
        line = Line(way, terms, self._throttles.pop(way, None) or Throttle(terms.connections, self.limits.dead))
        line.throttle.bound(terms.connections)
        line.meter = self.meter(terms)
        self.lines[way] = line
        return line

    def meter(self, terms: Terms) -> Meter | None:
        """The shared tokens that mails on these terms need; None where they need none."""
        return self.rules.conditions.meter(terms) if self.rules is not None and self.limits.metered else None

    def terms(self, way: Way) -> Terms:
        """What holds for a way now."""
        if self.rules is None:
            return Terms(self.limits.per_site, self.limits.messages)
        return self.rules.conditions.terms(way, self.limits)

    def _end(self, line: Line) -> None:
        del self.lines[line.way]
        self.fleet.forget(line)
        if not line.throttle.whole:
            self._throttles[line.way] = line.throttle
            if len(self._throttles) > _THROTTLES:
                self._throttles.popitem(last=False)

    def failed(self, line: Line, outcome: Outcome, contact: Contact) -> None:
        """A site could not be reached: that is the outcome of all that waits now, for this was its attempt."""
        line.throttle.failed(self.now(), cohort=True)
        for parcel in self.empty(line):
            self.gate.used += 1
            self.hooks.outcome(parcel, outcome, contact, line)

    def _suffered(self, line: Line) -> None:
        if line.throttle.failed(self.now()):
            self.later(self.empty(line), self.shut(line))

    async def run(self) -> None:
        """Look after time limits, idle connections and growth, until cancelled."""
        while True:
            await asyncio.sleep(TICK)
            stood = self.still.turned()
            if not stood:  # else what has come meanwhile is read first: nobody was silent
                self.fleet.tend(self.now())
            held = not (self.gate.open and self.gate.room(0, proven=True))  # the database commits nothing, perhaps
            for line in list(self.lines.values()):
                line.measure(TICK, held=held)
                line.excuse(stood + TICK if held and not line.outstanding else stood)
                if line.waiting:
                    self.kick(line)
                elif line.empty:
                    self._end(line)

    async def drain(self, patience: float) -> None:
        """Wait so many seconds for replies under way, then end every connection."""
        await self.fleet.drain(patience)


def _made(parcel: Parcel) -> Letter | None:
    """The letter of a mail that nobody takes yet; None where it cannot be made: whoever takes it will tell."""
    try:
        return rendered(parcel)
    except Exception:
        return None
