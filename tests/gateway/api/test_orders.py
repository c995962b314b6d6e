"""What programs have done with campaigns: each order once, written down, carried out by the receiving process."""

from __future__ import annotations

from api_kit import Api

from gateway.actions.clerk import Clerk
from store import actions, campaigns
from store.engine import now_ms

FORM = [
    ("from", None, b"anne@acme.test"),
    ("subject", None, b"Bonjour {{Nom}}"),
    ("text", None, b"Bonjour {{Nom}}"),
    ("liste", "l.csv", b"Email;Nom\na@d.test;Anna\nb@d.test;Bob\n"),
]
LATER = "2099-01-01T09:00:00Z"


async def ready(api: Api, *more: tuple[str, str | None, bytes]) -> None:
    assert (await api.form("/api/v1/campaigns", [*FORM, *more]))[0] == 202
    await api.intake()


async def test_orders_stand_in_the_history_with_the_key_that_gave_them(api: Api) -> None:
    await ready(api)
    for verb in ("pause", "resume", "cancel"):
        assert (await api.ask("POST", f"/api/v1/campaigns/1/{verb}"))[0] == 200
    async with api.db.read() as conn:
        done = await actions.of(conn, 1)
    assert {(one.power, one.via, one.who) for one in done} == {
        (power, "key", api.key.split("_")[1]) for power in ("pause", "resume", "stop")
    }


async def test_a_message_goes_again_to_those_it_did_not_reach(api: Api) -> None:
    await ready(api)
    await api.ask("POST", "/api/v1/campaigns/1/cancel")
    status, action, _ = await api.ask(
        "POST", "/api/v1/campaigns/1/replay", {"to": "undelivered"}, idempotency_key="again", accept_language="en"
    )
    assert (status, action["stage"], action["action"]) == (202, "ready", "replay")
    same = await api.ask("POST", "/api/v1/campaigns/1/replay", {"to": "undelivered"}, idempotency_key="again")
    assert same[1]["id"] == action["id"]
    await Clerk(api.desk).slow()
    _, done, _ = await api.ask("GET", action["url"].removeprefix("http://gateway.test"))
    assert done["stage"] == "done" and done["campaign"] == "2", done
    _, made, _ = await api.ask("GET", "/api/v1/campaigns/2")
    assert made["state"] == "sending" and made["figures"]["recipients"] == 2
    status, problem, _ = await api.ask("POST", "/api/v1/campaigns/1/replay", {"to": "everybody"})
    assert status == 422 and problem["errors"][0]["field"] == "/to"
    assert (await api.ask("GET", "/api/v1/campaigns/2/actions/1"))[0] == 404  # another campaign's


async def test_a_message_goes_to_a_new_list(api: Api) -> None:
    await ready(api)
    status, action, _ = await api.form(
        "/api/v1/campaigns/1/replay-list", [("liste", "n.csv", b"Email;Nom\nc@d.test;Cora\n")]
    )
    assert status == 202
    await Clerk(api.desk).slow()
    _, done, _ = await api.ask("GET", f"/api/v1/campaigns/1/actions/{action['id']}")
    assert done["campaign"] == "2"
    _, page, _ = await api.ask("GET", "/api/v1/campaigns/2/recipients")
    assert [one["address"] for one in page["data"]] == ["c@d.test"]
    assert (await api.form("/api/v1/campaigns/1/replay-list", []))[1]["errors"][0]["field"] == "/liste"
    assert (await api.form("/api/v1/campaigns/1/replay-list", [("colour", None, b"x")]))[1]["errors"][0][
        "field"
    ] == "/colour"


async def test_a_scheduled_campaign_is_changed(api: Api) -> None:
    await ready(api, ("config", None, b"Date d'envoi : 01/06/2027 09:30\n"))
    assert (await api.ask("GET", "/api/v1/campaigns/1"))[1]["state"] == "scheduled"
    new = {"send_at": "2027-06-02T07:00:00Z", "subject": "Bonsoir {{Nom}}"}
    status, action, _ = await api.ask("PATCH", "/api/v1/campaigns/1", new)
    assert (status, action["stage"]) == (200, "done")
    _, campaign, _ = await api.ask("GET", "/api/v1/campaigns/1")
    assert campaign["subject"] == "Bonsoir {{Nom}}" and campaign["send_at"] == "2027-06-02T07:00:00Z"
    for body, field in (
        ({"subject": "{{Prix}}"}, "/subject"),
        ({"send_at": "2001-01-01T00:00:00Z"}, "/send_at"),
        ({"send_at": LATER}, "/send_at"),
        ({"sender": "bob@other.test"}, "/sender"),
        ({}, ""),
    ):
        status, problem, _ = await api.ask("PATCH", "/api/v1/campaigns/1", body)
        assert status == 422 and problem["errors"][0]["field"] == field, problem
    await ready(api)  # under way: too late
    status, problem, _ = await api.ask("PATCH", "/api/v1/campaigns/2", {"subject": "Bonsoir"})
    assert (status, problem["code"]) == (409, "state")


async def test_a_report_is_shared_by_mail(api: Api) -> None:
    await ready(api)
    status, action, _ = await api.ask("POST", "/api/v1/campaigns/1/share", {"address": "boss@acme.test"})
    assert (status, action["stage"]) == (202, "ready")
    await Clerk(api.desk).quick()
    assert (await api.ask("GET", f"/api/v1/campaigns/1/actions/{action['id']}"))[1]["stage"] == "done"
    async with api.db.read() as conn:
        rows = (await conn.exec_driver_sql("SELECT address FROM notices ORDER BY id DESC LIMIT 1")).all()
    assert rows[0].address == "boss@acme.test" and now_ms() > 0
    stranger = await api.new_key(account=api.other)
    assert (await api.ask("POST", "/api/v1/campaigns/1/share", {"address": "x@acme.test"}, key=stranger))[0] == 404


async def test_the_author_s_link_is_renewed(api: Api) -> None:
    await ready(api)
    status, action, _ = await api.ask("POST", "/api/v1/campaigns/1/renew")
    assert (status, action["stage"], action["action"]) == (202, "ready", "renew")
    await Clerk(api.desk).quick()
    _, done, _ = await api.ask("GET", action["url"].removeprefix("http://gateway.test"))
    assert done["stage"] == "done"
    async with api.db.read() as conn:
        campaign = await campaigns.get(conn, 1)
    assert campaign is not None and campaign.link_round == 1
