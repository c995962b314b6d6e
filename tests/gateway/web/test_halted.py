"""The report of a campaign under way tells which providers take nothing from us for now, and until when."""

from __future__ import annotations

import html
import re

import orjson
from web_fixture import Web

from config.providers import ABOUT_US
from gateway import i18n
from store import control, forecasts, pauses
from store.engine import now_ms
from store.forecasts import Row
from store.pauses import Kind, Pause

UNTIL = 4_102_491_600_000  # 1 January 2100, 09:00 UTC


async def put(web: Web) -> None:
    async with web.db.write() as conn:
        some = [
            Pause("orange", 1, UNTIL, "throttled", "orange"),
            Pause("orange", 2, now_ms() + 60_000, "throttled", "orange"),
            Pause("mx.a.test#01ab", 0, UNTIL, "reputation", "default", kind=Kind.SLOW, rate=60),
            Pause("sfr", 0, UNTIL, "authentication", "sfr", kind=Kind.NOTE),
        ]
        await pauses.set(conn, some, now_ms())


def above(page: str) -> str:
    """A page without its table, whose filter names providers too."""
    return page.partition('id="details"')[0]


async def test_pauses_are_shown_while_a_campaign_is_sent(web: Web) -> None:
    await put(web)
    page = html.unescape(above((await web.reader.get(f"/r/{web.word}")).text))
    orange = "Orange : en pause jusqu'au 01/01/2100 à 14 h 00 : trop de messages ou de connexions à la fois"
    assert i18n.spaced("fr", orange) in page
    assert page.count("<li>Orange\u00a0:") == 1 and "mx.a.test\u00a0: envoi ralenti" in page and "SFR" not in page
    english = (await web.reader.get(f"/r/{web.word}?lang=en")).text
    assert "Orange: paused until 1 Jan 2100 at 14:00: too many" in english and "mx.a.test: slowed down" in english
    document = orjson.loads((await web.reader.get(f"/r/{web.word}.json")).text)
    assert [(one["site"], one["kind"], one["until"]) for one in document["pauses"]] == [
        ("mx.a.test#01ab", "slow", UNTIL), ("orange", "pause", UNTIL),
    ]  # fmt: skip


async def test_a_campaign_that_is_not_sent_shows_none(web: Web) -> None:
    await put(web)
    async with web.db.write() as conn:
        await control.pause(conn, web.campaign.id, now_ms())
    assert "Orange" not in above((await web.reader.get(f"/r/{web.word}")).text)


async def test_a_suspended_account_is_told_on_the_report_and_in_the_history(web: Web) -> None:
    said, done = "Le compte est suspendu par l'administrateur", "Fait, avec toutes les campagnes du compte\u00a0:"
    async with web.db.write() as conn:
        row = Row(web.campaign.id, now_ms(), now_ms() + 3_600_000, "", "", 275, {"": (12, 10)})
        await forecasts.save(conn, row)
        halted = await control.suspend(conn, web.campaign.account_id, True, now_ms(), "lea@gw.test")
        assert halted.campaigns == 1 and halted.recipients == (await control.suspend(
            conn, web.campaign.account_id, True, now_ms())).recipients  # fmt: skip
    page = html.unescape((await web.reader.get(f"/r/{web.word}")).text)
    assert said in above(page) and "Fin estimée" not in page
    assert "Compte suspendu" in above(page) and "Envoi en cours" not in above(page)
    assert page.count(f"{done} le compte est suspendu") == 1, "once, though asked twice"
    document = orjson.loads((await web.reader.get(f"/r/{web.word}.json")).text)
    assert (document["suspended"], document["expected_end"]) == (True, None)
    async with web.db.write() as conn:
        await control.suspend(conn, web.campaign.account_id, False, now_ms(), "lea@gw.test")
    page = html.unescape((await web.reader.get(f"/r/{web.word}")).text)
    assert said not in page and f"{done} le compte est rétabli" in page
    assert "Fin estimée" in page and "lea@gw.test" in page


async def test_a_pause_of_today_tells_the_hour_and_how_many_wait(web: Web) -> None:
    now = now_ms()
    async with web.db.write() as conn:
        await pauses.set(conn, [Pause("orange", 0, now + 60_000, "throttled", "orange")], now)
        remaining = {"orange": (300, 270), "": (12, 0)}
        row = Row(web.campaign.id, now, None, "", "", 275, remaining, tried={"orange": 5})
        await forecasts.save(conn, row)
        assert (await forecasts.read(conn, [web.campaign.id]))[web.campaign.id].tried == {"orange": 5, "": 0}
    page = html.unescape((await web.reader.get(f"/r/{web.word}")).text)
    assert re.search(r"Orange\s: en pause jusqu'(à|au \S+ à) \d+ h \d\d, 275 en attente\s: trop de messages", page)
    rows = re.findall(r"<tr[^>]*><th[^>]*scope=\"row\">(.*?)</tr>", page[page.index("Fournisseurs de messagerie") :])
    told = [re.sub(r"<[^>]+>", " ", row).split() for row in rows]
    assert told[0][:4] == ["Orange", "300", "0", "3"] and " ".join(told[0]).find("En pause jusqu'") > 0
    assert told[1] == ["Autres", "domaines", "12", "0", "0", "Terminé"]


def test_every_reason_that_speaks_of_us_has_its_words() -> None:
    assert all(i18n.has(locale, f"halted.why_{word}") for word in ABOUT_US for locale in ("fr", "en"))
