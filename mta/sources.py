"""From which local address a mail leaves, where some of them are warming up or belong to one account's pool.

In: the sources of this machine, mails that are placed in the line of a site, and what became of them. Out: a `Placing`.
A pool's warming sources come first, as far as their calendars go; what exceeds goes out on its ready sources, else on those
of the shared pool, else it waits for the hour that will have room. A retry keeps its source and needs no new permit; after
connection trouble it is a new mail. Ready sources ask nobody, and where all are ready no mail asks anything. System mail
never waits. Raises what the database raises; without any source the system chooses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from config.warmup import Answers, Rules
from mta.bookings import Bookings
from mta.permits import Key, Permits
from mta.sites import Site
from mta.values import Outcome, Parcel, Unanswered
from mta.ways import FEW, Placing, Source, Way
from parsers.classify import ReplyClass
from parsers.replies import Stage
from store import sources as rows_of
from store.engine import Database
from store.sources import IN_CALENDAR, SHARED, State
from store.states import Event, Status
from store.values import Change, Job

NOTHING_ON = 60_000  # ms that mails wait where every source is off
# what is said of a mailbox, or to everybody who comes for the first time, says nothing of our address
_NOT_OURS = frozenset(
    {
        ReplyClass.GREYLISTED, ReplyClass.MAILBOX_FULL, ReplyClass.MAILBOX_DISABLED, ReplyClass.MOVED, ReplyClass.TOO_BIG,
        ReplyClass.UNKNOWN_USER, ReplyClass.UNKNOWN_DOMAIN, ReplyClass.NO_MAIL, ReplyClass.NOT_ENCODABLE,
    }
)  # fmt: skip
_UNTRIED = frozenset({Stage.DNS, Stage.CONNECT})  # nothing of the mail was said by then


@dataclass(frozen=True, slots=True)
class Land:
    """What is asked about sites: the key of a site's provider ("" for none), for how many seconds a way is shut, and
    whether a site can be reached from IPv4 and from IPv6."""

    provider: Callable[[Site], str]
    shut: Callable[[Way], float]
    reached: Callable[[Site], Awaitable[tuple[bool, bool]]]


class Sources:
    """The choice of one sender process; `know` tells which sources there are, and must be called before the first mail."""

    def __init__(self, permits: Permits, rules: Rules, land: Land, now: Callable[[], int]) -> None:
        self._permits, self._rules, self._land, self._now = permits, rules, land, now
        self._rows: dict[int, rows_of.Source] = {}
        self._known: dict[int, Source] = {}  # those that may send
        self._granted: dict[int, tuple[Key, int]] = {}  # recipient -> whose permit it has, of which day
        self._bookings = Bookings()
        self._turn = 0

    def know(self, rows: Iterable[rows_of.Source]) -> None:
        """The sources of this machine, those that are off included."""
        told = {row.id: row for row in rows}
        if told == self._rows:
            return
        self._rows = told
        on = [row for row in told.values() if row.state is not State.OFF]
        self._known = {row.id: Source(row.id, row.address, row.helo, row.pool) for row in on}
        self._permits.ask_anew()
        self._bookings.clear()

    async def __call__(self, site: Site, parcels: Sequence[Parcel]) -> Placing:
        """Where these mails leave from, and which have to wait."""
        if not self._rows:
            return Placing([(None, parcels)])
        if not self._known:
            until = self._now() + NOTHING_ON
            return Placing((), [(parcel, until) for parcel in parcels])
        parts: dict[Source | None, list[Parcel]] = {}
        fresh: dict[tuple[str, bool], list[Parcel]] = {}
        for parcel in parcels:
            kept = self._kept(parcel)
            if kept is not None:
                parts.setdefault(kept, []).append(parcel)
            else:
                fresh.setdefault((parcel.pool, isinstance(parcel.job, Job)), []).append(parcel)
        later: list[tuple[Parcel, int]] = []
        for (pool, counted), some in fresh.items():
            later += await self._fresh(site, pool, some, parts, counted)
        return Placing(list(parts.items()), later)

    def _kept(self, parcel: Parcel) -> Source | None:
        job = parcel.job
        if not isinstance(job, Job) or job.source_id is None or job.status is Status.AWAITING:
            return None
        return self._known.get(job.source_id)

    async def _fresh(
        self, site: Site, pool: str, some: list[Parcel], parts: dict[Source | None, list[Parcel]], counted: bool
    ) -> list[tuple[Parcel, int]]:
        """Place mails that were never tried; returns those that wait."""
        own = [source for source in self._known.values() if source.pool == pool]
        pool = pool if own else SHARED
        shared = [source for source in self._known.values() if source.pool == SHARED]
        warm, ready = self._split(await self._reaching(site, own or shared))
        if not ready:
            ready = self._split(await self._reaching(site, shared))[1]
        if not counted:  # a system mail is one mail, and somebody waits for it
            ready, warm = ready or warm or list(self._known.values()), []
        left, begin = await self._warming(site, warm, some, parts)
        if left and ready:
            self._spread(ready, left, parts)
        elif left and warm:
            rows = [self._rows[source.id] for source in warm]
            provider = self._land.provider(site)
            due = self._bookings.due(self._rules, pool, provider, rows, len(left), max(begin, self._now()))
            return list(zip(left, due, strict=True))
        elif left:  # no source of this pool, nor of the shared one
            return [(parcel, self._now() + NOTHING_ON) for parcel in left]
        return []

    def _split(self, some: Sequence[Source]) -> tuple[list[Source], list[Source]]:
        """The warming ones, and the ready ones."""
        warm = [source for source in some if self._rows[source.id].state in IN_CALENDAR]
        return warm, [source for source in some if source not in warm]

    async def _reaching(self, site: Site, some: Sequence[Source]) -> Sequence[Source]:
        """Those of some sources from which a site can be reached now; all of them when there is none."""
        if len(some) < 2 and not any(":" in source.address for source in some):
            return some
        if any(":" in source.address for source in some):
            four, six = await self._land.reached(site)
            some = [source for source in some if (six if ":" in source.address else four)] or some
        return [source for source in some if self._land.shut(Way(site, source)) <= 0] or some

    async def _warming(
        self, site: Site, warm: Sequence[Source], some: list[Parcel], parts: dict[Source | None, list[Parcel]]
    ) -> tuple[list[Parcel], int]:
        """Place what the calendars allow: each source its part, then what others left; returns the rest, and when there
        will be more room."""
        if not warm:
            return some, 0
        left, again, provider = some, 0, self._land.provider(site)
        self._turn += 1
        turns = [warm[(self._turn + at) % len(warm)] for at in range(len(warm))]
        for share in (-(-len(some) // len(warm)), len(some)):
            for source in turns:
                if not left:
                    return [], 0
                key = source.id, provider
                granted, again_at, day = await self._permits.take(key, min(share, len(left)))
                if granted:
                    self._granted |= {parcel.job.id: (key, day) for parcel in left[:granted]}
                    parts.setdefault(source, []).extend(left[:granted])
                    left = left[granted:]
                if again_at:
                    again = min(again or again_at, again_at)
        return left, again

    def _spread(
        self, ready: Sequence[Source], some: Sequence[Parcel], parts: dict[Source | None, list[Parcel]]
    ) -> None:
        """Place mails in turn, some neighbours on each source."""
        size = max(FEW, -(-len(some) // len(ready)))
        for start in range(0, len(some), size):
            self._turn += 1
            parts.setdefault(ready[self._turn % len(ready)], []).extend(some[start : start + size])

    # --- what became of them ---

    def unused(self, recipient: int) -> None:
        """A recipient's mail was not tried."""
        held = self._granted.pop(recipient, None) if self._granted else None
        if held is not None:
            self._permits.unused(*held)

    def settled(self, parcel: Parcel, way: Way | None, provider: str, outcome: Outcome, change: Change) -> None:
        """A mail was tried on a way to a provider ("" for none)."""
        if self._granted:
            if isinstance(outcome, Unanswered) and outcome.stage in _UNTRIED:
                self.unused(parcel.job.id)
            else:
                self._granted.pop(parcel.job.id, None)
        if way is not None and way.source is not None and (answer := answered(change)) is not None:
            self._permits.heard((way.source.id, provider), answer)

    async def turn(self) -> None:
        """Every few seconds: write down what was heard, give back what nobody used."""
        self._bookings.prune(self._now())
        await self._permits.turn()

    async def close(self) -> None:
        """Give back every permit."""
        await self._permits.close()


_YES, _LATER, _NO = Answers(accepted=1), Answers(deferred=1), Answers(refused=1)


def answered(change: Change) -> Answers | None:
    """What an attempt says about the address that it left from; None for nothing."""
    if change.event is Event.ACCEPTED:
        return _YES
    if not change.detail.get("code") or change.detail.get("class") in _NOT_OURS:
        return None
    # the code, not the event: a mail whose time is up was deferred to the last
    return _NO if int(change.detail["code"]) >= 500 else _LATER


async def mine(database: Database, host: str) -> list[rows_of.Source]:
    """The sources of a machine (config.host.host_id), and those of any."""
    async with database.read() as conn:
        return [row for row in await rows_of.every(conn) if row.host in ("", host)]
