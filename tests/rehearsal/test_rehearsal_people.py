"""People read, click, complain; servers bounce; and the internet is a process that ends with its parent."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from email import message_from_bytes
from pathlib import Path

import aiosmtplib
import dns.asyncresolver
import flufl.bounce
import pytest

from gateway.rehearsal import letters
from gateway.rehearsal.mailroom import Arrival
from gateway.rehearsal.people import People
from gateway.rehearsal.web import FILTER, fetch, read_html
from gateway.rehearsal.world import SPECIAL, USER, Habit, habit, house_of

SENDER = "bounce+abcdefghijklmnopqrstuvwxyz2345@m.test"


class Web:
    """A scripted web server: remembers what was asked, answers as a tracker does."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, str]] = []
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split("\r\n")[0].split(" ")
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        form = (await reader.readexactly(int(fields.get("Content-Length", 0)))).decode()
        self.asked.append((method, path, fields["User-Agent"], form))
        found = path.startswith("/c/")
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: https://cible.test/\r\n\r\n" if found else b"HTTP/1.1 200 OK\r\n\r\n"
        )
        await writer.drain()
        writer.close()


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    served = Web()
    server = await asyncio.start_server(served.handle, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield served
    server.close()


class Post:
    """Where the people's mails go."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []

    async def send(self, sender: str, recipient: str, raw: bytes) -> None:
        self.sent.append((sender, recipient, raw))


def arrival(address: str, url: str = "http://127.0.0.1:1") -> Arrival:
    house = house_of(address.rpartition("@")[2])
    assert house is not None
    html = f'<p><a href="{url}/c/1">lien</a> <a href="{url}/u/1">fin</a><img src="cid:logo"><img src="{url}/o/1.gif">'
    raw = (
        f"From: Agnes <agnes@m.test>\r\nTo: {address}\r\nSubject: Invitation\r\nMessage-ID: <1@m.test>\r\n"
        f"List-Unsubscribe: <{url}/u/1>,\r\n <mailto:stop+tok@m.test?subject=STOP>\r\n"
        f"Content-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n"
    )
    return Arrival(house, SENDER, address, "<1@m.test>", raw.encode())


async def lived(address: str, web: Web) -> tuple[People, Post]:
    post = Post()
    people = People("m.test", post.send, pace=0.0)
    people.receive(arrival(address, web.url))
    async with asyncio.timeout(60):
        while not people.idle:
            await asyncio.sleep(0)
    assert people.counts["surprises"] == 0, list(people.feed)
    return people, post


def somebody(wanted: Habit) -> str:
    return next(a for n in range(1000) if habit(a := f"p{n}@lycee-horizon.test") is wanted)


async def test_opening_loads_the_remote_image_only(web: Web) -> None:
    people, _post = await lived(somebody(Habit.OPEN), web)
    assert [(method, path) for method, path, _, _ in web.asked] == [("GET", "/o/1.gif")]
    assert people.counts == {"opened": 1}


async def test_clicking_opens_first_and_never_unsubscribes(web: Web) -> None:
    people, _post = await lived(somebody(Habit.CLICK), web)
    assert [(method, path) for method, path, _, _ in web.asked] == [("GET", "/o/1.gif"), ("GET", "/c/1")]
    assert people.counts == {"opened": 1, "clicked": 1}
    assert people.feed[-1]["how"] == "https://cible.test/"


async def test_a_filter_follows_every_link(web: Web) -> None:
    people, _post = await lived(somebody(Habit.SCANNER), web)
    assert {path for _, path, _, _ in web.asked} == {"/c/1", "/u/1"}
    assert {agent for _, _, agent, _ in web.asked} == {FILTER}
    assert people.counts == {"scanned": 1}


async def test_one_click_is_a_post_with_its_form(web: Web) -> None:
    people, _post = await lived(next(a for a, h in SPECIAL.items() if h is Habit.ONE_CLICK), web)
    assert web.asked[-1][:2] == ("POST", "/u/1")
    assert web.asked[-1][3] == "List-Unsubscribe=One-Click"  # RFC 8058 section 3.1
    assert people.counts["unsubscribed"] == 1


async def test_a_stop_mail_goes_to_the_mailto(web: Web) -> None:
    address = next(a for a, h in SPECIAL.items() if h is Habit.STOP)
    _people, post = await lived(address, web)
    [(sender, to, raw)] = post.sent
    assert (sender, to) == (address, "stop+tok@m.test")
    assert message_from_bytes(raw)["Subject"] == "STOP"


async def test_a_complaint_is_an_arf_report_with_the_mail(web: Web) -> None:
    address = next(a for a, h in SPECIAL.items() if h is Habit.COMPLAIN)
    _people, post = await lived(address, web)
    [(_sender, to, raw)] = post.sent
    report = message_from_bytes(raw)
    assert (to, report.get_content_type(), report.get_param("report-type")) == (
        "fbl@m.test",
        "multipart/report",
        "feedback-report",
    )
    kinds = [part.get_content_type() for part in report.walk()]
    assert "message/feedback-report" in kinds
    original = report.get_payload()[2].get_payload()[0]  # type: ignore[union-attr,index]
    assert original["To"] == address  # type: ignore[index]


async def test_a_bounce_is_understood_by_other_people(web: Web) -> None:
    people, post = await lived("qui@assurances-loire.test", web)
    [(sender, to, raw)] = post.sent
    assert (sender, to) == ("", SENDER)
    temporary, permanent = flufl.bounce.all_failures(message_from_bytes(raw))
    assert (set(temporary), set(permanent)) == (set(), {b"qui@assurances-loire.test"})
    assert people.counts == {"bounced": 1}
    assert b"\n" not in letters.stop(arrival("qui@assurances-loire.test"), "a@b.test", "").replace(b"\r\n", b"")


async def test_a_wrong_answer_is_a_surprise() -> None:
    people = People("m.test", Post().send, pace=0.0)
    people.receive(arrival(somebody(Habit.OPEN)))  # nobody listens on that port
    async with asyncio.timeout(60):
        while not people.idle:
            await asyncio.sleep(0)
    assert people.counts == {"surprises": 1}


async def test_fetch_speaks_http_only(web: Web) -> None:
    assert (await fetch(f"{web.url}/c/9", "x")).status == 302
    with pytest.raises(ValueError, match="only http"):
        await fetch("file:///etc/hostname", "x")


def test_html_is_read_like_a_mail_program_does() -> None:
    page = read_html('<!-- <a href="http://a/"> --><a href="http://b/?x=1&amp;y=2">b</a><A HREF=mailto:c@d>c</A>')
    assert (page.links, page.images) == (("http://b/?x=1&y=2",), ())


async def test_the_process_serves_and_ends_with_its_parent(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "gateway.rehearsal.internet"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    script = {"gateway": "m.test", "mx_port": 1, "txt": {}, "folder": str(tmp_path), "pace": 0}
    child.stdin.write(json.dumps(script).encode() + b"\n")
    async with asyncio.timeout(30):
        ports = json.loads(await child.stdout.readline())
        await _send_as_a_server_would(ports)
        mails = await _asked(ports["control"], {"ask": "mailbox"})
        counts = await _asked(ports["control"], {"ask": "counts"})
        child.stdin.close()
        assert await child.wait() == 0
    assert b"votre campagne" in base64.b64decode(mails["mails"][0])
    assert counts["receivers"]["system_mails"] == 1
    assert counts["idle"] is True


async def _send_as_a_server_would(ports: dict[str, int]) -> None:
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], ports["dns"]
    [mx] = await resolver.resolve(USER.rpartition("@")[2], "MX")
    [address] = await resolver.resolve(mx.exchange, "A")
    raw = b"Subject: votre campagne\r\nMessage-ID: <a@m.test>\r\n\r\nvotre campagne est partie\r\n"
    async with aiosmtplib.SMTP(hostname=address.address, port=ports["smtp"], validate_certs=False) as client:
        await client.sendmail("", [USER], raw)


async def _asked(port: int, question: dict[str, object]) -> dict[str, object]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=10_000_000)
    writer.write(json.dumps(question).encode() + b"\n")
    found = json.loads(await reader.readline())
    writer.close()
    return found  # type: ignore[no-any-return]
