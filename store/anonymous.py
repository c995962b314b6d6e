"""What is kept of hits that belong to nobody: counters of anonymous mail, and the day of the last open of service mail.

In: hits without a recipient (SPEC 6). Out: rows of `anonymous_hits` and `last_opens`, no address, agent, time or message
(deliberation 2026-042, §1.3). Raises only what the database raises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables_consent import anonymous_hits, last_opens

PIXEL = -1  # the `link` of the pixel that all mails of a campaign share


@dataclass(frozen=True, slots=True)
class Count:
    """Somebody followed a link of an anonymous mail, or loaded its pixel."""

    campaign_id: int
    link: int
    machine: bool


@dataclass(frozen=True, slots=True)
class LastOpen:
    """A person read service mail on a day (mail.tracking.last_open_id)."""

    key: int
    day: int


_COUNT = text(
    "INSERT INTO anonymous_hits (campaign_id, link, machine, n) VALUES (:campaign_id, :link, :machine, :n)"
    " ON CONFLICT (campaign_id, link, machine) DO UPDATE SET n = anonymous_hits.n + excluded.n"
)
_OPEN = text(
    "INSERT INTO last_opens (key, day, stopped) VALUES (:key, :day, false)"
    " ON CONFLICT (key) DO UPDATE SET day = CASE WHEN last_opens.stopped THEN NULL"
    " WHEN last_opens.day > excluded.day THEN last_opens.day ELSE excluded.day END"
)
_STOP = text(
    "INSERT INTO last_opens (key, day, stopped) VALUES (:key, NULL, :stopped)"
    " ON CONFLICT (key) DO UPDATE SET day = NULL, stopped = excluded.stopped"
)


async def add(conn: AsyncConnection, hits: Sequence[Count | LastOpen]) -> None:
    """Write hits: counters rise, days are overwritten by later ones."""
    counts = Counter((hit.campaign_id, hit.link, hit.machine) for hit in hits if isinstance(hit, Count))
    if counts:
        names = ("campaign_id", "link", "machine")
        await conn.execute(_COUNT, [dict(zip(names, one, strict=True)) | {"n": n} for one, n in sorted(counts.items())])
    days: dict[int, int] = {}
    for hit in hits:
        if isinstance(hit, LastOpen):
            days[hit.key] = max(hit.day, days.get(hit.key, 0))
    if days:
        await conn.execute(_OPEN, [{"key": key, "day": day} for key, day in sorted(days.items())])


async def stop(conn: AsyncConnection, key: int, stopped: bool = True) -> None:
    """Forget a person's last open and keep none any more, or (False) begin anew."""
    await conn.execute(_STOP, {"key": key, "stopped": stopped})


async def last_open(conn: AsyncConnection, key: int) -> int | None:
    """The day of a person's last open of service mail, None when none is known."""
    return await conn.scalar(select(last_opens.c.day).where(last_opens.c.key == key))


async def counts(conn: AsyncConnection, campaign_id: int) -> dict[int, tuple[int, int]]:
    """How often each link (PIXEL: the pixel) of a campaign was asked for anonymously, by people and by machines."""
    found: dict[int, tuple[int, int]] = {}
    query = select(anonymous_hits).where(anonymous_hits.c.campaign_id == campaign_id)
    for row in await conn.execute(query.order_by(anonymous_hits.c.link)):
        people, machines = found.get(row.link, (0, 0))
        found[row.link] = (people, machines + row.n) if row.machine else (people + row.n, machines)
    return found


@dataclass(frozen=True, slots=True)
class Totals:
    """What a campaign's anonymous mails brought, in hits, not in people: nobody can tell whose they are."""

    clicks: int = 0
    opens: int = 0
    machine_clicks: int = 0
    machine_opens: int = 0


async def totals(conn: AsyncConnection, campaign_id: int) -> Totals:
    """The hits of a campaign's anonymous mails."""
    found = await counts(conn, campaign_id)
    opens, machine_opens = found.pop(PIXEL, (0, 0))
    people, machines = (sum(one[at] for one in found.values()) for at in (0, 1))
    return Totals(people, opens, machines, machine_opens)
