"""Links are asked only where they may be: never merged ones, never those that act, never private addresses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.findings.links import askable, of_links
from mail.fetch import Client, Fetched, Trouble, Unfetched
from mail.resolver import Addresses, NoDomain, Resolver


class Names(Resolver):
    """A resolver whose DNS is a table: the network is a seam."""

    def __init__(self, **found: Any) -> None:
        self.found = {name.replace("__", "."): value for name, value in found.items()}

    async def addresses(self, host: str) -> Any:
        return self.found.get(host, NoDomain())


HERE = Addresses(("127.0.0.1",))


def link(target: str, label: str = "ici", merged: bool = False) -> dict[str, Any]:
    return {"index": 0, "part": "html", "target": target, "merged": merged, "label": label}


@asynccontextmanager
async def web(seen: list[bytes], silent: bool = False) -> AsyncIterator[int]:
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head)
        if silent:
            await over.wait()
        status = b"404 Not Found" if b"/gone" in head else b"405 No" if b"/refused" in head else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 5000\r\n\r\n")  # HEAD: no body follows
        await writer.drain()
        await over.wait()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    over.set()
    server.close()


def test_which_links_are_asked() -> None:
    links = [
        link("https://firm.test/a"),
        link("https://firm.test/a"),
        link("http://firm.test/b#part"),
        link("https://firm.test/{{Nom}}"),
        link("https://firm.test/c", merged=True),
        link("https://firm.test/unsubscribe?u=1"),
        link("https://firm.test/x", "Se désabonner"),
        link("https://firm.test/confirmer?token=abc"),
        link("mailto:a@firm.test"),
        link("tel:0612345678"),
        *[link(f"https://firm.test/many/{n}") for n in range(40)],
    ]
    found = askable(links)
    assert found[:3] == ["https://firm.test/a", "http://firm.test/b#part", "https://firm.test/many/0"]
    assert len(found) == 20


async def test_pages_that_are_gone() -> None:
    seen: list[bytes] = []
    async with web(seen) as port:
        base = f"http://firm.test:{port}"
        links = [link(f"{base}/{page}") for page in ("ok", "gone", "refused#x")] + [link("http://nowhere.test/")]
        found = await of_links(links, Client(Names(firm__test=HERE)), 5.0)
    assert [(one.code, one.values["what"], one.values["why"]) for one in found] == [
        ("link_dead", f"{base}/gone", "HTTP 404"),
        ("link_dead", "http://nowhere.test/", "DNS"),
    ]
    assert sorted(one.split(b" HTTP")[0] for one in seen) == [b"HEAD /gone", b"HEAD /ok", b"HEAD /refused"]


async def test_private_addresses_and_silence_are_no_findings() -> None:
    seen: list[bytes] = []
    async with web(seen, silent=True) as port:
        fenced = Names(inside__test=Addresses((), ("127.0.0.1",)), slow__test=HERE)
        links = [link(f"http://inside.test:{port}/gone"), link(f"http://slow.test:{port}/gone")]
        assert await of_links(links, Client(fenced), 0.3) == []
    assert all(b"inside.test" not in one for one in seen)


@pytest.mark.slow
async def test_head() -> None:
    client = Client(Names(firm__test=HERE, inside__test=Addresses((), ("10.0.0.1",))))
    for url in ("ftp://firm.test/", "http://user:pw@firm.test/", "http://[x/", "http:///x", "http://firm.test/é"):
        assert await client.head(url) == Unfetched(Trouble.URL)
    assert await client.head("http://inside.test/") == Unfetched(Trouble.FORBIDDEN)
    assert await client.head("http://none.test/") == Unfetched(Trouble.NO_HOST)
    async with web([]) as port:
        assert await client.head(f"http://firm.test:{port}/") == Fetched(200, "", b"")
        # plain text where TLS is expected
        assert isinstance(await client.head(f"https://firm.test:{port}/"), Unfetched)
