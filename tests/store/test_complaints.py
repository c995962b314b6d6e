"""Complaints by provider: each mail counted once, whatever the order in which it is told, against brute force."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

import pytest
from store_helpers import KEYS, NOW

from store import complaints, events
from store.complaints import Figures, Reported
from store.engine import Database
from store.states import Event
from store.values import Campaign, Change

DAY = 86_400_000
NAMES = {"mx1.orange.test": "orange", "mx2.orange.test": "orange", "mx.gmail.test": "gmail"}
HOSTS = (*NAMES, "mx.small.test", "")
Make = Callable[..., Awaitable[Campaign]]


async def counted(db: Database, now: int) -> None:
    more = True
    while more:
        async with db.read() as conn:
            news, last, more = await complaints.unread(conn, now)
        if more:
            async with db.write() as conn:
                await complaints.count(conn, news, NAMES, last)


COSTLY = pytest.mark.costly("store/test_complaints.py::test_against_brute_force")


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=COSTLY) for seed in (1, 2, 3))])
async def test_against_brute_force(db: Database, make: Make, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(complaints, "CHUNK", 7)
    dice = random.Random(seed)
    campaign = await make(40)
    expected: dict[str, list[int]] = {}
    for person in range(1, 41):
        host = dice.choice(HOSTS)
        taken = NOW + dice.randrange(3) * DAY
        changes = [Change(person, Event.TEMPFAILED, taken, detail={"host": host}, next_attempt_at=1)] * dice.randrange(
            2
        )
        delivered = dice.random() < 0.8
        detail = {"host": f"{host.upper()}."} if host else {}
        changes.append(Change(person, Event.ACCEPTED if delivered else Event.REFUSED, taken, detail=detail))
        complained = delivered and dice.random() < 0.4
        changes += [Change(person, Event.COMPLAIN, taken + 5)] * (dice.randrange(1, 3) if complained else 0)
        if delivered:
            sums = expected.setdefault(NAMES.get(host, ""), [0, 0])
            sums[0] += 1
            sums[1] += complained
        async with db.write() as conn:
            await events.apply(conn, changes, KEYS)
        if dice.random() < 0.3:
            await counted(db, NOW + 9 * DAY)
    await counted(db, NOW + 9 * DAY)
    await counted(db, NOW + 9 * DAY)
    async with db.read() as conn:
        found = await complaints.figures(conn, 0, campaign.account_id, campaign.id)
        assert await complaints.figures(conn, NOW // DAY + 3) == []
        assert await complaints.figures(conn, 0, campaign.account_id + 1) == []
    assert {one.provider: [one.delivered, one.complained] for one in found} == expected


async def test_what_may_still_appear_is_waited_for(db: Database, make: Make) -> None:
    await make(2)
    async with db.write() as conn:
        for person in (1, 2):
            await events.apply(conn, [Change(person, Event.ACCEPTED, NOW, detail={"host": "mx.gmail.test"})], KEYS)
    await counted(db, NOW + complaints.SETTLED - 1)
    async with db.read() as conn:
        assert await complaints.figures(conn, 0) == []
    await counted(db, NOW + complaints.SETTLED)
    async with db.read() as conn:
        assert await complaints.figures(conn, 0) == [Figures("gmail", 2, 0)]


async def test_a_day_reported_again_replaces_the_first(db: Database) -> None:
    async with db.write() as conn:
        await complaints.report(
            conn, "Signal Spam", [Reported(5, "Orange", "192.0.2.1", 3), Reported(6, "", "192.0.2.1", 2)]
        )
        await complaints.report(conn, "Signal Spam", [Reported(5, "Orange", "192.0.2.1", 4)])
        assert await complaints.reported(conn, 5) == {("Signal Spam", "Orange"): 4, ("Signal Spam", ""): 2}
        assert await complaints.reported(conn, 6) == {("Signal Spam", ""): 2}
