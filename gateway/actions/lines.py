"""The lines of a campaign once more: its recipients, and those that were none, as a reading process hands over lines.

In: a campaign, a `Target` or a view of its report. Out: chunks for gateway.intake.loading, which judges each line anew:
suppressions and consents are those of now. For the whole list every line comes back, also one with a fault: who was
suppressed then may be written to today. Who withdrew their consent since is no longer chosen by what they did. Raises
what the database raises.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from gateway.figures import stats
from gateway.intake.desk import Desk
from parsers import filters
from parsers.address import Fault, key
from parsers.columns import canonical
from store import consents, grid, replays
from store.grid import View
from store.replays import BY_CONDUCT, Line, Target
from store.values import Campaign, NewFault

CHUNK = 2_000

Answer = dict[str, Any]


async def again(desk: Desk, campaign: Campaign, target: Target, wish: Mapping[str, Any]) -> AsyncIterator[Answer]:
    """The lines of a target, a chunk at a time."""
    suivi = suivi_column(campaign.columns)
    if target is Target.FILTER:
        async for some in _shown(desk, campaign, wish):
            yield _chunk(_good(one, suivi) for one in some)
        return
    after, more = 0, True
    while more:
        async with desk.database.read() as conn:
            some = await replays.people(conn, campaign.id, target, after, CHUNK)
            gone = await _withdrawn(desk, conn, campaign, some) if target in BY_CONDUCT else frozenset[int]()
        more, after = len(some) == CHUNK, some[-1].id if some else after
        yield _chunk(_good(one, suivi) for one in some if one.id not in gone)
    if target is Target.ALL:
        async for chunk in _bad(desk, campaign, suivi):
            yield chunk


async def _withdrawn(desk: Desk, conn: Any, campaign: Campaign, some: list[Line]) -> frozenset[int]:
    keys = {one.id: key(one.address) for one in some}
    said = await consents.standing(conn, campaign.account_id, list(keys.values()), desk.suppression)
    return frozenset(id_ for id_, mailbox in keys.items() if said.get(mailbox) is False)


async def people_shown(desk: Desk, campaign: Campaign, wish: Mapping[str, Any]) -> AsyncIterator[list[Line]]:
    """The people whom the report shows under a tab and a search, in the order of the list."""
    async for some in _shown(desk, campaign, wish):
        yield some


async def _shown(desk: Desk, campaign: Campaign, wish: Mapping[str, Any]) -> AsyncIterator[list[Line]]:
    narrowed = filters.unpack(str(wish.get("filter", "")), len(campaign.columns))
    statuses = stats.TABS[str(wish.get("tab") or "all")]
    asked, after = View(statuses, str(wish.get("q", "")), filter=narrowed, zone=campaign.timezone), None
    while True:
        page = await grid.listed(desk.database, campaign.id, asked, CHUNK, after)
        yield [Line(p.id, p.line, p.part, p.address, p.name, p.fields) for p in page.rows if p.address]
        after = page.next
        if after is None:
            return


async def _bad(desk: Desk, campaign: Campaign, suivi: int | None) -> AsyncIterator[Answer]:
    after, more = 0, True
    while more:
        async with desk.database.read() as conn:
            some = await replays.bad_lines(conn, campaign.id, after, CHUNK)
        more, after = len(some) == CHUNK, some[-1][0] if some else after
        yield _chunk(_fault(one, suivi) for _, one in some)


def suivi_column(columns: tuple[str, ...]) -> int | None:
    """The column of consent, as reading the list found it."""
    names = [canonical(name) for name in columns]
    return names.index("suivi") if "suivi" in names else None


def _chunk(lines: Iterable[Answer]) -> Answer:
    return {"kind": "lines", "lines": list(lines)}


def _good(one: Line, suivi: int | None) -> Answer:
    return _line(one.line, one.part, one.address, one.name, one.values, "", "", suivi)


def _fault(one: NewFault, suivi: int | None) -> Answer:
    judged = one.kind == Fault.SUPPRESSED  # by the list as it is now
    kind, detail = ("", "") if judged else (one.kind, one.detail)
    return _line(one.line, one.part, one.address, "", one.values, kind, detail, suivi)


def _line(
    number: int, part: int, address: str, name: str, values: tuple[str, ...], fault: str, detail: str, suivi: int | None
) -> Answer:
    return {
        "number": number, "part": part, "address": address, "key": "" if fault else key(address), "name": name,
        "values": values, "fault": fault, "detail": detail,
        "suivi": values[suivi] if suivi is not None and suivi < len(values) else "",
    }  # fmt: skip
