"""The operator hears of a provider whose people complain more than it bears: once, and again a week later."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from gateway.intake.desk import Desk
from gateway.letters import complained
from store.engine import Database, now_ms
from store.tables_consent import provider_days
from tests.gateway.letters.test_brakes import desk, letters, words

__all__ = ["desk"]
TODAY = now_ms() // 86_400_000


async def figures(db: Database, *rows: tuple[str, int, int, int]) -> None:
    async with db.write() as conn:
        await conn.execute(
            insert(provider_days),
            [
                {"campaign_id": at, "provider": provider, "day": TODAY - age, "delivered": delivered, "complained": bad}
                for at, (provider, age, delivered, bad) in enumerate(rows, 1)
            ],
        )


async def test_one_letter_names_who_is_above(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await figures(
        desk.database,
        ("gmail", 1, 1_000, 3),  # exactly at its 0.3 %
        ("orange", 1, 1_000, 5),  # below 0.6 %
        ("", 1, 10, 9),  # nobody's bound
        ("sfr", 1, 100, 2),  # too few to be a rate
    )
    assert await complained.tell(desk) == 1
    ((to, mail),) = await letters(desk.database)
    assert to == "op@it.example" and "Gmail" in mail["subject"] and "Orange" not in mail["subject"]
    assert "0,30 % (3 plaintes pour 1 000 messages délivrés), seuil 0,3 %" in words(mail).replace(
        "\u202f", " "
    ).replace("\xa0", " ")
    assert await complained.tell(desk) == 0, "said once"
    await figures_later(desk, monkeypatch)


async def figures_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    later = now_ms() + 6 * 86_400_000
    monkeypatch.setattr(complained, "now_ms", lambda: later)
    assert await complained.tell(desk) == 0
    later += 86_400_000
    assert await complained.tell(desk) == 0, "what is older than the week counts no more"
    async with desk.database.write() as conn:
        row = {"campaign_id": 9, "provider": "gmail", "day": TODAY + 7, "delivered": 500, "complained": 4}
        await conn.execute(insert(provider_days), row)
    assert await complained.tell(desk) == 1


async def test_nothing_is_said_where_all_is_well(desk: Desk) -> None:
    await figures(desk.database, ("gmail", 1, 100_000, 20), ("orange", 40, 100, 50))
    assert await complained.tell(desk) == 0 and await letters(desk.database) == []
