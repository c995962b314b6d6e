"""Campaigns by the API: sent as by mail, told while they are read, ordered about, listed."""

from __future__ import annotations

import pytest
from api_kit import Api, Part

from parsers import mime
from store import campaigns
from store.values import Campaign

LISTE = b"Email;Nom\na@d.test;Anna\nb@d.test;Bob\nnobody;X\n"
FIELDS: list[Part] = [
    ("from", None, b"Anne <anne@acme.test>"),
    ("subject", None, "Été : {{Nom}}".encode()),
    ("html", None, b"<p>Bonjour {{Nom}}</p>"),
    ("liste", "clients.csv", LISTE),
]
RAW = (
    b"From: Anne <anne@acme.test>\nTo: mail@gateway.test\nSubject: Raw\nMessage-ID: <7@acme.test>\n"
    b"Date: Fri, 27 Nov 2026 10:00:00 +0000\nContent-Type: text/plain; charset=utf-8\n"
    b"Content-Transfer-Encoding: 8bit\n\nBonjour {{Nom}} \xc3\xa9t\xc3\xa9\n"
)


async def sent(api: Api, parts: list[Part], **headers: str) -> str:
    status, document, answer = await api.form("/api/v1/campaigns", parts, **headers)
    assert status == 202, document
    assert answer.headers["location"] == document["links"]["self"]
    return str(document["id"])


async def stored(api: Api, number: int) -> tuple[Campaign, bytes]:
    async with api.db.read() as conn:
        campaign = await campaigns.get(conn, number)
        assert campaign is not None
        return campaign, await campaigns.source(conn, campaign.blob_id)


async def test_fields_and_a_list_become_a_campaign(api: Api) -> None:
    name = await sent(api, [*FIELDS, ("file", "Tarif é.pdf", b"%PDF-1.4 x"), ("config", None, b"Campagne : Tarifs\n")])
    status, document, _ = await api.ask("GET", f"/api/v1/campaigns/{name}")
    assert status == 200 and document["state"] == "reading" and document["number"] is None
    assert (await api.ask("GET", f"/api/v1/campaigns/{name}/stats"))[1]["code"] == "not_read"
    await api.intake()
    _, document, _ = await api.ask("GET", f"/api/v1/campaigns/{name}")
    assert document["state"] == "sending" and document["name"] == "Tarifs" and document["subject"] == "Été : {{Nom}}"
    assert document["from"] == {"name": "Anne", "address": "anne@acme.test"}
    figures = document["figures"]
    assert (figures["lines"], figures["invalid"], figures["recipients"], figures["statuses"]["queued"]) == (3, 1, 2, 2)
    message = mime.read((await stored(api, document["number"]))[1])
    assert [part.filename for part in message.attachments] == ["Tarif é.pdf", "LISTE.csv", "Config.txt"]
    assert (await api.ask("GET", f"/api/v1/campaigns/{document['number']}"))[1] == document | {"id": document["id"]}


async def test_a_raw_message_keeps_what_it_was(api: Api) -> None:
    name = await sent(api, [("message", "m.eml", RAW), ("liste", "l.txt", LISTE)])
    await api.intake()
    number = (await api.ask("GET", f"/api/v1/campaigns/{name}"))[1]["number"]
    campaign, source = await stored(api, number)
    assert campaign.message_id == "<7@acme.test>" and b"\r\nSubject: Raw\r\n" in source
    message = mime.read(source)
    assert (message.text or "").strip() == "Bonjour {{Nom}} été" and len(message.attachments) == 1
    # the same message again is the same campaign, as by mail
    again = await sent(api, [("message", "m.eml", RAW), ("liste", "l.txt", LISTE)])
    await api.intake()
    assert (await api.ask("GET", f"/api/v1/campaigns/{again}"))[1]["number"] == number


async def test_a_message_without_a_list_tells_why_there_is_no_campaign(api: Api) -> None:
    name = await sent(api, [("message", "m.eml", RAW)])
    await api.intake()
    _, document, _ = await api.ask("GET", f"/api/v1/campaigns/{name}", accept_language="en")
    assert document["state"] == "refused" and document["reasons"][0]["code"] == "no_list"
    assert "list of recipients" in document["reasons"][0]["text"]


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        (FIELDS[1:], "/from"),
        (FIELDS[:2] + FIELDS[3:], "/html"),
        (FIELDS[:3], "/liste"),
        ([("from", None, b"eve@evil.test"), *FIELDS[1:]], "/from"),
        ([("from", None, b"bob@other.test"), *FIELDS[1:]], "/from"),
        ([*FIELDS, ("liste", "again.csv", LISTE)], "/liste"),
        ([*FIELDS, ("colour", None, b"red")], "/colour"),
        ([("message", "m.eml", b"no header"), ("liste", "l.txt", LISTE)], "/message"),
        ([("message", "m.eml", RAW + b"\0"), ("liste", "l.txt", LISTE)], "/message"),
        ([("message", "m.eml", RAW), *FIELDS], "/subject"),
        ([("message", "m.eml", RAW.replace(b"anne@", b"eve@")), ("liste", "l.txt", LISTE)], "/message"),
    ],
)
async def test_a_form_that_lacks_something_names_the_field(api: Api, parts: list[Part], field: str) -> None:
    status, problem, _ = await api.form("/api/v1/campaigns", parts)
    assert status == 422 and [one["field"] for one in problem["errors"]] == [field], problem
    assert api.desk.spool.pending() == [] and list((api.desk.spool.folder / "tmp").iterdir()) == []


