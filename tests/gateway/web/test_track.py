"""The pixel and the links: durable before the answer, exact targets, nothing for who is not tracked."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from web_fixture import Web

from gateway.web.track import GIF, location
from parsers.tokens import Purpose
from store.hits import Hit
from store.states import Event, Status


async def test_an_open_is_on_disk_before_the_gif(web: Web) -> None:
    answer = await web.reader.get(f"/o/{web.token(Purpose.OPEN)}.gif")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, GIF, "image/gif")
    assert answer.headers["cache-control"] == "no-store"
    assert (await web.person()).status is Status.OPENED
    (told,) = await web.story()
    assert told.event is Event.OPEN and "Firefox" in told.detail["agent"] and not told.machine
    assert (await web.ledger()).measures["opened"] == 1


async def test_a_click_goes_exactly_where_the_mail_says_and_implies_an_open(web: Web) -> None:
    answer = await web.reader.get(f"/c/{web.token(Purpose.CLICK)}")
    assert answer.status == 302 and answer.headers["cache-control"] == "no-store"
    assert answer.headers["location"] == "https://shop.test/a%20b/%C3%A9?x=1&amp=2&y=a+b#top"
    found = await web.person()
    assert found.status is Status.CLICKED and found.opened_at is not None and found.clicks == 1
    assert (await web.story())[0].detail["link"] == 0


@pytest.mark.parametrize(
    ("index", "who", "target"),
    [
        (1, 0, "https://shop.test/?n=Dupont%20%26%20fils"),
        (1, 1, "https://shop.test/?n=%3D1%2B1"),
        (2, 0, "https://own.test/%C3%A9?a=b"),
    ],
)
async def test_a_merged_target_is_the_recipient_s_own(web: Web, index: int, who: int, target: str) -> None:
    answer = await web.reader.get(f"/c/{web.token(Purpose.CLICK, who, index)}")
    assert (answer.status, answer.headers["location"]) == (302, target)


@pytest.mark.parametrize(("index", "who"), [(2, 1), (2, 2), (3, 0), (9, 0), (4095, 0)])
async def test_a_target_that_is_no_web_address_is_not_found(web: Web, index: int, who: int) -> None:
    answer = await web.reader.get(f"/c/{web.token(Purpose.CLICK, who, index)}")
    assert answer.status == 404 and "location" not in answer.headers
    assert await web.story(who) == []


async def test_a_head_request_and_a_robot_are_machines(web: Web) -> None:
    path = f"/c/{web.token(Purpose.CLICK)}"
    answer = await web.reader.ask("HEAD", path, b"", {})
    assert (answer.status, answer.body) == (302, b"")
    await web.reader.get(path, user_agent="BarracudaCentral/1.0")
    assert [(told.machine, told.detail["why"]) for told in await web.story()] == [(True, "head"), (True, "scanner")]
    ledger = await web.ledger()
    assert ledger.measures["machine_click"] == 2 and ledger.measures["clicked"] == 0
    assert (await web.person()).status is Status.QUEUED


async def test_of_who_is_not_tracked_nothing_is_recorded(web: Web) -> None:
    assert (await web.reader.get(f"/o/{web.token(Purpose.OPEN, 2)}.gif")).status == 200
    assert (await web.reader.get(f"/c/{web.token(Purpose.CLICK, 2)}")).status == 302
    assert await web.story(2) == [] and (await web.person(2)).status is Status.QUEUED


async def test_altered_tokens_and_tokens_of_other_purposes_are_not_found(web: Web) -> None:
    good = web.token(Purpose.CLICK)
    other = "b" if good[-1] != "b" else "c"
    for token in (good[:-1] + other, good.upper(), good + "a", web.token(Purpose.OPEN), "x", "%00"):
        assert (await web.reader.get(f"/c/{token}")).status == 404
        assert (await web.reader.get(f"/o/{token if token != web.token(Purpose.OPEN) else good}.gif")).status == 404
    assert await web.story() == []


async def test_a_burst_is_written_in_few_transactions(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    writes, asked = itertools.count(), asyncio.Semaphore(0)
    write, submit = web.db.write, web.recorder.submit

    def counted() -> Any:
        next(writes)
        return write()

    def told(hit: Hit, told: Callable[[bool], None]) -> None:
        submit(hit, told)
        asked.release()

    monkeypatch.setattr(web.db, "write", counted)
    monkeypatch.setattr(web.recorder, "submit", told)
    async with write():  # the first is being written, and the disk takes its time
        reading = [asyncio.create_task(web.reader.get(f"/c/{web.token(Purpose.CLICK)}")) for _ in range(80)]
        for _ in reading:
            await asyncio.wait_for(asked.acquire(), 60)
    assert {(await answer).status for answer in reading} == {302}
    assert (await web.person()).clicks == 80
    assert next(writes) < 10


async def test_a_redirect_works_while_the_database_takes_no_writes(web: Web) -> None:
    web.recorder._patience = 0.05
    async with web.db.write():  # somebody holds the database
        answer = await web.reader.get(f"/c/{web.token(Purpose.CLICK)}")
        pixel = await web.reader.get(f"/o/{web.token(Purpose.OPEN)}.gif")
    assert (answer.status, pixel.status) == (302, 200)
    web.recorder._patience = 5.0
    await web.reader.get(f"/c/{web.token(Purpose.CLICK)}")  # durable, and behind the two that waited
    assert (await web.person()).clicks == 2, "the hits that waited were written once it was free"


async def test_the_link_that_nobody_sees_gives_its_follower_away(web: Web) -> None:
    await web.reader.get(f"/o/{web.token(Purpose.OPEN)}.gif")
    hidden = len(web.campaign.links)
    answer = await web.reader.get(f"/c/{web.token(Purpose.CLICK, 0, hidden)}")
    assert (answer.status, answer.body) == (204, b"")
    assert [told.detail["why"] for told in await web.story()] == ["hidden", "hidden"]
    assert (await web.person()).status is Status.QUEUED
    assert (await web.reader.get(f"/c/{web.token(Purpose.CLICK, 2, hidden)}")).status == 204
    assert await web.story(2) == []


@settings(deadline=None)
@given(st.text())
def test_a_location_is_always_one_header_line(target: str) -> None:
    value = location(target)
    assert value.isascii() and not set(value) & set(b"\r\n \t\0")
    printable = "".join(chr(c) for c in range(0x21, 0x7F))
    assert location(printable) == printable.encode()
