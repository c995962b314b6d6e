"""AUTH: nothing tells an unknown login from a wrong password, and guessing ends soon."""

import asyncio
from pathlib import Path
from typing import Any

import argon2
import pytest
from argon2 import PasswordHasher
from light_hashes import IN_OPERATION

from gateway import totp
from gateway.passwords import Passwords
from gateway.smtp.limits import FAILED_LOGINS, FAILED_NAMES
from store import factors
from store.accounts import find_login
from store.engine import now_ms
from tests.gateway.kit_intake import HASH, Client, House, house, plain


async def client(made: House) -> Client:
    opened = await Client.open(made.port("submissions"), tls=True)
    await opened.hello()
    return opened


async def test_the_same_work_for_an_unknown_login_as_for_a_wrong_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[argon2.Parameters] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, stored: Any, password: Any) -> bool:
        hashed.append(argon2.extract_parameters(stored))
        return bool(verify(self, stored, password))

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    said, work = [], []
    async with house(tmp_path) as made:
        for name, password in (("anne", "wrong"), ("nobody", "wrong"), ("anne", "x" * 2_000), ("nobody", "x" * 2_000)):
            opened = await client(made)
            said.append(await opened.say(f"AUTH PLAIN {plain(name, password)}"))
            work.append(tuple(hashed))
            hashed.clear()
            opened.close()
    assert len(set(said)) == 1
    assert said[0].startswith("535-5.7.8")
    assert work[0] == work[1] == (argon2.extract_parameters(HASH),)
    assert work[2] == work[3] == ()


def test_passwords_are_hashed_slowly() -> None:
    # OWASP's floor for argon2id
    assert argon2.extract_parameters(IN_OPERATION.hash("x")) == argon2.Parameters(
        argon2.Type.ID, 19, 16, 32, time_cost=2, memory_cost=19 * 1024, parallelism=1
    )


async def test_nobody_has_a_password_that_fits() -> None:
    checks = Passwords(lambda: 0.0)
    assert not await checks.fit("correct horse", None)
    assert await checks.fit("correct horse", HASH)
    assert not await checks.fit("correct horse", None)  # what is remembered is of one hash


@pytest.mark.slow
async def test_guesses_at_once_are_counted_like_guesses_in_turn(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        opened = await asyncio.gather(*(client(made) for _ in range(FAILED_LOGINS + 6)))
        said = await asyncio.gather(*(one.say(f"AUTH PLAIN {plain('anne', f'{n}')}") for n, one in enumerate(opened)))
        codes = [one[:3] for one in said]
        assert (codes.count("535"), codes.count("454")) == (FAILED_LOGINS, 6)
        assert (await (await client(made)).say(f"AUTH PLAIN {plain('anne')}")).startswith("454-4.7.0")


@pytest.mark.parametrize("name", ["anne", "nobody"])
async def test_a_login_that_many_guess_at_opens_to_familiar_addresses(tmp_path: Path, name: str) -> None:
    async with house(tmp_path) as made:
        for _ in range(FAILED_NAMES):
            made.limits.names.count(name)
        said = await (await client(made)).say(f"AUTH PLAIN {plain(name.title())}")
        assert said.startswith("454-4.7.0")  # whether it exists or not
    async with house(tmp_path / "familiar") as made:
        assert (await (await client(made)).say(f"AUTH PLAIN {plain('anne')}")).startswith("235")
        for _ in range(FAILED_NAMES):
            made.limits.names.count("anne")
        assert (await (await client(made)).say(f"AUTH PLAIN {plain('Anne')}")).startswith("235")
        assert ("anne", "192.0.2.1") not in made.limits.familiar


async def test_a_program_has_a_password_of_its_own_and_with_a_second_factor_only_that(tmp_path: Path) -> None:
    word = totp.draw()
    async with house(tmp_path) as made:
        async with made.database.write() as conn:
            found = await find_login(conn, "anne")
            assert found is not None
            await factors.add_password(conn, found.id, "Thunderbird", totp.digest(word), now_ms())

        async def said(password: str, name: str = "anne") -> str:
            opened = await client(made)
            answer = await opened.say(f"AUTH PLAIN {plain(name, password)}")
            opened.close()
            return answer[:3]

        assert [await said(word), await said("correct horse")] == ["235", "235"]
        async with made.database.write() as conn:
            await factors.enable(conn, found.id, 0, 1, [b"code"], now_ms())
            [own] = await factors.passwords(conn, found.id)
        assert own.used_at is not None
        assert [await said(word), await said("correct horse"), await said(word, "nobody")] == ["235", "535", "535"]
        async with made.database.write() as conn:
            await factors.drop_password(conn, found.id, own.id)
        assert await said(word) == "535"
