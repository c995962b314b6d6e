"""The stream of a report's news: one look for everybody, bounded, ended with the campaign, never a secret for ever."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from store_helpers import KEYS
from web_fixture import Web

from gateway.web import events as streaming
from gateway.web import look, report
from store import control, events, links
from store.engine import now_ms
from store.states import Event
from store.values import Change

News = asyncio.Queue[tuple[str, dict[str, Any]]]


@asynccontextmanager
async def following(web: Web, word: str = "") -> AsyncIterator[News]:
    """Read a stream as a browser does, until the block ends: then the browser goes away."""
    gone, news = asyncio.Event(), News()

    async def receive() -> MutableMapping[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            await news.put(("status", {"status": message["status"], "headers": dict(message["headers"])}))
        for block in message.get("body", b"").split(b"\n\n"):
            if block.startswith(b"event: "):
                name, _, data = block.removeprefix(b"event: ").partition(b"\ndata: ")
                await news.put((name.decode(), orjson.loads(data)))

    path = f"/r/{word or web.word}/events"
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"gateway.test")], "client": ("192.0.2.9", 4000), "server": ("gateway.test", 80),
    }  # fmt: skip
    task = asyncio.create_task(web.reader.app(scope, receive, send))
    try:
        yield news
    finally:
        gone.set()
        async with asyncio.timeout(60):
            await task


async def told(news: News) -> tuple[str, dict[str, Any]]:
    async with asyncio.timeout(60):
        return await news.get()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SOON", "LATER"):
        monkeypatch.setattr(report, name, 50)


async def deliver(web: Web, who: int) -> None:
    async with web.db.write() as conn:
        await events.apply(conn, [Change(web.people[who], Event.ACCEPTED, now_ms(), detail={"reply": "250"})], KEYS)


@pytest.mark.usefixtures("quick")
async def test_news_come_as_they_happen_and_end_with_the_campaign(web: Web) -> None:
    async with following(web) as news:
        kind, head = await told(news)
        assert head["status"] == 200 and head["headers"][b"content-type"].startswith(b"text/event-stream")
        kind, first = await told(news)
        assert kind == "news" and set(first["regions"]) == set(report.PARTS)
        await deliver(web, 0)
        kind, second = await told(news)
        assert kind == "news" and 0 < len(second["regions"]) <= len(first["regions"])
        async with web.db.write() as conn:
            await control.stop(conn, web.campaign.id, now_ms())
        kinds = [(await told(news))[0] for _ in range(2)]
        assert kinds == ["news", "end"]
    assert (await web.reader.get(f"/r/{web.word}/events")).status == 204, "a browser then comes no more"


@pytest.mark.usefixtures("quick")
async def test_all_streams_share_one_look(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    really = look.read

    async def counted(conn: Any, campaign: Any) -> look.Look:
        nonlocal looks
        looks += 1
        return await really(conn, campaign)

    monkeypatch.setattr(look, "read", counted)
    monkeypatch.setattr(report, "SOON", 60_000)
    async with following(web) as one, following(web) as two, following(web) as three:
        for news in (one, two, three):
            assert (await told(news))[0] == "status" and (await told(news))[0] == "news"
    assert looks == 1


@pytest.mark.usefixtures("quick")
async def test_streams_are_bounded_and_end_when_the_process_does(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "MOST_OF_ONE", 1)
    async with following(web) as news:
        assert (await told(news))[0] == "status" and (await told(news))[0] == "news"
        refused = await web.reader.get(f"/r/{web.word}/events")
        assert refused.status == 503 and refused.headers["retry-after"]
    async with following(web) as news:
        assert (await told(news))[1]["status"] == 200, "the place of who left is free again"
        await told(news)
        web.reader.app.state.streams.close()
        await asyncio.sleep(0.1)
    assert (await web.reader.get(f"/r/{web.word}/events")).status == 503


@pytest.mark.usefixtures("quick")
async def test_a_quiet_stream_beats_and_does_not_last_for_ever(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(0.0, 8.0)  # at each look at the clock, eight seconds have gone by
    monkeypatch.setattr(streaming, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    answer = await web.reader.get(f"/r/{web.word}/events")
    assert answer.text.startswith("retry: ") and answer.text.count("event: news") == 1
    assert answer.text.count("event: beat") >= 2 and "event: end" not in answer.text


async def test_a_link_that_was_revoked_follows_nothing(web: Web) -> None:
    async with web.db.write() as conn:
        word = await links.add(conn, b"s", web.campaign.id, "x@a.test", now_ms())
    async with following(web, word) as news:
        assert (await told(news))[1]["status"] == 200
        kind, first = await told(news)
        assert kind == "news" and "/stop" not in first["regions"]["head"], "it only reads"
    async with web.db.write() as conn:
        assert await links.revoke(conn, web.campaign.id, 1, now_ms())
    assert (await web.reader.get(f"/r/{word}/events")).status == 410
    assert (await web.reader.get(f"/r/{'x' * 43}/events")).status == 404
