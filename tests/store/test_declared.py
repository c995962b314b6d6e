"""Senders and domains on their way to being proved."""

import pytest

from store import accounts, declared
from store.accounts import Taken
from store.declared import AGAIN_MS, DAY, LINK_MS, NO_MS, Declared, Word
from store.engine import Database

NOW = 1_800_000_000_000


async def two(db: Database) -> tuple[int, int]:
    async with db.write() as conn:
        return (
            await accounts.create_account(conn, "firm", "Firme SARL", "", "fr", "Europe/Paris", NOW),
            await accounts.create_account(conn, "other", "", "", "en", "Europe/Paris", NOW),
        )


async def sender(db: Database, account: int, address: str = "anne@firm.fr", now: int = NOW) -> Declared:
    async with db.write() as conn:
        await accounts.declare_sender(conn, account, address, "Anne", None, now)
        found = await declared.find(conn, account, address.upper())
    assert found is not None
    return found


async def test_a_link_counts_once(db: Database) -> None:
    firm, _ = await two(db)
    anne = await sender(db, firm)
    assert (anne.verified, anne.account) == (False, "Firme SARL")
    async with db.write() as conn:
        first = await declared.ask(conn, anne, NOW)
        second = await declared.ask(conn, (await declared.get(conn, anne.id)) or anne, NOW)
        assert await declared.answer(conn, anne.id, first, True, NOW) is Word.OLD  # a newer one was sent
        assert await accounts.find_sender(conn, "anne@firm.fr") is None
        assert await declared.answer(conn, anne.id, second, True, NOW) is Word.DONE
        assert await declared.answer(conn, anne.id, second, False, NOW) is Word.DONE  # the first answer counts
        assert await accounts.find_sender(conn, "Anne@Firm.fr") is not None
        assert await declared.answer(conn, 99, 1, True, NOW) is Word.OLD


async def test_a_link_ends_and_a_no_is_a_no(db: Database) -> None:
    firm, _ = await two(db)
    anne = await sender(db, firm)
    async with db.write() as conn:
        serial = await declared.ask(conn, anne, NOW)
        assert await declared.answer(conn, anne.id, serial, True, NOW + LINK_MS) is Word.OLD
        assert await declared.answer(conn, anne.id, serial, False, NOW + 1) is Word.NO
        assert await declared.answer(conn, anne.id, serial, True, NOW + 2) is Word.NO
        refused = await declared.get(conn, anne.id)
    assert refused is not None
    assert [declared.may_ask(refused, NOW + late) for late in (DAY, NO_MS, NO_MS + 2)] == [False, False, True]
    assert [declared.may_ask(anne, NOW)] == [True]
    asked = Declared(1, 1, "", "fr", "a@b.fr", False, 1, NOW)
    assert [declared.may_ask(asked, NOW + late) for late in (0, AGAIN_MS - 1, AGAIN_MS)] == [False, False, True]


async def test_an_address_belongs_to_one_account(db: Database) -> None:
    firm, other = await two(db)
    anne = await sender(db, firm)
    with pytest.raises(Taken):
        await sender(db, other)
    async with db.write() as conn:
        serial = await declared.ask(conn, anne, NOW)
    moved = await sender(db, other, now=NOW + 8 * DAY)  # nobody could prove it in a week
    assert (moved.id, moved.account_id) == (anne.id, other)
    async with db.write() as conn:
        assert await declared.answer(conn, anne.id, serial, True, NOW + 1) is Word.OLD
        assert await declared.ask(conn, moved, NOW + 8 * DAY) == serial + 2
        await accounts.declare_sender(conn, other, "anne@firm.fr", "", NOW, NOW)
    with pytest.raises(Taken):
        await sender(db, firm, now=NOW + 90 * DAY)


async def test_a_proved_domain_is_closed_to_others(db: Database) -> None:
    firm, other = await two(db)
    await sender(db, firm)
    async with db.write() as conn:
        for address in ("bob@firm.fr", "bob@xfirm.fr", "bob@mail.firm.fr"):
            await accounts.declare_sender(conn, other, address, "", NOW, NOW)
        assert (await declared.claim(conn, firm, "firm.fr", "word", NOW)).word == "word"
        assert (await declared.claim(conn, firm, "firm.fr", "again", NOW)).word == "word"
        await declared.claim(conn, other, "firm.fr", "theirs", NOW)  # claiming is no owning
        assert await accounts.proved_by(conn, "x@firm.fr") is None
        assert await declared.prove(conn, firm, "firm.fr", NOW) == (["anne@firm.fr"], ["bob@firm.fr"])
        assert await declared.prove(conn, firm, "firm.fr", NOW) == ([], [])
        assert [one.verified_at for one in await declared.domains_of(conn, firm)] == [NOW]
    for work in (
        lambda c: declared.claim(c, other, "firm.fr", "w", NOW),
        lambda c: declared.prove(c, other, "firm.fr", NOW),
    ):
        with pytest.raises(Taken):
            async with db.write() as conn:
                await work(conn)
    async with db.read() as conn:
        assert await accounts.find_sender(conn, "bob@firm.fr") is None
        assert await accounts.find_sender(conn, "bob@mail.firm.fr") is not None
    with pytest.raises(Taken):
        await sender(db, other, "eve@firm.fr", NOW + 90 * DAY)
    assert (await sender(db, firm, "new@firm.fr")).verified


async def test_a_link_of_before_the_domain_was_proved(db: Database) -> None:
    firm, other = await two(db)
    anne = await sender(db, other)
    async with db.write() as conn:
        serial = await declared.ask(conn, anne, NOW)
        await declared.claim(conn, firm, "firm.fr", "word", NOW)
        await declared.prove(conn, firm, "firm.fr", NOW)
        assert await declared.answer(conn, anne.id, serial, True, NOW) is Word.OLD
        assert await accounts.find_sender(conn, "anne@firm.fr") is None