async def test_other_bodies_are_no_form(api: Api) -> None:
    assert (await api.ask("POST", "/api/v1/campaigns", {}))[0] == 415
    broken = await api.ask(
        "POST", "/api/v1/campaigns", b"--x\r\nrubbish", content_type="multipart/form-data; boundary=x"
    )
    assert broken[0] in (400, 422)
    big = [("message", "m.eml", RAW), ("liste", "l.txt", b"x" * 51_000_000)]
    assert (await api.form("/api/v1/campaigns", big))[0] == 413
    assert api.desk.spool.pending() == []


async def test_the_same_key_word_does_its_work_once(api: Api) -> None:
    first = await api.form("/api/v1/campaigns", FIELDS, idempotency_key="order-1")
    again = await api.form("/api/v1/campaigns", FIELDS, idempotency_key="order-1")
    assert first[0] == again[0] == 202 and first[1] == again[1]
    assert (
        again[2].headers["idempotent-replayed"] == "true"
        and again[2].headers["location"] == first[2].headers["location"]
    )
    assert len(api.desk.spool.pending()) == 1
    other = await api.form("/api/v1/campaigns", [*FIELDS[:3], ("liste", "l.csv", LISTE + b"c@d.test\n")],
                           idempotency_key="order-1")  # fmt: skip
    assert other[0] == 422 and other[1]["code"] == "idempotency_other"
    assert (await api.form("/api/v1/campaigns", FIELDS, idempotency_key="é"))[1]["code"] == "idempotency_key"
    # a refusal is kept, too
    assert (await api.form("/api/v1/campaigns", FIELDS[1:], idempotency_key="order-2"))[0] == 422


async def test_a_try_whose_process_died_is_taken_over(api: Api) -> None:
    first = await api.form("/api/v1/campaigns", FIELDS, idempotency_key="k")
    async with api.db.write() as conn:  # as if the answer had never been written down
        await conn.exec_driver_sql("UPDATE api_requests SET status = NULL, body = NULL")
    again = await api.form("/api/v1/campaigns", FIELDS, idempotency_key="k")
    assert again[1]["id"] == first[1]["id"]
    await api.intake()
    assert (await api.ask("GET", "/api/v1/campaigns"))[1]["data"][0]["number"] == 1
    assert len((await api.ask("GET", "/api/v1/campaigns"))[1]["data"]) == 1  # one campaign, however often it was read


async def test_campaigns_are_listed_by_pages_and_states(api: Api) -> None:
    for n in range(5):
        await sent(api, [FIELDS[0], ("subject", None, b"n%d" % n), *FIELDS[2:]])
    await api.intake()
    assert (await api.ask("POST", "/api/v1/campaigns/2/pause"))[1]["state"] == "paused"
    found, place = [], ""
    while True:
        _, page, _ = await api.ask("GET", f"/api/v1/campaigns?limit=2{place}")
        found += [one["number"] for one in page["data"]]
        if page["next"] is None:
            break
        place = f"&cursor={page['next']}"
    assert found == [5, 4, 3, 2, 1]
    _, page, _ = await api.ask("GET", "/api/v1/campaigns?state=paused&state=held&since=2020-01-01T00:00:00Z")
    assert [one["number"] for one in page["data"]] == [2]
    assert (await api.ask("GET", "/api/v1/campaigns?before=2020-01-01T00:00:00Z"))[1]["data"] == []
    assert (await api.ask("GET", "/api/v1/campaigns?since=2020-01-01T00:00:00"))[0] == 422
    stranger = await api.new_key(account=api.other)
    assert (await api.ask("GET", "/api/v1/campaigns", key=stranger))[1]["data"] == []
    assert (await api.ask("GET", "/api/v1/campaigns/2", key=stranger))[0] == 404


async def test_a_campaign_is_paused_resumed_and_cancelled(api: Api) -> None:
    name = await sent(api, FIELDS)
    await api.intake()
    for verb, wanted in (("pause", "paused"), ("pause", "paused"), ("resume", "sending"), ("cancel", "stopped")):
        status, document, _ = await api.ask("POST", f"/api/v1/campaigns/{name}/{verb}")
        assert (status, document["state"]) == (200, wanted)
    assert document["figures"]["statuses"]["stopped"] == 2
    status, problem, _ = await api.ask("POST", "/api/v1/campaigns/1/resume")
    assert status == 409 and problem["code"] == "state"


async def test_recipients_with_their_stories(api: Api) -> None:
    await sent(api, FIELDS)
    await api.intake()
    _, page, _ = await api.ask("GET", "/api/v1/campaigns/1/recipients?limit=1")
    assert page["data"][0]["address"] == "a@d.test" and page["data"][0]["fields"] == {
        "Email": "a@d.test",
        "Nom": "Anna",
    }
    _, rest, _ = await api.ask("GET", f"/api/v1/campaigns/1/recipients?limit=1&cursor={page['next']}")
    assert rest["data"][0]["line"] == "3" and rest["next"] is None
    assert (await api.ask("GET", "/api/v1/campaigns/1/recipients?q=Bob"))[1]["data"] == rest["data"]
    assert (await api.ask("GET", "/api/v1/campaigns/1/recipients?status=delivered"))[1]["data"] == []
    _, by_name, _ = await api.ask("GET", "/api/v1/campaigns/1/recipients?sort=email&order=desc&limit=1")
    assert by_name["data"][0]["address"] == "b@d.test"
    number = rest["data"][0]["id"]
    _, story, _ = await api.ask("GET", f"/api/v1/campaigns/1/recipients/{number}")
    assert story["address"] == "b@d.test" and story["events"] == []
    _, stats, _ = await api.ask("GET", "/api/v1/campaigns/1/stats")
    assert stats["recipients"] == 2 and stats["rates"]["open"]["over_sent"] is None
