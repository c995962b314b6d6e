"""Pages by place are the whole list, in order, both ways, whatever the order, filter and search, also when time is short."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from sqlalchemy import func, select, text, update
from store_helpers import KEYS, NOW

from parsers import filters
from parsers.filters import Filter
from parsers.folding import fold
from store import erasing, filtering, grid, haystacks, orderings, searched
from store.engine import Database
from store.grid import ALL, Count, Page, Unsorted, View
from store.reports import Person, whole
from store.states import CANCELLED_TAB, DELIVERED_TAB, Status
from store.tables import recipients
from store.within import TooLong, within

ZONE = "Europe/Paris"
ORDERS = ("line", "status", "date", "opened", "clicked", "clicks", "email", "domain", "l1")
NAMES = (
    "Noël", "NOËL", "Noel", "Dupont", "d'Été 100%", "10", "9", "", "a_b", "\\", "Émile", "emil", '"x"', "L’Œuvre", "Straße",
    "ΑΘΉΝΑ",
)  # fmt: skip
HOUR = 3_600_000
PAGE = 11  # of 60 rows


async def scattered(db: Database, make: Any) -> int:
    """A campaign of 60 with everything at random, and another one beside it."""
    campaign = await make(60)
    await make(7)
    dice = random.Random(3)
    async with db.write() as conn:
        for i in range(1, 61):
            opened = dice.choice((None, None, NOW + dice.randrange(400) * HOUR))
            name = dice.choice(("p", "p", "Zoë"))
            address = f"{name}{i}@{dice.choice(('wanadoo.fr', 'ORANGE.fr', 'sub.orange.fr', 'free.fr'))}"
            line = [address, dice.choice(NAMES)]
            fields = orjson.dumps(line).decode()
            status = dice.choice([Status.OPENED, Status.CLICKED]) if opened else dice.choice(list(Status)[:7])
            values = {
                "address": address, "fields": fields, "folded": searched.copy(address, line, fields),
                "status": int(status), "last_at": dice.choice((None, NOW + dice.randrange(5))), "opened_at": opened,
                "clicked_at": opened if status is Status.CLICKED else None,
                "clicks": dice.randrange(1, 4) if status is Status.CLICKED else 0,
                "reply": dice.choice(("250 Ok", "550 5.1.1 100% refused_")), "attempts": dice.randrange(3),
            }  # fmt: skip
            await conn.execute(update(recipients).where(recipients.c.id == i).values(**values))
    return int(campaign.id)


def ask(*conditions: str, join: str = "") -> Filter:
    """A filter as `column operator value|other`."""
    words = [("m", join)] if join else []
    for one in conditions:
        column, operator, *rest = one.split(" ", 2)
        value, _, other = (rest or [""])[0].partition("|")
        words += [("c", column), ("o", operator), ("v", value), ("w", other)]
    return filters.read(words)


FILTERS = (
    ask("l1 contains noël"), ask("l1 equals DUPONT"), ask("l1 starts d'é"), ask("l1 ends 100%"), ask("l1 lacks noël"),
    ask("l1 empty"), ask("l1 filled"), ask("l1 differs 10"), ask("l1 equals a_b"), ask("l1 contains \\"),
    ask('l1 contains "'),
    ask("l1 contains noel"), ask("l1 equals l'oeuvre"), ask("l1 ends STRASSE"), ask("l1 contains αθηνα"),
    ask("l1 starts É"), ask("email starts zoe"), ask("email lacks ZOË"),
    ask("provider is orange"), ask("provider isnt orange"), ask("domain equals orange.fr"), ask("domain ends orange.fr"),
    ask("domain contains rang"), ask("domain starts sub"), ask("status is clicked"), ask("status isnt opened"),
    ask("clicks least 2"), ask("clicks between 1|2"), ask("clicks equals 0"), ask("clicks most 1"), ask("line between 5|20"),
    ask("opened filled"), ask("opened empty"), ask("opened hours 9|12"), ask("opened hours 22|6:30"),
    ask("opened since 2026-09-25"), ask("opened before 25/09/2026 14:30"), ask("opened on 2026-09-24"),
    ask("opened between 2026-09-22|2026-10-02"), ask("reply contains 100%"), ask("attempts equals 2"),
    ask("provider is orange", "opened hours 8|20"), ask("status is clicked", "l1 contains em", join="any"),
    ask("email ends .FR", "l1 lacks e", "clicks most 2"),
)  # fmt: skip


def fits(person: Person, asked: Filter) -> bool:
    """The oracle: conditions one by one, as a person would judge them."""
    told = [judge(person, one) for one in asked.conditions]
    return not told or (any(told) if asked.any else all(told))


def judge(person: Person, one: filters.Condition) -> bool:
    domain = person.address.rpartition("@")[2].lower()
    if one.column == "status":
        return (person.status.code == one.value) is (one.operator == "is")
    if one.column == "provider":
        return (domain in ("orange.fr", "wanadoo.fr", "voila.fr")) is (one.operator == "is")
    if one.kind is filters.Kind.NUMBER:
        n, low, high = getattr(person, one.column), int(one.value), int(one.other or 0)
        return {"equals": n == low, "least": n >= low, "most": n <= low, "between": low <= n <= high}[one.operator]
    if one.kind is filters.Kind.MOMENT:
        return when(person, one)
    own = person.fields[one.own] if one.own is not None else ""
    value = (
        own if one.own is not None else {"domain": domain, "email": person.address, "reply": person.reply}[one.column]
    )
    have, want = fold(value), fold(one.value)
    return {
        "contains": want in have, "lacks": want not in have, "starts": have.startswith(want), "ends": have.endswith(want),
        "equals": have == want, "differs": have != want, "empty": have == "", "filled": have != "",
    }[one.operator]  # fmt: skip


def when(person: Person, one: filters.Condition) -> bool:
    at = getattr(person, f"{one.column}_at")
    if one.operator in ("empty", "filled"):
        return (at is None) is (one.operator == "empty")
    if at is None:
        return False
    local = datetime.fromtimestamp(at / 1000, ZoneInfo(ZONE)).replace(tzinfo=None)
    if one.operator == "hours":
        clock, first, last = local.hour * 60 + local.minute, filters.minutes(one.value), filters.minutes(one.other)
        return first <= clock < last if first < last else clock >= first or clock < last
    begin, end = filters.span(one)
    return (begin is None or local >= begin) and (end is None or local < end)


def sorted_by_hand(people: list[Person], view: View) -> list[int]:
    """The oracle: all rows in memory."""
    keys: dict[str, Any] = {
        "line": lambda p: p.id, "date": lambda p: p.last_at or 0, "status": lambda p: int(p.status),
        "opened": lambda p: p.opened_at or 0, "clicked": lambda p: p.clicked_at or 0, "clicks": lambda p: p.clicks,
        "email": lambda p: p.address.lower(), "domain": lambda p: p.address.partition("@")[2].lower(),
        "l1": lambda p: orderings.key(p.fields[1]),
    }  # fmt: skip
    words = fold(view.search).split()
    wanted = [
        p
        for p in people
        if p.status in view.statuses
        and all(w in fold("\n".join((*p.fields, p.address))) for w in words)
        and fits(p, view.filter)
    ]
    key = keys[view.order]
    last = {"date": "last_at", "opened": "opened_at", "clicked": "clicked_at"}.get(view.order)
    told = sorted(wanted, key=lambda p: (key(p), p.id), reverse=view.descending)
    return [p.id for p in sorted(told, key=lambda p: bool(last) and getattr(p, last or "") is None)]


async def everybody(conn: Any) -> list[Person]:
    return await whole(conn, range(1, 61))


async def walked(conn: Any, campaign: int, view: View, budget: float | None) -> tuple[list[int], list[int]]:
    """The ids of all pages forwards, then backwards from the last one."""
    forwards: list[int] = []
    after, last = None, Page((), None, None)
    while not forwards or after is not None:
        last = await grid.page(conn, campaign, view, PAGE, after, budget=budget)
        forwards += [person.id for person in last.rows]
        after = last.next
        if after is None:
            break
    backwards = [person.id for person in last.rows]
    while last.previous is not None:
        last = await grid.page(conn, campaign, view, PAGE, before=last.previous, budget=budget)
        backwards = [person.id for person in last.rows] + backwards
    return forwards, backwards


def every_way() -> list[Any]:
    """Each order, up and down; one of them in the quick ring."""
    return [
        pytest.param(
            order,
            descending,
            id=f"{order}-{'down' if descending else 'up'}",
            marks=() if (order, descending) == ("line", False) else pytest.mark.slow,
        )
        for order in ORDERS
        for descending in (False, True)
    ]


@pytest.mark.parametrize(("order", "descending"), every_way())
async def test_pages_add_up_to_the_list_both_ways(
    db: Database, make: Any, order: str, descending: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await scattered(db, make)
    monkeypatch.setattr(grid, "_FIRST", 9)
    async with db.read() as conn:
        people = await everybody(conn)
        for statuses in (ALL, DELIVERED_TAB if descending else CANCELLED_TAB):
            for search, asked in (
                ("", Filter()),
                ("1 ZO", Filter()),
                ("100%", FILTERS[0]),
                ("zoe noël", Filter()),
                ("nobody", Filter()),
            ):
                view = View(statuses, search, order, descending, asked, ZONE)
                wanted = sorted_by_hand(people, view)
                for budget in (None, 0.0) if statuses is ALL else (0.0,):  # no time at all: pages hold less, and add up
                    assert await walked(conn, campaign, view, budget) == (wanted, wanted)


async def test_every_filter_finds_whom_a_person_would_find(db: Database, make: Any) -> None:
    campaign = await scattered(db, make)
    async with db.read() as conn:
        people = await everybody(conn)
        for asked in FILTERS:
            view = View(filter=asked, zone=ZONE)
            wanted = sorted_by_hand(people, view)
            assert [p.id for p in (await grid.page(conn, campaign, view, 99, budget=None)).rows] == wanted, asked
            assert await grid.count(conn, campaign, view, budget=None) == Count(len(wanted))
            assert {p.status for p in people if fits(p, asked)} <= filtering.statuses(asked), asked
        assert len({tuple(sorted_by_hand(people, View(filter=one, zone=ZONE))) for one in FILTERS}) > 20


@pytest.mark.slow
async def test_a_haystack_finds_whom_the_rows_hold(db: Database, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = await scattered(db, make)
    monkeypatch.setattr(haystacks, "PART", 7)
    asked = [
        (search, Filter(), descending)
        for search in ("noel", "p1", "P1 @orange", "zoe dupont", 'x"', "oeuvre", "\\", "αθη", "nobody")
        for descending in (False, True)
    ]
    asked += [("", one, False) for one in FILTERS] + [("wanadoo", one, True) for one in FILTERS]
    async with db.read() as conn:
        assert not await haystacks.is_ready(conn, campaign)
    assert await haystacks.build(db, campaign) == 60
    async with db.read() as conn:
        assert await haystacks.is_ready(conn, campaign)
        people, gone_by = await everybody(conn), 0
        for search, one, descending in asked:
            view = View(search=search, filter=one, zone=ZONE, descending=descending)
            wanted = sorted_by_hand(people, view)
            for budget in (None, 0.0):
                assert await walked(conn, campaign, view, budget) == (wanted, wanted), (search, one)
            assert await grid.count(conn, campaign, view) == Count(len(wanted))
            gone_by += bool(haystacks.needles(search, one))
        assert gone_by > 40
    async with db.write() as conn:
        await erasing.blank(conn, [3], KEYS)
        assert not await haystacks.is_ready(conn, campaign), "what was said about the person is gone"


async def test_files_hold_everybody_however_long_the_search_takes(
    db: Database, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await scattered(db, make)
    for name, value in (("_FIRST", 3), ("_LONGEST", 3), ("SHARE", 0.0)):
        monkeypatch.setattr(grid, name, value)
    view = View(search="orange", zone=ZONE)
    async with db.read() as conn:
        wanted = sorted_by_hand(await everybody(conn), view)
    found, after = list[int](), None
    while True:
        part = await grid.listed(db, campaign, view, 2, after)
        found, after = found + [one.id for one in part.rows], part.next
        if after is None:
            break
        assert len(part.rows) == 2
    assert found == wanted and len(wanted) > 2


async def test_a_count_goes_on_where_it_stopped_and_ends_above_ten_thousand(
    db: Database, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await scattered(db, make)
    monkeypatch.setattr(grid, "_FIRST", 5)
    monkeypatch.setattr(grid, "_LONGEST", 5)
    async with db.read() as conn:
        told = await grid.count(conn, campaign, View(search=".fr"), budget=0.0)
        assert told.n < 6 and told.next is not None
        turns = 0
        while told.next is not None:
            told, turns = await grid.count(conn, campaign, View(search=".fr"), told.next, told.n, budget=0.0), turns + 1
        people = await everybody(conn)
        assert told.n == len(sorted_by_hand(people, View(search=".fr"))) and turns > 5
        monkeypatch.setattr(grid, "COUNTED", 3)
        told = await grid.count(conn, campaign, View(search=".fr"), budget=None)
        assert told == Count(4) and told.many


async def test_a_long_list_is_sorted_once_and_kept(db: Database, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = await scattered(db, make)
    for name, value in (("SHORT", 10), ("PART", 8), ("SLICE", 9)):
        monkeypatch.setattr(orderings, name, value)
    view = View(order="l1", descending=True, filter=FILTERS[0], zone=ZONE)
    async with db.read() as conn:
        with pytest.raises(Unsorted):
            await grid.page(conn, campaign, view, 5)
    assert (await orderings.build(db, campaign, "l1")).length == 60
    async with db.read() as conn:
        people = await everybody(conn)
        wanted = sorted_by_hand(people, view)
        assert await walked(conn, campaign, view, None) == (wanted, wanted)
    monkeypatch.setattr(orderings, "KEPT", 2)
    for column in ("email", "domain"):
        await orderings.build(db, campaign, column)
    async with db.read() as conn:
        kept = [one for one in ("domain", "email", "l1") if await orderings.find(conn, campaign, one)]
    assert len(kept) == 2 and "domain" in kept, "the newest stands, and no more than may be kept"
    async with db.write() as conn:
        await orderings.forget(conn, campaign)
        assert await orderings.find(conn, campaign, "l1") is None


async def test_what_takes_too_long_is_ended(db: Database) -> None:
    forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    async with db.read() as conn:
        with pytest.raises(TooLong):
            async with within(conn, 50):
                await conn.execute(text(forever))
    async with db.read() as conn, within(conn, 2_000):  # and the connection can be used again
        assert await conn.scalar(select(func.count()).select_from(recipients)) == 0


def test_sorting_knows_numbers_accents_and_blanks() -> None:
    given = ["Zoé", "émile", "", "10", "9", "Emile", "1 200,5", " ", "eve"]
    assert sorted(given, key=orderings.key) == ["9", "10", "1 200,5", "émile", "Emile", "eve", "Zoé", "", " "]


async def test_an_empty_choice_is_an_empty_page(db: Database, make: Any) -> None:
    campaign = await make(2)
    async with db.read() as conn:
        assert await grid.page(conn, campaign.id, View(frozenset()), 5) == Page((), None, None)
