"""The short way answers exactly as the long one does, over a real connection, and asks the database once for many."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from web_fixture import Web
from web_helpers import AGENT

from config.settings import Settings
from gateway.web import express, serve
from gateway.web.lookup import Lookup
from parsers.tokens import Purpose
from store.addressees import Addressee
from store.values import Tracked

LONG = "TE: trailers\r\n"  # sends a request the long way
_DATE = re.compile(rb"\r\ndate: [^\r]*")


@dataclass(frozen=True, slots=True)
class Line:
    """One connection to the running server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, body: bool = True) -> bytes:
        """The next answer, without its date."""
        async with asyncio.timeout(60):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: (\d+)", head)
            size = int(length[1]) if length and body else 0
            return _DATE.sub(b"", head) + await self.reader.readexactly(size)

    async def ask(self, method: str, path: str, more: str = "") -> bytes:
        await self.say(request(method, path, more))
        return await self.answer(body=method != "HEAD")


def request(method: str, path: str, more: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: gw\r\nUser-Agent: {AGENT}\r\n{more}\r\n".encode()


@dataclass(frozen=True, slots=True)
class House:
    """The server, and how many requests took the short way."""

    web: Web
    server: serve.Server
    port: int
    short: list[bytes]

    @contextlib.asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Line(reader, writer)
        finally:
            writer.close()


@pytest.fixture
async def house(web: Web, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setenv("MAIL2CAMPAIGN_GATEWAY__DOMAIN", "gateway.test")
    short: list[bytes] = []
    answer = express.Express._answer

    def counted(self: express.Express, status: bytes, head: bytes, body: bytes) -> None:
        short.append(status)
        answer(self, status, head, body)

    monkeypatch.setattr(express.Express, "_answer", counted)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = serve.Server(serve.configuration(Settings(), web.reader.app))
        running = asyncio.create_task(server.serve([listening]))
        async with asyncio.timeout(60):
            while not server.started:
                await asyncio.sleep(0.01)
        yield House(web, server, listening.getsockname()[1], short)
        server.should_exit = True
        await running


def paths(web: Web) -> list[str]:
    token = web.token(Purpose.OPEN)
    altered = token[:-1] + ("2" if token[-1] != "2" else "3")
    return [
        f"/o/{web.token(Purpose.OPEN)}.gif",
        f"/o/{web.token(Purpose.OPEN, 2)}.gif",  # of somebody who is not followed
        f"/o/{altered}.gif",
        f"/o/{web.token(Purpose.CLICK)}.gif",  # made for something else
        f"/c/{web.token(Purpose.CLICK)}",
        f"/c/{web.token(Purpose.CLICK, 2)}",
        f"/c/{web.token(Purpose.CLICK, 0, 1)}",  # with merged values
        f"/c/{web.token(Purpose.CLICK, 0, 3)}",  # not http
        f"/c/{web.token(Purpose.CLICK, 0, 4)}",  # the link that nobody sees
        f"/c/{web.token(Purpose.CLICK).upper()}",
    ]


HEAD = pytest.param(
    "HEAD", marks=pytest.mark.costly("gateway/web/test_express.py::test_the_same_answer_as_the_long_way")
)


@pytest.mark.parametrize("method", ["GET", HEAD])
async def test_the_same_answer_as_the_long_way(house: House, method: str) -> None:
    async with house.line() as line:
        for which, path in enumerate(paths(house.web)):
            earlier = [[one.detail for one in await house.web.story(who)] for who in range(3)]
            long = await line.ask(method, path, LONG)
            assert house.short == [], path
            before = [[one.detail for one in await house.web.story(who)] for who in range(3)]
            short = await line.ask(method, path)
            both = [[one.detail for one in await house.web.story(who)] for who in range(3)]
            assert short == long, path
            once, twice = added(earlier, before), added(before, both)
            assert once == twice, f"{path}: as often on record, with the same words"
            assert len(house.short) == (1 if which in (0, 1, 4, 5) else 0), path
            house.short.clear()


def added(before: list[list[dict[str, Any]]], after: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    """What came on record of each person."""
    return [new[len(old) :] for old, new in zip(before, after, strict=True)]


async def test_what_is_not_plain_goes_the_long_way(house: House) -> None:
    path = f"/o/{house.web.token(Purpose.OPEN)}.gif"
    odd = ["Content-Length: 0\r\n", "Connection: keep-alive, x\r\n", "Expect: x\r\n", "X-Folded: a\r\n\tb\r\n"]
    async with house.line() as line:
        for more in odd:
            assert (await line.ask("GET", path, more))[:12] in (b"HTTP/1.1 200", b"HTTP/1.1 400")
            if more == odd[-1]:
                break
    async with house.line() as line:
        await line.say(f"GET {path} HTTP/1.1\r\nUser-Agent: x\r\n\r\n".encode())  # no Host
        await line.answer()
    async with house.line() as line:
        await line.say(f"GET {path}?x=1 HTTP/1.1\r\nHost: gw\r\n\r\n".encode())
        assert (await line.answer()).startswith(b"HTTP/1.1 200")
    assert house.short == []


async def test_requests_in_pieces_and_in_a_row_are_answered_in_order(house: House) -> None:
    click, pixel = f"/c/{house.web.token(Purpose.CLICK)}", f"/o/{house.web.token(Purpose.OPEN)}.gif"
    async with house.line() as line:
        whole = request("GET", pixel)
        await line.say(whole[:20])
        await asyncio.sleep(0.05)
        await line.say(whole[20:])
        assert (await line.answer()).startswith(b"HTTP/1.1 200")
        await line.say(request("GET", click) + request("GET", pixel) + request("GET", "/healthz"))
        assert [(await line.answer())[9:12] for _ in range(3)] == [b"302", b"200", b"200"]
        await line.ask("GET", pixel)  # and the short way is open again
    assert len(house.short) == 1


@pytest.mark.parametrize("first", ["pixel", "click"])
async def test_what_comes_ahead_of_an_answer_waits_its_turn(
    house: House, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    click, pixel = f"/c/{house.web.token(Purpose.CLICK)}", f"/o/{house.web.token(Purpose.OPEN)}.gif"
    whole, asked, released = house.web.recorder._apply, asyncio.Event(), asyncio.Event()

    async def held(batch: Any) -> int:
        asked.set()
        await released.wait()
        return await whole(batch)

    monkeypatch.setattr(house.web.recorder, "_apply", held)
    async with house.line() as line:
        await line.ask("GET", "/healthz")
        if first == "click":  # makes the campaign known
            released.set()
            await line.ask("GET", click)
            released.clear()
            asked.clear()
        await line.say(request("GET", pixel if first == "pixel" else click))
        await asked.wait()
        await line.say(request("GET", "/healthz"))
        await line.say(request("GET", pixel))
        await asyncio.sleep(0.05)
        released.set()
        codes = [(await line.answer())[9:12] for _ in range(3)]
    assert codes == [b"200" if first == "pixel" else b"302", b"200", b"200"]
    assert len(house.short) >= 1


async def test_an_answer_waits_for_the_disk_but_not_for_ever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, path = house.web.recorder, f"/o/{house.web.token(Purpose.OPEN)}.gif"
    recorder._patience = 0.3
    released = asyncio.Event()
    whole = recorder._apply

    async def held(batch: Any) -> int:
        await released.wait()
        return await whole(batch)

    monkeypatch.setattr(recorder, "_apply", held)
    async with house.line() as line:
        await line.say(request("GET", path))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(line.reader.read(1), 0.1)
        assert (await line.answer()).startswith(b"HTTP/1.1 200")
        assert await house.web.story() == []
        released.set()
        async with asyncio.timeout(60):
            while not await house.web.story():
                await asyncio.sleep(0.02)
        assert len(await house.web.story()) == 1


async def test_the_end_of_the_server_waits_for_the_disk(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, asked = house.web.recorder._apply, asyncio.Event()

    async def slow(batch: Any) -> int:
        asked.set()
        await asyncio.sleep(0.2)
        return await whole(batch)

    monkeypatch.setattr(house.web.recorder, "_apply", slow)
    async with house.line() as line:
        await line.say(request("GET", f"/o/{house.web.token(Purpose.OPEN)}.gif"))
        await asked.wait()
        house.server.should_exit = True
        assert (await line.answer()).startswith(b"HTTP/1.1 200")
        assert await asyncio.wait_for(line.reader.read(), 60) == b""
    assert len(await house.web.story()) == 1


async def test_who_leaves_before_the_answer_is_on_record_all_the_same(house: House) -> None:
    async with house.line() as line:
        await line.say(request("GET", f"/o/{house.web.token(Purpose.OPEN)}.gif"))
    async with asyncio.timeout(60):
        while not await house.web.story():
            await asyncio.sleep(0.02)


async def test_many_who_ask_at_once_are_looked_up_together(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, whole = 0, web.db.read

    def counted() -> Any:
        nonlocal reads
        reads += 1
        return whole()

    monkeypatch.setattr(web.db, "read", counted)
    found = await looked_up(web, [*web.people, *web.people, 999_999])
    assert [one and one.tracked for one in found] == [Tracked.FULL, Tracked.FULL, Tracked.NONE] * 2 + [None]
    assert reads == 1


async def test_nobody_is_found_while_the_database_is_away(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise OSError("away")

    monkeypatch.setattr(web.db, "read", broken)
    assert await looked_up(web, list(web.people)) == [None] * 3
    monkeypatch.undo()
    assert (await looked_up(web, [web.people[0]]))[0] is not None


async def looked_up(web: Web, ids: list[int]) -> list[Addressee | None]:
    lookup, found = Lookup(web.db), dict[int, Addressee | None]()
    done: list[asyncio.Future[None]] = []
    for at, one in enumerate(ids):
        future = asyncio.get_running_loop().create_future()
        done.append(future)

        def told(person: Addressee | None, at: int = at, future: asyncio.Future[None] = future) -> None:
            found[at] = person
            future.set_result(None)

        lookup.ask(one, told)
    await asyncio.gather(*done)
    return [found[at] for at in range(len(ids))]
