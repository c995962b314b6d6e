"""Rates that all share: never more than allowed, whoever asks, and every token that is due."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from store_helpers import NOW

from store import allowances
from store.allowances import Claim, Wish, conform
from store.engine import Database

MINUTE = 60_000


async def claim(db: Database, per_hour: int, burst: int, wanted: int, now: int, key: str = "orange@1") -> Claim:
    async with db.write() as conn:
        return await allowances.claim(conn, key, per_hour, burst, wanted, now)


async def test_a_burst_then_one_each_minute(db: Database) -> None:
    assert await claim(db, 60, 5, 10, NOW) == Claim(5, NOW + MINUTE)
    assert await claim(db, 60, 5, 10, NOW + MINUTE - 1) == Claim(0, NOW + MINUTE)
    assert await claim(db, 60, 5, 10, NOW + MINUTE) == Claim(1, NOW + 2 * MINUTE)
    assert await claim(db, 60, 5, 2, NOW + 4 * MINUTE) == Claim(2, NOW + 4 * MINUTE), "one is left of three"
    assert await claim(db, 60, 5, 10, NOW + 60 * MINUTE) == Claim(5, NOW + 61 * MINUTE), "no more are saved up"
    assert await claim(db, 60, 5, 1, NOW, key="sfr@1") == Claim(1, NOW), "each key for itself"


async def test_senders_of_several_machines_share_one_rate(db: Database) -> None:
    other = Database.open(db.url)
    claims = await asyncio.gather(*(claim(handle, 3600, 10, 4, NOW) for _ in range(5) for handle in (db, other)))
    assert sum(one.granted for one in claims) == 10
    await other.close()


async def test_several_keys_in_one_step(db: Database) -> None:
    async with db.write() as conn:
        told = await allowances.claim_all(conn, [Wish("a", 60, 1, 3), Wish("b", 60, 2, 3)], NOW)
        assert (told["a"].granted, told["b"].granted) == (1, 2)
        assert await allowances.forget(conn, NOW) == 0
        assert await allowances.forget(conn, NOW + 10 * MINUTE) == 2


@given(
    st.integers(1, 200_000),
    st.integers(1, 500),
    st.lists(st.tuples(st.integers(0, 3_600_000_000), st.integers(0, 300)), max_size=30),
)
def test_never_more_than_rate_and_burst(per_hour: int, burst: int, asked: list[tuple[int, int]]) -> None:
    now, due, sent = NOW * 1000, 0, 0
    start = now
    for wait, wanted in asked:
        now += wait
        granted, due = conform(due, per_hour, burst, wanted, now)
        assert 0 <= granted <= wanted
        sent += granted
        assert sent <= burst + (now - start) // max(1, 3_600_000_000 // per_hour) + 1
