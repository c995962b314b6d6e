"""The short way answers exactly as the long one does, and asks the database once for many."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request
from web_fixture import Web

from gateway.web import track
from gateway.web.guard import Guard
from gateway.web.lookup import Lookup
from parsers.tokens import Purpose
from store.values import Tracked


class Long:
    """The long way alone, in the same application."""

    def __init__(self, web: Web) -> None:
        self.state = web.reader.app.state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def answer(scope: Any, receive: Any, send: Any) -> None:
            scope["app"] = self
            kind, _, token = scope["path"][1:].partition("/")
            scope["path_params"] = {"token": token.removesuffix(".gif")}
            asked = Request(scope, receive)
            response = await (track.pixel if kind == "o" else track.click)(asked)
            await response(scope, receive, send)

        await Guard(answer)(scope, receive, send)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("who", [0, 2])
@pytest.mark.parametrize("kind", ["o", "c"])
async def test_the_same_answer_as_the_long_way(web: Web, method: str, who: int, kind: str) -> None:
    path = f"/o/{web.token(Purpose.OPEN, who)}.gif" if kind == "o" else f"/c/{web.token(Purpose.CLICK, who)}"
    short = await web.reader.ask(method, path, b"", {"user-agent": " Thunderbird/128.0 ", "sec-purpose": "none"})
    story = await web.story(who)
    long = await type(web.reader)(Long(web)).ask(method, path, b"", {"user-agent": " Thunderbird/128.0 "})  # type: ignore[arg-type]
    assert (short.status, short.body, short.headers) == (long.status, long.body, long.headers)
    both = await web.story(who)
    assert [one.detail for one in both] == [one.detail for one in story] * 2
    assert len(story) == (0 if who == 2 else 1)


async def test_many_who_ask_at_once_are_looked_up_together(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = 0
    whole = web.db.read

    def counted() -> Any:
        nonlocal reads
        reads += 1
        return whole()

    monkeypatch.setattr(web.db, "read", counted)
    lookup = Lookup(web.db)
    found = await asyncio.gather(*(lookup.find(one) for one in [*web.people, *web.people, 999_999]))
    assert [one and one.tracked for one in found] == [Tracked.FULL, Tracked.FULL, Tracked.NONE] * 2 + [None]
    assert reads == 1


async def test_trouble_is_told_to_everybody_who_waits(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise OSError("away")

    monkeypatch.setattr(web.db, "read", broken)
    lookup = Lookup(web.db)
    told = await asyncio.gather(*(lookup.find(one) for one in web.people), return_exceptions=True)
    assert [type(one) for one in told] == [OSError] * 3
    monkeypatch.undo()
    assert await lookup.find(web.people[0]) is not None
