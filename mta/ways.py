"""Ways: to which site a mail goes, and from which local address it leaves; which address that is, is chosen here.

In: the local addresses that a machine may use, and mails that are placed in the line of a site. Out: a `Placing`: the same
mails by the source that each leaves from, and those that have to wait until a later instant. A retry keeps its source;
after connection trouble it may leave from another (SPEC 7). Without any source the system chooses. No I/O of its own;
nothing is raised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mta.sites import Site
from mta.values import Parcel
from store.states import Status
from store.values import Job

FEW = 10  # mails of a batch that are not worth a connection from one more address


@dataclass(frozen=True, slots=True)
class Source:
    """A local address, by its row: bound by connections, with the name that it says in EHLO (empty: the gateway's)."""

    id: int
    address: str
    helo: str = ""
    pool: str = "shared"


@dataclass(frozen=True, slots=True)
class Way:
    """What mails of one line have in common; `source` None leaves the local address to the system."""

    site: Site
    source: Source | None = None

    @property
    def source_id(self) -> int | None:
        """The row of the source, None when the system chooses."""
        return None if self.source is None else self.source.id


@dataclass(frozen=True, slots=True)
class Placing:
    """Where the mails of a batch go: parts with their source, and mails that wait, each until an instant (UTC ms)."""

    parts: Sequence[tuple[Source | None, Sequence[Parcel]]]
    later: Sequence[tuple[Parcel, int]] = field(default_factory=tuple)


Choice = Callable[[Site, Sequence[Parcel]], Awaitable[Placing]]


class RoundRobin:
    """Takes the sources of a pool in turn; `know` tells which there are."""

    def __init__(self) -> None:
        self._of_pool: dict[str, list[Source]] = {}
        self._by_id: dict[int, Source] = {}
        self._turn = 0

    def know(self, sources: Iterable[Source]) -> None:
        """The sources of this machine that may be used from now on."""
        self._by_id = {source.id: source for source in sources}
        self._of_pool = {}
        for source in self._by_id.values():
            self._of_pool.setdefault(source.pool, []).append(source)

    async def __call__(self, _site: Site, parcels: Sequence[Parcel]) -> Placing:
        """Spread a batch over the sources of its account's pool, some neighbours on each; retries stay where they were."""
        if not self._by_id:
            return Placing([(None, parcels)])
        parts: dict[Source | None, list[Parcel]] = {}
        fresh: dict[str, list[Parcel]] = {}
        for parcel in parcels:
            kept = self._kept(parcel)
            if kept is not None:
                parts.setdefault(kept, []).append(parcel)
            else:
                fresh.setdefault(parcel.pool, []).append(parcel)
        for pool, some in fresh.items():
            sources: Sequence[Source | None] = self._of_pool.get(pool) or self._of_pool.get("shared") or (None,)
            size = max(FEW, -(-len(some) // len(sources)))
            for start in range(0, len(some), size):
                self._turn += 1
                parts.setdefault(sources[self._turn % len(sources)], []).extend(some[start : start + size])
        return Placing(list(parts.items()))

    def _kept(self, parcel: Parcel) -> Source | None:
        job = parcel.job
        if not isinstance(job, Job) or job.source_id is None or job.status is Status.AWAITING:
            return None
        return self._by_id.get(job.source_id)
