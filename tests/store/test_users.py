"""People who log in: their roles, sessions, letters and second factors, on both databases."""

from __future__ import annotations

import pytest
from store_helpers import NOW

from store import accounts, factors, password_letters, sessions, users
from store.accounts import Taken
from store.engine import Database

A, B = b"a" * 32, b"b" * 32


async def person(db: Database, login: str = "Anne@Acme.fr", role: str = "admin", account: int | None = None) -> int:
    async with db.write() as conn:
        if account is None:
            account = await accounts.create_account(conn, login, "", "", "fr", "Europe/Paris", NOW)
        return await users.add(conn, account, login, login, "hash", role, False, NOW)


async def test_users_are_known_by_their_login_whatever_its_case(db: Database) -> None:
    number = await person(db)
    async with db.write() as conn:
        found = await users.find(conn, "ANNE@acme.FR")
        assert found is not None and found == await users.get(conn, number)
        assert (found.account, found.role, found.operator, found.locale) == ("Anne@Acme.fr", "admin", False, "fr")
        assert found.may("read") and found.may("admin")
        with pytest.raises(Taken):
            await users.add(conn, found.account_id, "anne@acme.fr", "", "", "read", False, NOW)
        await users.set_locale(conn, number, "en")
        assert (await users.list_of(conn, found.account_id))[0].locale == "en"
        assert await users.list_of(conn, found.account_id + 1) == []


async def test_an_account_never_loses_its_last_admin(db: Database) -> None:
    first = await person(db)
    async with db.write() as conn:
        admin = await users.get(conn, first)
        assert admin is not None
        for change in (users.set_role(conn, admin, "send", True), users.remove(conn, admin)):
            with pytest.raises(users.LastAdmin):
                await change
        await users.set_role(conn, admin, "admin", True)  # an operator, still its admin
    second = await person(db, "paul@acme.fr", "admin", admin.account_id)
    async with db.write() as conn:
        await sessions.begin(conn, first, A, False, NOW)
        await users.remove(conn, admin)
        assert [one.id for one in await users.list_of(conn, admin.account_id)] == [second]
        assert await sessions.find(conn, A, NOW) is None


async def test_a_session_ends_when_nobody_comes_and_after_a_week_whoever_comes(db: Database) -> None:
    number = await person(db)
    async with db.write() as conn:
        await sessions.begin(conn, number, A, False, NOW)
        found = await sessions.find(conn, A, NOW)
        assert found is not None and found.user.id == number and found.user.seen_at == NOW and not found.half
        assert await sessions.find(conn, B, NOW) is None
        assert await sessions.find(conn, A, NOW + sessions.IDLE_MS - 1) is not None
        assert await sessions.find(conn, A, NOW + sessions.IDLE_MS) is None
        last = NOW + sessions.ABSOLUTE_MS - 1
        await sessions.touch(conn, A, last)
        assert await sessions.find(conn, A, last) is not None
        assert await sessions.find(conn, A, last + 1) is None
        await sessions.begin(conn, number, B, True, NOW)
        assert await sessions.find(conn, B, NOW + sessions.HALF_MS - 1) is not None
        assert await sessions.find(conn, B, NOW + sessions.HALF_MS) is None


async def test_a_new_password_ends_every_session_and_every_letter(db: Database) -> None:
    number = await person(db)
    async with db.write() as conn:
        for digest in (A, B):
            await sessions.begin(conn, number, digest, False, NOW)
        await sessions.end_others(conn, number, A)
        assert await sessions.find(conn, B, NOW) is None and await sessions.count(conn, number, NOW) == 1
        assert await password_letters.ask(conn, number, False, NOW)
        await users.set_password(conn, number, "other")
        assert await sessions.find(conn, A, NOW) is None
        assert await password_letters.opens(conn, number, 1, NOW) is None
        assert await password_letters.waiting(conn) == []


async def test_the_newest_letter_lets_in_once_and_in_time(db: Database) -> None:
    number = await person(db)
    again = NOW + password_letters.AGAIN_MS
    async with db.write() as conn:
        assert await password_letters.ask(conn, number, False, NOW)
        assert not await password_letters.ask(conn, number, False, again - 1)
        [letter] = await password_letters.waiting(conn)
        assert (letter.user.id, letter.serial, letter.invitation) == (number, 1, False)
        await password_letters.sent(conn, letter, NOW)
        assert await password_letters.waiting(conn) == []
        assert await password_letters.opens(conn, number, 1, NOW + password_letters.RESET_MS) is None
        assert await password_letters.ask(conn, number, True, again)
        assert not await password_letters.use(conn, number, 1, "new", again)  # replaced
        assert await password_letters.opens(conn, number, 2, again + password_letters.RESET_MS) is not None
        assert await password_letters.use(conn, number, 2, "new", again)
        assert not await password_letters.use(conn, number, 2, "newer", again)
        found = await users.get(conn, number)
        assert found is not None and found.password_hash == "new"


async def test_codes_count_once_and_an_old_secret_never_again(db: Database) -> None:
    number = await person(db)
    async with db.write() as conn:
        await factors.renew(conn, number)
        assert not await factors.enable(conn, number, 0, 10, [A], NOW)  # the secret before
        assert await factors.enable(conn, number, 1, 10, [A, B], NOW)
        assert not await factors.enable(conn, number, 1, 11, [A], NOW)
        await factors.renew(conn, number)  # in force: stays
        found = await users.get(conn, number)
        assert found is not None and (found.second_factor, found.totp_serial) == (True, 1)
        assert not await factors.take_step(conn, number, 10)
        assert await factors.take_step(conn, number, 11) and not await factors.take_step(conn, number, 11)
        assert await factors.take_code(conn, number, A, NOW) and not await factors.take_code(conn, number, A, NOW)
        assert await factors.codes_left(conn, number) == 1
        await factors.disable(conn, number)
        found = await users.get(conn, number)
        assert found is not None and (found.second_factor, found.totp_serial) == (False, 2)
        assert not await factors.take_code(conn, number, B, NOW)


async def test_passwords_of_programs_are_of_one_login(db: Database) -> None:
    number, other = await person(db), await person(db, "paul@other.fr")
    async with db.write() as conn:
        assert await factors.add_password(conn, number, "Thunderbird", A, NOW)
        found = await factors.password_of(conn, number, A)
        assert found is not None and (found.name, found.used_at) == ("Thunderbird", None)
        assert await factors.password_of(conn, other, A) is None
        await factors.password_used(conn, found, NOW)
        [kept] = await factors.passwords(conn, number)
        assert kept.used_at == NOW - NOW % factors.DAY
        await factors.drop_password(conn, other, kept.id)
        assert await factors.passwords(conn, number) == [kept]
        await factors.drop_password(conn, number, kept.id)
        assert await factors.password_of(conn, number, A) is None
