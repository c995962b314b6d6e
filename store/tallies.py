"""Counters kept in the transaction of what they count, so that a report never has to count recipients.

In: differences gathered while a batch is applied. Out: rows of `tallies` and `curves`. Names: `status:N`, and the
measures of MEASURES. Nothing is raised.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from store.bulk import Step, count
from store.states import Status
from store.tables import curves, tallies

MEASURES = (
    "sent",  # recipients with at least one attempt ended
    "opened",  # recipients with a human open (or click)
    "clicked",
    "unsubscribed",
    "complained",
    "machine_open",  # hits, not recipients
    "machine_click",
    "unsure_open",  # hits that may have been a person's
    "unsure_click",
    "clicks",  # human clicks, all of them
    "hard",  # recipients whose address or domain does not exist, has moved or takes no mail
    "withdrawn",  # recipients found suppressed just before sending: cancelled, but by nobody's answer
)
SLOT = 60_000  # one point of the curve, ms


def status_name(status: int) -> str:
    """The tally that counts recipients in a status."""
    return f"status:{int(status)}"


@dataclass(slots=True)
class Differences:
    """What a batch changes in the counters of its campaigns."""

    counts: Counter[tuple[int, str]] = field(default_factory=Counter)
    moves: Counter[tuple[int, Status]] = field(default_factory=Counter)
    points: Counter[tuple[int, int, str]] = field(default_factory=Counter)

    def move(self, campaign_id: int, old: Status, new: Status) -> None:
        """One recipient goes from a status to another."""
        if old is not new:
            self.moves[campaign_id, old] -= 1
            self.moves[campaign_id, new] += 1

    def add(self, campaign_id: int, name: str, n: int = 1) -> None:
        """Count `n` more under a measure."""
        self.counts[campaign_id, name] += n

    def point(self, campaign_id: int, at: int, name: str) -> None:
        """Put one event on the curve."""
        self.points[campaign_id, at - at % SLOT, name] += 1

    def steps(self) -> tuple[Step, Step]:
        """What adds the differences to the rows, in one order for all writers (no deadlocks on PostgreSQL)."""
        moved = {(campaign_id, status_name(status)): n for (campaign_id, status), n in self.moves.items()}
        counts = [(*key, n) for key, n in sorted({**self.counts, **moved}.items()) if n]
        points = [(*key, n) for key, n in sorted(self.points.items())]
        return count(tallies, ("campaign_id", "name", "n"), counts), count(
            curves, ("campaign_id", "slot", "name", "n"), points
        )


async def read(conn: AsyncConnection, campaign_id: int) -> tuple[dict[Status, int], dict[str, int]]:
    """Recipients by status (every status, also when 0) and the measures."""
    rows = await conn.execute(select(tallies.c.name, tallies.c.n).where(tallies.c.campaign_id == campaign_id))
    found = {row.name: row.n for row in rows}
    statuses = {status: found.get(status_name(status), 0) for status in Status}
    return statuses, {name: found.get(name, 0) for name in MEASURES}
