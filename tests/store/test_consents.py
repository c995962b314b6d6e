"""The register: the whole history is kept, the latest word stands, and a refusal of the person's own stands above lists."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select
from store_helpers import KEYS, NOW

from parsers.modes import Tracked
from store import accounts, anonymous, consents, events
from store.anonymous import Count, LastOpen
from store.consents import New, stands
from store.engine import Database
from store.states import Event
from store.suppressions import SuppressionKeys, Waiting
from store.tables import recipients
from store.values import Campaign, Change

YES, NO = (True, False), (False, False)
OWN_YES, OWN_NO = (True, True), (False, True)
Make = Callable[..., Awaitable[Campaign]]


@pytest.mark.parametrize(
    ("words", "result"),
    [
        ((), None), ((YES,), True), ((NO,), False), ((YES, NO), False), ((NO, YES), True), ((OWN_NO, YES), False),
        ((OWN_NO, YES, YES, NO, YES), True), ((OWN_NO, OWN_YES), True), ((OWN_NO, OWN_YES, NO, YES), True),
        ((OWN_YES, NO), False), ((YES, OWN_NO, YES), False),
    ],
)  # fmt: skip
def test_what_stands(words: Any, result: bool | None) -> None:
    assert stands(words) is result


async def test_the_register_survives_a_change_of_keys_and_knows_spellings(db: Database, make: Make) -> None:
    campaign = await make(1)
    account = campaign.account_id
    async with db.write() as conn:
        await consents.record(
            conn, account, [New("Zoé@Dest.test", False, NOW, "page", "non", personal=True)], KEYS, NOW
        )
        later = SuppressionKeys({1: b"k" * 32, 2: b"n" * 32}, 2)
        await consents.record(conn, account, [New("zoé@dest.test", True, NOW + 1, "import", "oui")], later, NOW + 1)
    async with db.read() as conn:
        assert await consents.standing(conn, account, ["zoé@dest.test", "x@dest.test"], later) == {
            "zoé@dest.test": False
        }
        assert await consents.standing(conn, account + 1, ["zoé@dest.test"], later) == {}
        told = await consents.history(conn, account, "ZOÉ@dest.test", later)
    assert [(one.agreed, one.personal, one.source, one.wording) for one in told] == [
        (False, True, "page", "non"), (True, False, "import", "oui"),
    ]  # fmt: skip


async def test_who_may_be_followed(db: Database, make: Make) -> None:
    campaign = await make(4)
    account = campaign.account_id
    async with db.read() as conn:
        assert await consents.followed(conn, [1, 2, 3, 4, 99], KEYS, NOW) == {1, 2, 3, 4}
    async with db.write() as conn:
        await consents.record(conn, account, [New("p0@dest.test", False, NOW, "page", personal=True)], KEYS, NOW)
        await events.apply(conn, [Change(2, Event.UNSUBSCRIBE, NOW), Change(3, Event.COMPLAIN, NOW)], KEYS)
    second = await make(3)  # the same people, another campaign
    async with db.read() as conn:
        assert await consents.followed(conn, [1, 2, 3, 4], KEYS, NOW) == {4}
        assert await consents.followed(conn, [5, 6, 7], KEYS, NOW) == set(), "in whatever campaign of the account"
        people = [Waiting(n, second.id, f"p{n - 5}@dest.test") for n in (5, 6)]
        assert await consents.refused(conn, people, KEYS) == {5}


async def test_an_attestation_taken_back_leaves_those_who_agreed_themselves(db: Database, make: Make) -> None:
    campaign = await make(3)
    account = campaign.account_id
    async with db.write() as conn:
        await accounts.attest(conn, account, "Anne", "Chacun a dit oui.", NOW)
        await consents.record(conn, account, [New("p1@dest.test", True, NOW, "list")], KEYS, NOW)
        assert await consents.withdraw_attestation(conn, account, "Anne", NOW) == 1
        first = await consents.unfollow_attested(conn, account, 0, KEYS, 2)
        assert first == (2, 1)
        assert await consents.unfollow_attested(conn, account, 2, KEYS, 2) == (3, 1)
        assert await consents.unfollow_attested(conn, account, 3, KEYS, 2) is None
        modes = (await conn.execute(select(recipients.c.tracked).order_by(recipients.c.id))).scalars().all()
        found = await accounts.get_account(conn, account)
    assert modes == [Tracked.ANONYMOUS, Tracked.FULL, Tracked.ANONYMOUS]
    assert found is not None and not found.attested


async def test_nobodys_hits_are_counters_and_days(db: Database) -> None:
    async with db.write() as conn:
        await anonymous.add(
            conn, [Count(1, 0, False), Count(1, 0, False), Count(1, anonymous.PIXEL, True), LastOpen(9, 5)]
        )
        await anonymous.add(conn, [LastOpen(9, 7), LastOpen(9, 6), Count(1, 0, False)])
        assert await anonymous.counts(conn, 1) == {-1: (0, 1), 0: (3, 0)}
        assert await anonymous.last_open(conn, 9) == 7
        await anonymous.add(conn, [LastOpen(9, 6)])
        assert await anonymous.last_open(conn, 9) == 7, "a later day stays"
        await anonymous.stop(conn, 9)
        await anonymous.add(conn, [LastOpen(9, 8)])
        assert await anonymous.last_open(conn, 9) is None
        await anonymous.stop(conn, 9, stopped=False)
        await anonymous.add(conn, [LastOpen(9, 8)])
        assert await anonymous.last_open(conn, 9) == 8


async def test_old_words_go_and_what_stands_stays(db: Database, make: Make) -> None:
    account = (await make(1)).account_id
    said = [
        New("a@d.test", True, 10, "import"), New("a@d.test", False, 20, "page", personal=True),
        New("a@d.test", True, 30, "import"), New("b@d.test", True, 10, "import"), New("c@d.test", False, 10, "import"),
        New("c@d.test", True, 500, "import"),
    ]  # fmt: skip
    async with db.write() as conn:
        await consents.record(conn, account, said, KEYS, NOW)
        before = await consents.standing(conn, account, ["a@d.test", "b@d.test", "c@d.test"], KEYS)
        assert (
            await consents.sweep(conn, 100) == 1
        )  # the first of a: those of b and c are the last, or replaced too lately
        assert await consents.standing(conn, account, ["a@d.test", "b@d.test", "c@d.test"], KEYS) == before
        assert before == {"a@d.test": False, "b@d.test": True, "c@d.test": True}
