"""Ways: to which site a mail goes, and from which local address it leaves (mta/sources chooses which).

In: nothing. Out: frozen values: sources, ways, and a `Placing`: mails by the source that each leaves from, and those that
have to wait until a later instant. No I/O; nothing is raised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from mta.sites import Site
from mta.values import Parcel

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
