"""The report of a campaign under way tells which providers take nothing from us for now, and until when."""

from __future__ import annotations

import orjson
from web_fixture import Web

from config.providers import ABOUT_US
from gateway import i18n
from store import control, pauses
from store.engine import now_ms
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


async def test_pauses_are_shown_while_a_campaign_is_sent(web: Web) -> None:
    await put(web)
    text = (await web.reader.get(f"/r/{web.word}")).text
    assert (
        "Orange, Wanadoo, Voila : en pause jusqu&#39;à" in text or "Orange, Wanadoo, Voila : en pause jusqu'à" in text
    )
    assert text.count("Orange, Wanadoo") == 1 and "trop de messages ou de connexions" in text
    assert "mx.a.test : envoi ralenti" in text and "SFR" not in text
    english = (await web.reader.get(f"/r/{web.word}?lang=en")).text
    assert "Orange, Wanadoo, Voila: paused until" in english and "mx.a.test: slowed down" in english
    document = orjson.loads((await web.reader.get(f"/r/{web.word}.json")).text)
    assert [(one["site"], one["kind"], one["until"]) for one in document["pauses"]] == [
        ("mx.a.test#01ab", "slow", UNTIL), ("orange", "pause", UNTIL),
    ]  # fmt: skip


async def test_a_campaign_that_is_not_sent_shows_none(web: Web) -> None:
    await put(web)
    async with web.db.write() as conn:
        await control.pause(conn, web.campaign.id, now_ms())
    assert "Wanadoo" not in (await web.reader.get(f"/r/{web.word}")).text


def test_every_reason_that_speaks_of_us_has_its_words() -> None:
    assert all(i18n.has(locale, f"halted.why_{word}") for word in ABOUT_US for locale in ("fr", "en"))
