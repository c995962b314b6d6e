"""The expected end on the report page, in its live parts, and for programs."""

from __future__ import annotations

import json

from web_fixture import Web

from store import control, forecasts
from store.engine import now_ms
from store.forecasts import Row


async def test_the_page_and_programs_are_told_the_expected_end(web: Web) -> None:
    before = json.loads((await web.reader.get(f"/r/{web.word}.json")).text)
    assert (before["expected_end"], before["expected_reason"]) == (None, None)
    ends_at = now_ms() + 50 * 3_600_000
    async with web.db.write() as conn:
        await forecasts.save(conn, Row(web.campaign.id, now_ms(), ends_at, "warmup", "orange", 3))
    page = (await web.reader.get(f"/r/{web.word}")).text
    assert "Fin estimée le " in page and "\u00a0: Orange limité par le rodage" in page
    live = json.loads((await web.reader.get(f"/r/{web.word}/live?lang=en")).text)["regions"]["head"]
    assert "Expected end on " in live and ": Orange limited by the warm-up" in live
    told = json.loads((await web.reader.get(f"/r/{web.word}.json?lang=en")).text)
    assert told["expected_end"].endswith("+00:00")
    assert told["expected_reason"] == "Orange limited by the warm-up"
    async with web.db.write() as conn:
        await control.pause(conn, web.campaign.id, now_ms())
    assert "Fin estimée" not in (await web.reader.get(f"/r/{web.word}")).text
