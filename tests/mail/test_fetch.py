"""The HTTPS client against servers on loopback: what it takes, and what it must not take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tls_kit import DAY, issue

from mail.fetch import Client, Fetched, Trouble, Unfetched
from mail.resolver import Addresses, DnsTrouble, NoDomain, Resolver

CA = trustme.CA()


class Names(Resolver):
    """A resolver whose DNS is a table: the network is a seam."""

    def __init__(self, found: dict[str, Addresses | NoDomain | DnsTrouble]) -> None:
        self.found, self.asked = found, 0

    async def addresses(self, host: str) -> Addresses | NoDomain | DnsTrouble:
        self.asked += 1
        return self.found.get(host, NoDomain())


@dataclass
class Web:
    """Says `answer` to every request."""

    port: int = 0
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nok"
    silent: bool = False
    requests: list[bytes] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            size = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self.requests.append(head + await reader.readexactly(int(size or 0)))
            if self.silent:
                await self.over.wait()
            writer.write(self.answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    made = Web()
    context = issue(CA, "web.test").context()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    made.over.set()
    server.close()


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


HERE = Addresses(("127.0.0.1",))


def client(web: Web, ca_file: Path, timeout: float = 5.0, **found: Addresses | NoDomain | DnsTrouble) -> Client:
    return Client(Names({"web.test": HERE, **found}), ca_file, web.port, timeout)


async def test_an_answer(web: Web, ca_file: Path) -> None:
    got = await client(web, ca_file).get("web.test", "/.well-known/mta-sts.txt", 100)
    assert got == Fetched(200, "text/plain", b"ok")
    assert web.requests[0].startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: web.test:")


async def test_a_post(web: Web, ca_file: Path) -> None:
    url = f"https://WEB.test:{web.port}/tls?x=1"
    got = await client(web, ca_file).post(url, b"\x1f\x8b body", "application/tlsrpt+gzip")
    assert got == Fetched(200, "text/plain", b"ok")
    assert web.requests[0].startswith(b"POST /tls?x=1 HTTP/1.1\r\n")
    assert web.requests[0].endswith(b"Content-Type: application/tlsrpt+gzip\r\nContent-Length: 7\r\n\r\n\x1f\x8b body")


async def test_a_redirect_is_not_followed(web: Web, ca_file: Path) -> None:
    web.answer = b"HTTP/1.1 302 Found\r\nLocation: https://web.test/other\r\nContent-Length: 0\r\n\r\n"
    got = await client(web, ca_file).get("web.test", "/", 100)
    assert isinstance(got, Fetched) and got.status == 302
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (NoDomain(), Trouble.NO_HOST),
        (NoDomain(exists=True), Trouble.DNS),
        (DnsTrouble("SERVFAIL"), Trouble.DNS),
        (Addresses((), ("127.0.0.1", "10.0.0.1")), Trouble.FORBIDDEN),
    ],
)
async def test_only_addresses_that_may_be_dialled(
    web: Web, ca_file: Path, found: Addresses | NoDomain | DnsTrouble, why: Trouble
) -> None:
    got = await Client(Names({"web.test": found}), ca_file, web.port).get("web.test", "/", 100)
    assert got == Unfetched(why)
    assert web.requests == []


async def test_the_address_is_resolved_once(web: Web, ca_file: Path) -> None:
    names = Names({"web.test": HERE})
    await Client(names, ca_file, web.port).get("web.test", "/", 100)
    assert names.asked == 1  # a second answer could be another address (DNS rebinding)


async def test_the_certificate_must_be_good_and_name_the_host(web: Web, ca_file: Path) -> None:
    got = await Client(Names({"other.test": HERE}), ca_file, web.port).get("other.test", "/", 100)
    assert isinstance(got, Unfetched) and got.why is Trouble.CERTIFICATE
    got = await Client(Names({"web.test": HERE}), None, web.port).get("web.test", "/", 100)
    assert isinstance(got, Unfetched) and got.why is Trouble.CERTIFICATE
    old = await asyncio.start_server(
        web.serve, "127.0.0.1", 0, ssl=issue(CA, "web.test", age=9 * DAY, left=-DAY).context()
    )
    got = await Client(Names({"web.test": HERE}), ca_file, old.sockets[0].getsockname()[1]).get("web.test", "/", 100)
    assert got == Unfetched(Trouble.CERTIFICATE, "certificate has expired")
    assert web.requests == []
    old.close()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101, Trouble.SIZE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n" + b"x" * 200, Trouble.SIZE),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"64\r\n" + b"x" * 100 + b"\r\n" * 9, Trouble.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 60_000 + b"\r\n\r\n", Trouble.SIZE),
        (b"HTTP/1.1 200 OK\r\n\r\nends with the connection", Trouble.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut short", Trouble.PROTOCOL),
        (b"220 mail.test ESMTP\r\n", Trouble.PROTOCOL),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Trouble.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", Trouble.PROTOCOL),
        (b"", Trouble.PROTOCOL),
    ],
)  # fmt: skip
async def test_answers_that_are_none(web: Web, ca_file: Path, answer: bytes, why: Trouble) -> None:
    web.answer = answer
    got = await client(web, ca_file).get("web.test", "/", 100)
    assert isinstance(got, Unfetched) and got.why is why


async def test_early_hints_pass_by_and_chunks_are_joined(web: Web, ca_file: Path) -> None:
    web.answer = (
        b"HTTP/1.1 103 Early Hints\r\nContent-Type: a/b\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    )
    assert await client(web, ca_file).get("web.test", "/", 100) == Fetched(200, "", b"abc")


async def test_silence_has_an_end(web: Web, ca_file: Path) -> None:
    web.silent = True
    assert await client(web, ca_file, timeout=0.2).get("web.test", "/", 100) == Unfetched(Trouble.TIMEOUT)


@pytest.mark.parametrize(
    "url",
    ["http://web.test/", "https://user@web.test/", "https://[::1/", "https://web.test:99999/", "ftp://web.test/",
     "https:///x", "https://we b.test/", "https://web.test/a b", "https://web.test/\r\nX: y", "https://wéb.test/"],
)  # fmt: skip
async def test_urls_that_are_refused(web: Web, ca_file: Path, url: str) -> None:
    got = await client(web, ca_file).post(url, b"", "text/plain")
    assert got == Unfetched(Trouble.URL)
    assert web.requests == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
async def test_any_text_is_a_url_or_not(text: str) -> None:
    for url in (text, f"https://{text}", f"https://web.test/{text}"):
        got = await Client(Names({}), None, 443).post(url, b"", "text/plain")
        assert isinstance(got, Unfetched)
