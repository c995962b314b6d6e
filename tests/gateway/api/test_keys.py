"""Keys: who may call, what a refusal says, how often."""

from __future__ import annotations

from pathlib import Path

import pytest
from api_kit import Api, api_over

from store import accounts, api_keys
from store.engine import Database, now_ms


async def test_without_a_key_nothing_is_told(api: Api) -> None:
    for path in ("/api/v1/campaigns", "/api/v1/campaigns/1", "/api/v1/senders"):
        status, problem, answer = await api.ask("GET", path, key="")
        assert status == 401 and answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert problem["type"] == "http://gateway.test/api/v1/problems/unauthorised" and problem["status"] == 401


@pytest.mark.parametrize("word", ["x", "m2c_" + "a" * 12 + "_" + "b" * 48, "é" * 9])
async def test_a_wrong_key_is_refused(api: Api, word: str) -> None:
    status, problem, answer = await api.ask("GET", "/api/v1/campaigns", key=word)
    assert status == 401 and problem["code"] == "key_wrong"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_a_key_with_another_secret_is_refused(api: Api) -> None:
    forged = api.key[:-1] + ("a" if api.key[-1] != "a" else "b")
    assert (await api.ask("GET", "/api/v1/campaigns", key=forged))[0] == 401
    assert (await api.ask("GET", "/api/v1/campaigns"))[0] == 200


async def test_a_key_is_kept_as_a_hash_only(api: Api) -> None:
    raw = Path(api.db.url.partition(":///")[2]).read_bytes()
    assert api.key.encode() not in raw and api.key.split("_")[2].encode() not in raw


async def test_refusals_speak_the_language_of_the_caller(api: Api) -> None:
    wrong = await api.ask("GET", "/api/v1/nowhere", accept_language="en")
    assert wrong[0] == 404 and wrong[1]["title"] == "Not found" and wrong[2].headers["content-language"] == "en"
    key = await api.new_key(account=api.other)  # an English account
    assert (await api.ask("GET", "/api/v1/campaigns/999", key=key))[1]["title"] == "Not found"
    assert (await api.ask("GET", "/api/v1/campaigns/999"))[1]["title"] == "Introuvable"
    assert (await api.ask("GET", "/api/v1/campaigns/999", key=key, accept_language="fr"))[1]["title"] == "Introuvable"


async def test_scopes_bound_what_a_key_may_do(api: Api) -> None:
    reads, sends = await api.new_key("read"), await api.new_key("send")
    entry = {"entries": [{"address": "a@b.test"}]}
    assert (await api.ask("GET", "/api/v1/suppressions", key=reads))[0] == 200
    status, problem, answer = await api.ask("POST", "/api/v1/suppressions", entry, key=reads)
    assert status == 403 and problem["code"] == "scope" and 'scope="admin"' in answer.headers["www-authenticate"]
    assert (await api.ask("GET", "/api/v1/campaigns", key=sends))[0] == 403
    assert (await api.ask("POST", "/api/v1/suppressions", entry))[0] == 200


async def test_a_key_ends_by_date_and_by_hand(api: Api) -> None:
    ended = await api.new_key(expires_at=now_ms() - 1)
    assert (await api.ask("GET", "/api/v1/campaigns", key=ended))[1]["code"] == "key_ended"
    async with api.db.write() as conn:
        assert await api_keys.revoke(conn, api.key.split("_")[1], now_ms())
        assert not await api_keys.revoke(conn, api.key.split("_")[1], now_ms())
    assert (await api.ask("GET", "/api/v1/campaigns"))[0] == 401


async def test_the_last_use_is_noted(api: Api) -> None:
    await api.ask("GET", "/api/v1/campaigns")
    async with api.db.read() as conn:
        [key] = await api_keys.list_of(conn, api.account)
    assert key.used_at is not None and abs(key.used_at - now_ms()) < 60_000


async def test_a_suspended_account_reads_and_sends_nothing(api: Api) -> None:
    async with api.db.write() as conn:
        await accounts.suspend(conn, api.account, True)
    assert (await api.ask("GET", "/api/v1/campaigns"))[0] == 200
    status, problem, _ = await api.ask("POST", "/api/v1/campaigns/1/pause")
    assert status == 403 and problem["code"] == "suspended"


async def test_a_key_has_so_many_requests_a_minute(db: Database, tmp_path: Path) -> None:
    async with api_over(db, tmp_path, api={"requests_per_minute": 3}) as api:
        left = []
        for _ in range(3):
            status, _, answer = await api.ask("GET", "/api/v1/campaigns")
            assert status == 200
            left.append(answer.headers["ratelimit-remaining"])
        assert left == ["2", "1", "0"] and answer.headers["ratelimit"].startswith('"key";r=0;t=')
        assert answer.headers["ratelimit-policy"] == '"key";q=3;w=60'
        status, problem, answer = await api.ask("GET", "/api/v1/campaigns")
        assert status == 429 and problem["code"] == "pace" and 1 <= int(answer.headers["retry-after"]) <= 60
        other = await api.new_key()
        assert (await api.ask("GET", "/api/v1/campaigns", key=other))[0] == 200


async def test_what_does_not_exist_says_so_as_a_problem(api: Api) -> None:
    for method, path, wanted in (
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/nothing", 404),
        ("DELETE", "/api/v1/campaigns", 405),
        ("QUERY", "/api/v1/campaigns", 405),
        ("BREW", "/api/v1/campaigns", 405),
        ("GET", "/api/v1/campaigns/0", 404),
        ("GET", "/api/v1/campaigns/%00", 404),
        ("GET", "/api/v1/campaigns?color=red", 422),
        ("GET", "/api/v1/campaigns?limit=0", 422),
        ("GET", "/api/v1/campaigns?cursor=abc", 422),
    ):
        status, problem, answer = await api.ask(method, path)
        assert (status, problem["status"]) == (wanted, wanted), path
        assert answer.headers["content-type"] == "application/problem+json"
    assert (await api.ask("DELETE", "/api/v1/campaigns"))[2].headers["allow"] == "GET, HEAD, POST"


async def test_a_body_is_checked_field_by_field(api: Api) -> None:
    asked = {"entries": [{"address": "nobody"}, {"address": "a@b.test", "reason": "dislike", "more": 1}]}
    status, problem, _ = await api.ask("POST", "/api/v1/suppressions", asked)
    assert status == 422
    assert {one["field"] for one in problem["errors"]} == {"/entries/0/address", "/entries/1/reason", "/entries/1/more"}
    assert (await api.ask("POST", "/api/v1/suppressions", b"{"))[0] == 400
    assert (await api.ask("POST", "/api/v1/suppressions", b"a=b", content_type="text/plain"))[0] == 415
    assert (await api.ask("POST", "/api/v1/suppressions", b" " * 2_000_001))[0] == 413
    assert (await api.ask("POST", "/api/v1/suppressions", b'{"entries": [{"address": "\\ud800@b.test"}]}'))[0] == 400


async def test_the_type_of_a_problem_can_be_looked_up(api: Api) -> None:
    answer = await api.reader.get("/api/v1/problems/pace", accept_language="fr")
    assert answer.status == 200 and answer.text == "Trop de requêtes\n"
    assert (await api.reader.get("/api/v1/problems/../x")).status == 404
