"""The suppression list and the consent register as pages show them, on both databases."""

from __future__ import annotations

from typing import Any

from store_helpers import KEYS, NOW

from store import consents, registers, suppression_list
from store.engine import Database
from store.suppression_list import New


async def test_an_address_is_found_by_a_part_and_by_its_hash_once_it_is_erased(db: Database, make: Any) -> None:
    account = (await make()).account_id
    async with db.write() as conn:
        some = [New("Zoe.100%@d.test", "manual", NOW), New("max@d.test", "unsubscribe", NOW, NOW + 9)]
        await suppression_list.put(conn, account, some, KEYS, NOW)

        async def found(words: str, reason: str = "", now: int = NOW) -> list[str | None]:
            return [one.address for one in await registers.suppressed(conn, account, KEYS, now, words, reason)]

        assert await found("zoe.100%") == ["Zoe.100%@d.test"] and await found("zoe_100") == []
        assert {*await found("")} == {"max@d.test", "Zoe.100%@d.test"} and await found("", "unsubscribe") == [
            "max@d.test"
        ]
        assert await found("max@d.test", now=NOW + 9) == [], "it has ended"
        assert await registers.count(conn, account, NOW) == 2 and await registers.count(conn, account, NOW, 1) == 1
        await suppression_list.forget(conn, [KEYS.hash("max@d.test")])
        assert await found("MAX@d.test") == [None] and await found("max") == []
        (one,) = await registers.suppressed(conn, account, KEYS, NOW, "MAX@d.test")
        assert await registers.find(conn, account, one.id, NOW) == one
        assert await registers.find(conn, account + 1, one.id, NOW) is None
        assert await registers.take_off(conn, account, one, "sur demande", "anne", NOW)
        assert not await registers.take_off(conn, account, one, "sur demande", "anne", NOW)
        (gone,) = await registers.taken_off(conn, account)
        assert (gone.address, gone.reason, gone.why, gone.by) == ("", "unsubscribe", "sur demande", "anne")


async def test_the_register_comes_newest_first_page_by_page(db: Database, make: Any) -> None:
    account = (await make()).account_id
    async with db.write() as conn:
        said = [consents.New(f"p{n}@d.test", n % 2 == 0, NOW, "list", "w") for n in range(5)]
        await consents.record(conn, account, said, KEYS, NOW)
        first = await registers.words(conn, account, KEYS, limit=2)
        rest = await registers.words(conn, account, KEYS, before=first[1].id, limit=10)
        assert [one.address for one in (*first[:2], *rest)] == [f"p{n}@d.test" for n in range(4, -1, -1)]
        assert [one.address for one in await registers.words(conn, account, KEYS, "P3@d.test")] == ["p3@d.test"]
