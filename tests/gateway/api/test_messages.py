"""Single transactional messages by the API and by submission: sent as written, in the fast lane, summed up by day."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import pytest
from api_kit import Api
from store_helpers import KEYS
from web_fixture import RING

from gateway.intake.single import Single, create
from mail.dkim import Signer, new_key
from mta import plates
from mta.plates import House, Plate
from parsers import mime
from parsers.address import parse
from store import accounts, campaigns, consents, control, events, jobs, suppression_list
from store.engine import now_ms
from store.jobs import urgent
from store.spool import Envelope
from store.states import Event
from store.suppression_list import New
from store.values import Change

SIGNER = Signer("gateway.test", "m2c1", new_key())
TO = {"address": "client@d.test", "name": "Léa Client"}
MESSAGE = {
    "sender": {"address": "anne@acme.test", "name": "Boutique"},
    "to": TO,
    "subject": "Mot de passe {{jamais}}",
    "html": '<p>{{brut}} <a href="https://acme.test/reset?token=s3cret">ici</a></p>',
    "attachments": [{"name": "liste.csv", "type": "text/csv", "content": b64encode(b"a;b\n").decode()}],
}


@pytest.fixture
async def granted(api: Api) -> Api:
    async with api.db.write() as conn:
        await accounts.set_transactional(conn, api.account, 3)
    return api


async def rendered(api: Api, number: int, signer: Signer) -> bytes:
    """What a sender puts on the wire."""
    async with api.db.write() as conn:
        worker = await jobs.join(conn, "h", 1, now_ms())
        [job] = await jobs.lease(conn, worker, now_ms() + 1, {number: 10})
        campaign = await campaigns.get(conn, number)
        assert campaign is not None
        source = await campaigns.source(conn, campaign.blob_id)
    house = House("gateway.test", "http://gateway.test", RING, (signer,))
    plate = plates.make(campaign, source, job, house)
    assert isinstance(plate, Plate) and plate.urgent
    return plate.render(job)


async def test_a_message_is_sent_as_it_is_written(granted: Api) -> None:
    status, message, answer = await granted.ask("POST", "/api/v1/messages", MESSAGE)
    assert status == 202 and message["state"] == "sending" and message["recipients"][0]["status"] == "queued"
    assert answer.headers["location"] == message["url"]
    number = int(message["id"].removeprefix("msg_"))
    async with granted.db.read() as conn:
        assert await urgent(conn, [number]) == {number}
    raw = await rendered(granted, number, SIGNER)
    got = mime.read(raw)
    assert got.subject == "Mot de passe {{jamais}}" and got.sender is not None and got.sender.name == "Boutique"
    assert [(box.name, box.address) for box in got.to] == [("Léa Client", "client@d.test")]
    assert got.html is not None and '{{brut}} <a href="https://acme.test/reset?token=s3cret">ici</a>' in got.html
    assert [part.filename for part in got.attachments] == ["liste.csv"] and b"<img" not in raw
    assert got.header("dkim-signature") and not got.header("list-unsubscribe") and not got.header("precedence")


async def test_what_becomes_of_a_message_is_told_and_summed_up(granted: Api) -> None:
    _, message, _ = await granted.ask("POST", "/api/v1/messages", MESSAGE)
    await granted.ask("POST", "/api/v1/messages", MESSAGE | {"to": {"address": "b@d.test"}})
    async with granted.db.write() as conn:
        await events.apply(conn, [Change(1, Event.ACCEPTED, now_ms(), detail={"reply": "250 ok"})], KEYS)
        assert await control.finish_done(conn, now_ms()) == [1]
    _, story, _ = await granted.ask("GET", message["url"].removeprefix("http://gateway.test"))
    assert story["state"] == "finished" and story["recipients"][0]["status"] == "delivered"
    assert [one["event"] for one in story["events"]] == ["accepted"]
    _, page, _ = await granted.ask("GET", "/api/v1/messages?limit=1")
    assert page["data"][0]["recipients"][0]["address"] == "b@d.test"
    _, rest, _ = await granted.ask("GET", f"/api/v1/messages?limit=1&cursor={page['next']}")
    assert rest["data"][0]["id"] == message["id"] and rest["next"] is None
    _, days, _ = await granted.ask("GET", "/api/v1/messages/days")
    [day] = days["data"]
    assert (day["sender"], day["messages"], day["recipients"]) == ("anne@acme.test", 2, 2)
    assert day["day"] == datetime.now(UTC).date().isoformat()
    assert day["statuses"] == {"delivered": 1, "queued": 1} and day["measures"] == {"sent": 1}
    assert (await granted.ask("GET", "/api/v1/messages/days?since=2020-01-01&until=2020-02-01"))[1] == {"data": []}
    assert (await granted.ask("GET", "/api/v1/messages/days?since=2020-01-01"))[0] == 422
    # messages are no campaigns, and nobody else's
    assert (await granted.ask("GET", "/api/v1/campaigns"))[1]["data"] == []
    stranger = await granted.new_key(account=granted.other)
    assert (await granted.ask("GET", f"/api/v1/messages/{message['id']}", key=stranger))[0] == 404


async def test_who_is_suppressed_gets_none(granted: Api) -> None:
    for reason in ("hard_bounce", "complaint"):
        async with granted.db.write() as conn:
            await suppression_list.put(
                conn, granted.account, [New(f"{reason}@d.test", reason, now_ms())], KEYS, now_ms()
            )
        body = MESSAGE | {"to": {"address": f"{reason}@D.test"}}
        status, problem, _ = await granted.ask("POST", "/api/v1/messages", body, accept_language="en")
        assert (status, problem["code"]) == (422, "suppressed") and reason in problem["detail"]
        assert problem["errors"][0]["field"] == "/to/address"


async def test_the_hourly_cap_holds(granted: Api) -> None:
    for n in range(3):
        body = MESSAGE | {"to": {"address": f"p{n}@d.test"}}
        assert (await granted.ask("POST", "/api/v1/messages", body))[0] == 202
    status, problem, answer = await granted.ask("POST", "/api/v1/messages", MESSAGE)
    assert (status, problem["code"]) == (429, "cap") and answer.headers["retry-after"] == "60"


async def test_it_must_be_granted_and_be_the_accounts_own(api: Api) -> None:
    assert (await api.ask("POST", "/api/v1/messages", MESSAGE))[1]["code"] == "ungranted"
    async with api.db.write() as conn:
        await accounts.set_transactional(conn, api.account, 10)
    for change, field in (
        ({"sender": {"address": "bob@other.test"}}, "/sender/address"),
        ({"html": None}, ""),
        ({"subject": "a\nBcc: x@y.z"}, "/subject"),
        ({"to": {"address": "a@d.test, b@d.test"}}, "/to/address"),
        ({"attachments": [{"name": "a", "content": "=x"}]}, "/attachments/0/content"),
    ):
        status, problem, _ = await api.ask("POST", "/api/v1/messages", MESSAGE | change)
        assert status == 422 and problem["errors"][0]["field"] == field, problem


async def test_the_same_key_word_sends_one_message(granted: Api) -> None:
    first = await granted.ask("POST", "/api/v1/messages", MESSAGE, idempotency_key="m1")
    async with granted.db.write() as conn:
        await conn.exec_driver_sql("UPDATE api_requests SET status = NULL")  # the answer was never written down
    again = await granted.ask("POST", "/api/v1/messages", MESSAGE, idempotency_key="m1")
    assert again[1]["id"] == first[1]["id"]
    assert len((await granted.ask("GET", "/api/v1/messages"))[1]["data"]) == 1


async def test_the_day_of_the_last_open_is_kept_only_where_the_account_says_so(granted: Api, tmp_path: Path) -> None:
    async with granted.db.write() as conn:
        await accounts.set_hygiene(conn, granted.account, True)
        word = consents.New("no@d.test", False, now_ms(), "page", personal=True)
        await consents.record(conn, granted.account, [word], KEYS, now_ms())
    signer = SIGNER
    for number, (address, pixel) in enumerate((("yes@d.test", True), ("no@d.test", False)), 1):
        assert (await granted.ask("POST", "/api/v1/messages", MESSAGE | {"to": {"address": address}}))[0] == 202
        html = mime.read(await rendered(granted, number, signer)).html or ""
        assert ("/h/" in html) is pixel and "/c/" not in html and "/l/" not in html


async def test_a_message_that_comes_twice_is_one(granted: Api) -> None:
    async with granted.db.read() as conn:
        account = await accounts.get_account(conn, granted.account)
        sender = await accounts.find_sender(conn, "anne@acme.test")
    assert account is not None and sender is not None
    raw = b"From: anne@acme.test\r\nSubject: s\r\n\r\nHello\r\n"
    message = Single(account, sender, "", "s", "", "<1@acme.test>", tuple(parse("a@d.test, b@d.test")), raw)
    assert await create(granted.desk, message) == (1, True) and await create(granted.desk, message) == (1, False)


async def test_a_submitted_mail_becomes_a_message_to_those_who_may_be_written_to(granted: Api) -> None:
    raw = (
        b"From: Anne <anne@acme.test>\r\nTo: a@d.test\r\nSubject: Facture {{n}}\r\nMessage-ID: <9@acme.test>\r\n"
        b"Auto-Submitted: auto-generated\r\n\r\nVotre facture\r\n"
    )
    async with granted.db.write() as conn:  # after the RCPT, before the mail is read
        await suppression_list.put(conn, granted.account, [New("b@d.test", "complaint", now_ms())], KEYS, now_ms())
    envelope = Envelope(
        "single",
        "anne@acme.test",
        ("a@d.test", "b@d.test"),
        "192.0.2.1",
        "submission",
        now_ms(),
        granted.account,
        "anne",
    )
    granted.desk.spool.put(envelope, raw)
    await granted.intake()
    assert granted.desk.spool.pending() == []
    _, page, _ = await granted.ask("GET", "/api/v1/messages")
    [message] = page["data"]
    assert message["subject"] == "Facture {{n}}" and [one["address"] for one in message["recipients"]] == ["a@d.test"]
    got = mime.read(await rendered(granted, 1, SIGNER))
    assert (got.text or "").startswith("Votre facture") and got.message_id != "<9@acme.test>"
    async with granted.db.read() as conn:  # no acknowledgement: a program wrote it
        assert (await conn.exec_driver_sql("SELECT count(*) FROM notices")).scalar_one() == 0
