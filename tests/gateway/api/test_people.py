"""Suppressions, senders and consents by the API."""

from __future__ import annotations

from api_kit import Api

from store import suppressions
from store.engine import now_ms
from store.suppressions import EVERYBODY


async def test_suppressions_are_added_listed_and_removed(api: Api) -> None:
    body = {
        "entries": [
            {"address": "A@b.test"},
            {"address": "c@b.test", "reason": "import", "until": "2099-01-01T00:00:00Z"},
        ]
    }
    assert (await api.ask("POST", "/api/v1/suppressions", body))[1] == {"added": 2, "known": 0}
    assert (await api.ask("POST", "/api/v1/suppressions", body))[1] == {"added": 0, "known": 2}
    _, page, _ = await api.ask("GET", "/api/v1/suppressions?limit=1")
    _, rest, _ = await api.ask("GET", f"/api/v1/suppressions?limit=1&cursor={page['next']}")
    found = {one["address"]: one for one in page["data"] + rest["data"]}
    assert found["A@b.test"]["until"] is None and found["c@b.test"]["reason"] == "import" and rest["next"] is None
    assert (await api.ask("GET", "/api/v1/suppressions?reason=complaint"))[1]["data"] == []
    assert (await api.ask("DELETE", "/api/v1/suppressions/a@B.test"))[0] == 204
    assert (await api.ask("DELETE", "/api/v1/suppressions/a@b.test"))[0] == 404
    past = {"entries": [{"address": "x@b.test", "until": "2001-01-01T00:00:00Z"}]}
    assert (await api.ask("POST", "/api/v1/suppressions", past))[1]["errors"][0]["field"] == "/entries/0/until"


async def test_no_program_takes_a_persons_wish_back(api: Api) -> None:
    await api.ask("POST", "/api/v1/suppressions", {"entries": [{"address": "a@b.test", "reason": "unsubscribe"}]})
    status, problem, _ = await api.ask("DELETE", "/api/v1/suppressions/a@b.test")
    assert status == 409 and problem["code"] == "personal"
    assert len((await api.ask("GET", "/api/v1/suppressions"))[1]["data"]) == 1


async def test_other_lists_are_neither_seen_nor_changed(api: Api) -> None:
    async with api.db.write() as conn:
        key = api.desk.suppression.hash("all@b.test")
        row = {"account_id": EVERYBODY, "key": key, "address": "all@b.test", "reason": "manual", "at": now_ms()}
        await suppressions.add(conn, [row | {"campaign_id": None}])
    assert (await api.ask("GET", "/api/v1/suppressions"))[1]["data"] == []
    assert (await api.ask("DELETE", "/api/v1/suppressions/all@b.test"))[0] == 404


async def test_a_file_is_imported_line_by_line(api: Api) -> None:
    file = (
        b"Email;Reason;Until\na@b.test;complaint;\nb@b.test;;31/12/2099\nnobody;;\nold@b.test;;01/01/2001\na@b.test;;\n"
    )
    status, counted, _ = await api.ask("POST", "/api/v1/suppressions/import", file, content_type="text/csv")
    assert status == 200 and (counted["added"], counted["bad"]) == (2, 1)
    assert counted["faults"] == [{"line": "4", "address": "nobody", "fault": "syntax"}]
    _, page, _ = await api.ask("GET", "/api/v1/suppressions")
    assert [(one["address"], one["reason"]) for one in page["data"]] == [
        ("a@b.test", "complaint"),
        ("b@b.test", "import"),
    ]
    assert list((api.desk.spool.folder / "tmp").iterdir()) == []
    status, problem, _ = await api.ask(
        "POST", "/api/v1/suppressions/import", b"%PDF-1.4\n\x00\x01", content_type="text/csv"
    )
    assert status == 422 and problem["code"] == "unreadable"


async def test_a_sender_is_declared_and_its_owner_asked(api: Api) -> None:
    status, sender, _ = await api.ask("POST", "/api/v1/senders", {"address": "new@acme.test", "name": "Neu"})
    assert status == 201 and sender["verified"] is False and sender["waiting"] == "answer"
    async with api.db.read() as conn:
        rows = (await conn.exec_driver_sql("SELECT address FROM notices")).all()
    assert [row.address for row in rows] == ["new@acme.test"]
    _, listed, _ = await api.ask("GET", "/api/v1/senders")
    assert [(one["address"], one["verified"]) for one in listed["data"]] == [
        ("anne@acme.test", True), ("new@acme.test", False),
    ]  # fmt: skip
    assert (await api.ask("GET", "/api/v1/senders/anne@acme.test"))[1]["name"] == "Anne"
    assert (await api.ask("POST", "/api/v1/senders/new@acme.test/check"))[1]["waiting"] == "answer"
    assert (await api.ask("POST", "/api/v1/senders/none@acme.test/check"))[0] == 404
    status, problem, _ = await api.ask("POST", "/api/v1/senders", {"address": "bob@other.test"})
    assert status == 409 and problem["code"] == "sender_taken"
    assert (await api.ask("POST", "/api/v1/senders", {"address": "mail@gateway.test"}))[0] == 409


async def test_consents_are_recorded_with_their_proof(api: Api) -> None:
    asked = {"address": "a@b.test", "agreed": True, "source": "shop"}
    status, problem, _ = await api.ask("POST", "/api/v1/consents", asked)
    assert status == 422 and "wording" in problem["errors"][0]["detail"]
    status, state, _ = await api.ask("POST", "/api/v1/consents", asked | {"wording": "J'accepte"})
    assert status == 201 and state["stands"] is True and state["words"][0]["source"] == "shop"
    status, state, _ = await api.ask("POST", "/api/v1/consents", {"address": "a@b.test", "agreed": False})
    assert state["stands"] is False and len(state["words"]) == 2 and state["words"][1]["by"].startswith("key ")
    assert (await api.ask("GET", "/api/v1/consents/A@b.test"))[1]["stands"] is False
    assert (await api.ask("GET", "/api/v1/consents/who@b.test"))[1] == {
        "address": "who@b.test",
        "stands": None,
        "words": [],
    }
    _, page, _ = await api.ask("GET", "/api/v1/consents?limit=1")
    assert len(page["data"]) == 1 and page["next"]
    later = asked | {"wording": "x", "at": "2099-01-01T00:00:00Z"}
    assert (await api.ask("POST", "/api/v1/consents", later))[1]["code"] == "future"
