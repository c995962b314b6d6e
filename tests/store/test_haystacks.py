"""The texts of a list that are gathered for rare searches hold nobody who was erased, whenever that was."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select
from store_helpers import KEYS

from parsers.filters import Filter
from store import erasing, haystacks
from store.engine import Database
from store.tables_grid import haystacks as table


@pytest.fixture
async def campaign(db: Database, make: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    """A list of four parts."""
    monkeypatch.setattr(haystacks, "PART", 5)
    return int((await make(20)).id)


async def found(db: Database, campaign: int, word: bytes) -> list[int]:
    async with db.read() as conn:
        return list((await haystacks.look(conn, campaign, [word], 0, False, 99)).ids)


@pytest.mark.parametrize("erased", [2, 8, 19])
async def test_who_is_erased_while_texts_are_gathered_is_not_in_them(
    db: Database, campaign: int, monkeypatch: pytest.MonkeyPatch, erased: int
) -> None:
    read, turns = haystacks._slice, 0

    async def slow(*asked: Any) -> Any:
        nonlocal turns
        rows, turns = await read(*asked), turns + 1
        if turns == 2:  # between the reading of the second part and its writing
            async with db.write() as conn:
                await erasing.blank(conn, [erased], KEYS)
        return rows

    async with db.read() as conn:
        address = (await conn.exec_driver_sql(f"SELECT address FROM recipients WHERE id = {erased}")).scalar_one()
    monkeypatch.setattr(haystacks, "_slice", slow)
    await haystacks.build(db, campaign)
    assert turns > 4
    assert erased not in await found(db, campaign, address.encode())
    async with db.read() as conn:
        assert not await haystacks.is_ready(conn, campaign), "parts before it went with the erased one"
    assert await haystacks.build(db, campaign) == 20
    async with db.read() as conn:
        assert await haystacks.is_ready(conn, campaign)
    assert erased not in await found(db, campaign, address.encode())


async def test_texts_of_the_newest_campaigns_are_kept(
    db: Database, campaign: int, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(haystacks, "KEPT", 2)
    numbers = [campaign, *[int((await make(3)).id) for _ in range(2)]]
    for number in numbers:
        await haystacks.build(db, number)
    async with db.read() as conn:
        kept = set((await conn.execute(select(table.c.campaign_id).distinct())).scalars())
        assert kept == set(numbers[1:]) and await conn.scalar(select(func.count()).select_from(table)) == 2


def test_needles_are_what_everybody_holds_and_nothing_is_guessed() -> None:
    assert haystacks.needles("Noël martin ab", Filter()) == (b"martin", b"noel")
    assert haystacks.needles('say "hello\\', Filter()) == (b"hello", b"say")
    assert haystacks.needles("a b", Filter()) == ()
