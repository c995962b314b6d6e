"""Keys, requests that count once, and submissions, on both databases."""

from __future__ import annotations

from store_helpers import NOW

from store import accounts, api_keys, once, submissions
from store.engine import Database

DAY = 86_400_000


async def _account(db: Database) -> int:
    async with db.write() as conn:
        return await accounts.create_account(conn, "acme", "", "", "fr", "Europe/Paris", NOW)


async def test_a_key_is_found_by_its_whole_text_only(db: Database) -> None:
    account = await _account(db)
    async with db.write() as conn:
        key, text = await api_keys.add(conn, account, "till", ["send", "read"], NOW + 1, NOW)
        await api_keys.used(conn, key, NOW)
        assert (await api_keys.find(conn, text)) is not None
        assert await api_keys.find(conn, text[:-1] + "0") is None and await api_keys.find(conn, "") is None
        [listed] = await api_keys.list_of(conn, account)
        assert listed.used_at == NOW and listed.scopes == {"read", "send"} and not listed.may("admin")
        assert listed.works(NOW) and not listed.works(NOW + 1)
        assert not await api_keys.revoke(conn, key.public, NOW, account + 1)
        assert await api_keys.revoke(conn, key.public, NOW, account)


async def test_a_request_is_claimed_once_a_day(db: Database) -> None:
    account = await _account(db)
    async with db.write() as conn:
        assert await once.claim(conn, account, "k", b"a", NOW) is None
        known = await once.claim(conn, account, "k", b"b", NOW)
        assert known is not None and known.fingerprint == b"a" and known.status is None and known.body == b""
        await once.release(conn, account, "k")
        assert await once.claim(conn, account, "k", b"b", NOW) is None
        await once.answered(conn, account, "k", 202, {"location": "x"}, b"{}")
        await once.release(conn, account, "k")  # what is answered stays
        known = await once.claim(conn, account, "k", b"b", NOW + DAY - 1)
        assert known is not None and (known.status, known.headers, known.body) == (202, {"location": "x"}, b"{}")
        assert await once.claim(conn, account, "k", b"b", NOW + DAY) is None


async def test_submissions_tell_what_became_of_them_and_are_forgotten(db: Database) -> None:
    account = await _account(db)
    async with db.write() as conn:
        await submissions.begin(conn, "sub_a", account, NOW)
        await submissions.begin(conn, "sub_a", account, NOW + 5)
        await submissions.settle(conn, "sub_a", None, {"code": "no_list"})
        found = await submissions.get(conn, account, "sub_a")
        assert found is not None and found.created_at == NOW and found.refused == {"code": "no_list"}
        assert await submissions.get(conn, account + 1, "sub_a") is None
        await once.claim(conn, account, "k", b"a", NOW)
        assert await submissions.sweep(conn, NOW + DAY) == 1
        assert await submissions.sweep(conn, NOW + 30 * DAY) == 1
