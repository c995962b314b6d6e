"""The report: figures, table, stories, actions; nothing of another campaign, nothing by GET."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import orjson
import pytest
from sqlalchemy import update
from store_helpers import KEYS
from web_fixture import Web
from web_helpers import Reader

from gateway.web import report
from gateway.web.app import build
from gateway.web.guard import proof
from parsers.tokens import Purpose
from store import campaigns, complaints, control, events
from store.engine import now_ms
from store.states import Event, Status
from store.tables import campaigns as campaigns_table
from store.values import CampaignState, Change


async def deliver(web: Web) -> None:
    """Let the first two be delivered to, in one go."""
    now = now_ms()
    talk = {"reply": "250 2.0.0 <b>Ok</b>", "host": "mx.d.test", "ip": "192.0.2.1", "local": "198.51.100.2", "tls": ""}
    async with web.db.write() as conn:
        await events.apply(conn, [Change(i, Event.ACCEPTED, now, detail=talk) for i in web.people[:2]], KEYS)


async def test_the_page_tells_the_whole_campaign_and_escapes_it(web: Web) -> None:
    await deliver(web)
    answer = await web.reader.get(f"/r/{web.word}")
    text = answer.text
    assert answer.status == 200 and answer.headers["cache-control"] == "no-store"
    assert "Rentrée" in text and "Société &lt;A&gt;" in text and "<A>" not in text
    assert "Le compte est bon" in text and "250 2.0.0 &lt;b&gt;Ok&lt;/b&gt;" in text
    assert re.search(r"<b>4</b> <span>lignes lues", text) and re.search(r"<b>3</b> <span>destinataires", text)
    assert "Adresse incorrecte" in text and "x@" in text
    for person in (2, 3, 4):
        assert f"r{person}@d.test" in text


async def test_a_held_campaign_says_why(web: Web) -> None:
    reasons = [
        {"code": "config", "line": 2, "text": "<b>"},
        {"code": "dkim", "text": "s._domainkey.a.test"},
        {"code": "new_one"},
    ]
    async with web.db.write() as conn:
        await campaigns.set_held(conn, web.campaign.id, reasons)
    text = (await web.reader.get(f"/r/{web.word}")).text
    assert "Config, ligne 2\u00a0: &lt;b&gt;" in text
    assert "vérifiée (s._domainkey.a.test)" in text and "<li>new_one</li>" in text
    assert "Config, line 2: &lt;b&gt;" in (await web.reader.get(f"/r/{web.word}/live?lang=en")).text.replace("\\", "")
    async with web.db.write() as conn:
        await control.stop(conn, web.campaign.id, 1)
    assert "La signature DKIM" not in (await web.reader.get(f"/r/{web.word}")).text


async def test_searches_in_a_queue_keep_nobody_from_reading(web: Web) -> None:
    heavy: asyncio.Semaphore = web.reader.app.state.heavy
    async with heavy, heavy:  # two long searches are at work
        waiting = [asyncio.create_task(web.reader.get(f"/r/{web.word}?q=Noël")) for _ in range(30)]
        async with asyncio.timeout(60):
            assert (await web.reader.get(f"/r/{web.word}")).status == 200
        assert not any(task.done() for task in waiting)
    assert {(await task).status for task in waiting} == {200}


async def test_the_page_speaks_english_when_asked(web: Web) -> None:
    for answer in (
        await web.reader.get(f"/r/{web.word}?lang=en"),
        await web.reader.get(f"/r/{web.word}", accept_language="en-US,en;q=0.9"),
    ):
        assert "Campaign report" in answer.text and '<html lang="en">' in answer.text


async def test_json_is_the_ledger(web: Web) -> None:
    await deliver(web)
    await web.reader.get(f"/c/{web.token(Purpose.CLICK)}")
    await web.judged()
    document = orjson.loads((await web.reader.get(f"/r/{web.word}.json")).body)
    assert document["state"] == "sending"
    assert (document["lines"], document["invalid"], document["recipients"]) == (4, 1, 3)
    assert set(document["statuses"]) == {status.code for status in Status}
    assert document["statuses"]["clicked"] == document["statuses"]["delivered"] == document["statuses"]["queued"] == 1
    assert document["rates"]["open"]["over_sent"] == 0.5


async def test_json_tells_the_clicks_of_every_zone(web: Web) -> None:
    for who, index in ((0, 0), (0, 0), (1, 0), (0, 1)):
        await web.reader.get(f"/c/{web.token(Purpose.CLICK, who, index)}")
    await web.reader.get(f"/c/{web.token(Purpose.CLICK, 1, 1)}", user_agent="BarracudaCentral/1.0")
    await web.judged()
    zones = orjson.loads((await web.reader.get(f"/r/{web.word}.json")).body)["links"]
    assert [(one["link"], one["clicks"], one["people"], one["machine"]) for one in zones] == [
        (0, 3, 2, 0), (1, 1, 1, 1), (2, 0, 0, 0), (3, 0, 0, 0),
    ]  # fmt: skip
    assert zones[1]["target"] == "https://shop.test/?n={{Nom}}" and zones[1]["part"] == "html"
    assert {one["anonymous"] for one in zones} == {0}


async def test_json_tells_complaints_by_provider(web: Web) -> None:
    now = now_ms()
    news = [complaints.Told(web.campaign.id, host, now, told) for host in ("o", "x") for told in (False, False, True)]
    async with web.db.write() as conn:
        await complaints.count(conn, news, {"o": "orange"}, 1)
    document = orjson.loads((await web.reader.get(f"/r/{web.word}.json")).body)
    assert document["providers"] == [
        {"provider": "", "name": "", "delivered": 2, "complaints": 1, "rate": 0.5, "threshold": None},
        {
            "provider": "orange", "name": "Orange, Wanadoo, Voila", "delivered": 2, "complaints": 1, "rate": 0.5,
            "threshold": 0.006,
        },
    ]  # fmt: skip


async def test_unknown_tokens_are_not_found_and_old_reports_gone(web: Web) -> None:
    for word in ("w" * 42, "W" * 43, "w" * 10, "é" * 30):
        assert (await web.reader.get(f"/r/{word}")).status == 404
    async with web.db.write() as conn:
        ended = now_ms() - 31 * 86_400_000
        await conn.execute(campaigns_table.update().values(finished_at=ended, state="finished"))
    for place in ("/details", "/export.xlsx", "/lines.csv", "/history/1"):
        assert (await web.reader.get(f"/r/{web.word}{place}")).status == 410
    totals = await web.reader.get(f"/r/{web.word}")
    assert totals.status == 200 and "les totaux restent" in totals.text and "d.test" not in totals.text
    assert (await web.reader.get(f"/r/{web.word}.json")).status == 200
    assert "details" not in (await web.reader.get(f"/r/{web.word}/live")).text


async def test_live_regions_are_parts_of_the_page(web: Web) -> None:
    news = orjson.loads((await web.reader.get(f"/r/{web.word}/live")).body)
    assert set(news["regions"]) == {*report.PARTS, "details"} and news["again"] == 2000
    page = (await web.reader.get(f"/r/{web.word}")).text
    assert all(f'data-region="{name}"' in page for name in news["regions"])
    assert all(news["regions"][name].strip() in page for name in report.PARTS)
    searching = orjson.loads((await web.reader.get(f"/r/{web.word}/live?q=r2")).body)
    assert "details" not in searching["regions"]


async def test_tabs_search_and_order_choose_recipients(web: Web) -> None:
    await deliver(web)

    async def listed(query: str) -> list[str]:
        return re.findall(r"(r\d)@d\.test</a>", (await web.reader.get(f"/r/{web.word}/details?{query}")).text)

    assert await listed("") == ["r2", "r3", "r4"]
    assert await listed("tab=delivered") == ["r2", "r3"]
    assert await listed("tab=cancelled") == []
    assert await listed("q=dupont%20r2") == ["r2"]
    assert await listed("q=100%25") == [] and await listed("q=_") == []
    assert await listed("sort=email&down=1") == ["r4", "r3", "r2"]
    assert await listed("sort=nonsense&tab=x&after=%%%&before=AAAA") == ["r2", "r3", "r4"]


async def test_the_story_shows_every_reply_and_only_of_this_campaign(web: Web) -> None:
    await deliver(web)
    answer = await web.reader.get(f"/r/{web.word}/history/1")
    assert "Accepté par le serveur distant" in answer.text and "250 2.0.0 &lt;b&gt;Ok" in answer.text
    assert "mx.d.test (192.0.2.1)" in answer.text and "198.51.100.2" in answer.text
    assert "Connexion non chiffrée" in answer.text
    fragment = await web.reader.get(f"/r/{web.word}/history/1?fragment=1")
    assert "<html" not in fragment.text and "250 2.0.0" in fragment.text
    for nobody in (99, 1 << 62, 1 << 80):
        assert (await web.reader.get(f"/r/{web.word}/history/{nobody}")).status == 404
    async with web.db.write() as conn:  # the same recipients, of another campaign now
        copied = (await conn.execute(campaigns_table.select())).first()
        assert copied is not None
        values = {**copied._mapping, "id": 2, "report_hash": b"2", "message_key": "other"}
        await conn.execute(campaigns_table.insert().values(values))
        await conn.exec_driver_sql("UPDATE recipients SET campaign_id = 2 WHERE id = 1")
    assert (await web.reader.get(f"/r/{web.word}/history/1")).status == 404


async def state(web: Web) -> CampaignState:
    async with web.db.read() as conn:
        campaign = await campaigns.get(conn, web.campaign.id)
    assert campaign is not None
    return campaign.state


@pytest.mark.parametrize(("action", "after"), [("stop", CampaignState.STOPPED), ("pause", CampaignState.PAUSED)])
async def test_an_action_is_asked_then_done_by_its_form_alone(web: Web, action: str, after: CampaignState) -> None:
    path = f"/r/{web.word}/{action}"
    page = await web.reader.get(path)
    assert page.status == 200 and await state(web) is CampaignState.SENDING
    word = re.search(r'name="proof" value="(\w+)"', page.text)
    assert word is not None
    for fields, headers in (
        ({}, {}),
        ({"proof": proof(web.word, "resume")}, {}),
        ({"proof": word[1]}, {"origin": "https://evil.test"}),
        ({"proof": word[1]}, {"sec_fetch_site": "cross-site"}),
    ):
        assert (await web.reader.post(path, fields, **headers)).status == 403
    assert await state(web) is CampaignState.SENDING
    done = await web.reader.post(path, {"proof": word[1]}, origin="null", sec_fetch_site="same-origin")
    assert (done.status, done.headers["location"]) == (303, f"/r/{web.word}")
    assert await state(web) is after
    assert (await web.reader.post(path, {"proof": word[1]})).status == 303, "twice is once"


async def test_the_link_alone_sends_nothing(web: Web) -> None:
    async with web.db.write() as conn:
        assert await control.pause(conn, web.campaign.id, now_ms())
    assert "a@a.test" in (await web.reader.get(f"/r/{web.word}/resume")).text, "the declared sender is asked"
    assert (await web.reader.post(f"/r/{web.word}/resume", {"proof": proof(web.word, "resume")})).status == 200
    assert await state(web) is CampaignState.PAUSED
    assert (await web.reader.get(f"/r/{web.word}/release")).status == 404


async def test_what_is_over_cannot_be_paused(web: Web) -> None:
    async with web.db.write() as conn:
        assert await control.stop(conn, web.campaign.id, now_ms())
    answer = await web.reader.post(f"/r/{web.word}/pause", {"proof": proof(web.word, "pause")})
    assert answer.status == 409 and await state(web) is CampaignState.STOPPED


async def test_a_report_is_there_as_long_as_the_setting_says(web: Web) -> None:
    async with web.db.write() as conn:
        await conn.execute(campaigns_table.update().values(finished_at=now_ms() - 31 * 86_400_000, state="finished"))
    longer = Reader(build(replace(web.reader.app.state.context, report_days=40)))
    assert (await longer.get(f"/r/{web.word}")).status == 200


async def test_a_stopped_report_says_who_got_nothing_and_waits_for_nothing(web: Web) -> None:
    async with web.db.write() as conn:
        await control.stop(conn, web.campaign.id, now_ms())
        await control.settle_stopped(conn, now_ms())
    text = (await web.reader.get(f"/r/{web.word}")).text
    assert "L&#39;envoi a été arrêté avant la fin\u00a0: 3 destinataires n&#39;ont rien reçu." in text
    assert "aucun envoi" in text and "pas encore d&#39;envoi" not in text
    assert "Aucun message n&#39;a été délivré." in text and "dès le premier message" not in text


async def test_nobody_opened_is_not_nothing_sent(web: Web) -> None:
    await deliver(web)
    text = (await web.reader.get(f"/r/{web.word}")).text
    assert "aucune ouverture" in text and "pas encore d&#39;envoi" not in text


async def test_an_erased_report_says_so_at_its_head_and_is_not_live(web: Web) -> None:
    async with web.db.write() as conn:
        over = update(campaigns_table).where(campaigns_table.c.id == web.campaign.id)
        await conn.execute(over.values(state="finished", finished_at=1, erased_at=1))
    head = (await web.reader.get(f"/r/{web.word}")).text.partition('<ul class="kpis">')[0]
    assert "Rapport archivé" in head and "plus aucun message" not in head
    assert 'id="live"' not in head and "Actualiser" not in head
