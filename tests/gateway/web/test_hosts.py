"""The own host of an account: which may be one, whether it leads here, what mails bear, what is served under it."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import pytest
from web_fixture import RING, Web
from web_helpers import Reader

from config import certificate
from config.settings import Settings
from gateway.certificates.cupboard import Cupboard
from gateway.hosts import choosing
from gateway.hosts.choosing import No
from gateway.hosts.looking import Found, Lookout, word
from gateway.intake.desk import Desk
from gateway.rehearsal import dns
from gateway.smtp.addresses import Addressee, addressee
from gateway.web import serve
from gateway.web.names import Names
from mail.dkim import Signer, new_key
from mail.resolver import Resolver
from mta.hosts import Hosts
from mta.plates import House, Plate, make
from parsers.tokens import Purpose, sign
from store import accounts, hosts
from store.accounts import Taken
from store.engine import now_ms
from tests.mta.test_plates import campaign, job, source

GATEWAY, OWN = "gateway.test", "envois.a.test"
SPF = ['"v=spf1 ip4:127.0.0.1 -all"']


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [
        (" https://Envois.Firme.fr/ ", "envois.firme.fr"),
        ("é.firme.fr", "xn--9ca.firme.fr"),
        ("firme.fr", No("bare")),
        ("mail.firme.fr", No("bare")),  # mail is read there
        ("envois.autre.fr", No("stranger")),
        ("gateway.test", No("public")),
        ("x.gmail.com", No("public")),
        ("co.uk", No("public")),
        ("envois firme.fr", No("syntax")),
        ("envois.firme.fr:8080", No("syntax")),
        ("127.0.0.1", No("syntax")),
        ("envois", No("syntax")),
        ("x@firme.fr", No("syntax")),
    ],
)
def test_who_may_use_which(typed: str, chosen: str | No) -> None:
    assert choosing.choose(typed, GATEWAY, {"firme.fr", "mail.firme.fr", "gmail.com"}) == chosen


@dataclass(frozen=True, slots=True)
class Place:
    """A gateway's pages on a port, a zone, and who looks."""

    web: Web
    zone: dict[tuple[str, str], list[str]]
    lookout: Lookout
    account: int

    async def look(self) -> Found:
        """Look by a resolver that remembers nothing."""
        self.lookout._resolver._cache.clear()
        async with self.web.db.read() as conn:
            mine = await hosts.of_account(conn, self.account)
        assert mine is not None
        return await self.lookout.look(mine)


@pytest.fixture
async def place(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(dns, "TTL", 0)  # what changes is seen at once
    zone = {
        (GATEWAY, "A"): ["127.0.0.1"], (GATEWAY, "MX"): [f"10 {GATEWAY}."], (GATEWAY, "TXT"): SPF,
        (OWN, "A"): ["127.0.0.1"], (OWN, "MX"): [f"10 {GATEWAY}."], (OWN, "TXT"): SPF,
    }  # fmt: skip
    names = dns.Server(zone)
    await names.start()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings = Settings(
            gateway={
                "domain": GATEWAY, "data_dir": tmp_path,
                "public_url": f"http://{GATEWAY}:{listening.getsockname()[1]}",
            },
            dns={"nameservers": [f"127.0.0.1:{names.port}"]},
            delivery={"allow_networks": ["127.0.0.0/8"]},
        )  # fmt: skip
        none = cast(Any, None)
        desk = Desk(settings, web.db, none, none, Resolver(settings.dns.nameservers, 5.0), RING, none, ())
        server = serve.Server(serve.configuration(settings, web.reader.app))
        serving = asyncio.create_task(server.serve([listening]))
        lookout = Lookout(desk)
        async with web.db.write() as conn:
            await hosts.use(conn, web.campaign.account_id, OWN, now_ms())
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.01)
        yield Place(web, zone, lookout, web.campaign.account_id)
        server.should_exit = True
        await serving
        await lookout.close()
        await desk.resolver.close()
        await names.stop()


def mails(house: House) -> tuple[str, str]:
    """The envelope sender and the mail of somebody who is followed, as a sender makes them."""
    plate = make(campaign(unsubscribe=True), source(), job(1, "a.pdf"), house)
    assert isinstance(plate, Plate)
    return plate.parcel(job(1, "a.pdf"), 1).sender, plate.render(job(1, "a.pdf")).decode()


async def test_mails_bear_the_host_while_it_leads_here(place: Place) -> None:
    house = House(GATEWAY, "https://gateway.test", RING, [Signer(GATEWAY, "s", new_key())])
    sender = Hosts(place.web.db)
    await sender.look()
    mine = campaign(unsubscribe=True, bounces=OWN)
    assert mine.account_id == place.account
    assert sender.at(house, mine) == house  # nobody has looked yet: the gateway's own name
    assert await place.look() == Found("", "")
    assert await sender.look() and not await sender.look()
    shown = sender.at(house, mine)
    assert (shown.public_url, shown.bounces) == (f"https://{OWN}", OWN)
    assert sender.at(house, dataclasses.replace(mine, account_id=place.account + 1)) == house
    begun = sender.at(house, campaign(unsubscribe=True))  # before the host worked: its retries keep their return path
    assert (begun.public_url, begun.bounces) == (f"https://{OWN}", "")
    async with place.web.db.read() as conn:
        assert await hosts.for_new(conn, place.account) == {"bounces": OWN}
    envelope, mail = mails(shown)
    assert envelope.endswith(f"@{OWN}")
    assert f"List-Unsubscribe: <https://{OWN}/u/" in mail and f"@{OWN}>\r\n" in mail
    assert f"@{GATEWAY}>\r\nDate:" in mail  # the Message-ID stays the same whatever the host does
    del place.zone[OWN, "A"], place.zone[OWN, "MX"]
    found = await place.look()
    assert found == Found("dns", "mx")
    assert await sender.look() and sender.at(house, mine) == house
    assert mails(house)[0].endswith(f"@{GATEWAY}")


async def test_what_is_found_is_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.zone[OWN, "TXT"] = ['"v=spf1 ip4:192.0.2.1 -all"']
    assert await place.look() == Found("", "spf")
    place.zone[OWN, "MX"] = ["10 mx.elsewhere.test."]
    assert await place.look() == Found("", "mx")
    place.zone[OWN, "A"] = ["10.0.0.1"]
    assert (await place.look()).links == "private"
    place.zone[OWN, "A"] = ["127.0.0.1"]
    monkeypatch.setattr("gateway.web.known.word", lambda _ring, _host: "another gateway")
    assert (await place.look()).links == "elsewhere"
    async with place.web.db.read() as conn:
        assert (await hosts.working(conn))[place.account] == ("", "")


async def test_silence_changes_nothing_for_a_while(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await place.look() == Found("", "")
    place.lookout._resolver._dns.nameservers = ["127.0.0.1:9"]
    assert await place.look() == Found(None, None)
    async with place.web.db.read() as conn:
        assert (await hosts.working(conn))[place.account] == (OWN, OWN)
    monkeypatch.setattr("gateway.hosts.looking.GRACE", -1)  # a silence that lasts is an answer
    assert await place.look() == Found("silent", "silent")
    async with place.web.db.read() as conn:
        assert (await hosts.working(conn))[place.account] == ("", "")


async def test_under_a_host_stands_what_recipients_need(web: Web) -> None:
    click, pixel = web.token(Purpose.CLICK), web.token(Purpose.OPEN)
    for path, status in (
        (f"/c/{click}", 302), (f"/o/{pixel}.gif", 200), (f"/u/{web.token(Purpose.UNSUBSCRIBE)}", 200), ("/robots.txt", 200),
        (f"/r/{web.word}", 404), (f"/r/{web.word}.json", 404), ("/x/connexion", 404), ("/", 404), ("/api/v1", 404),
        ("/metrics", 404),
    ):  # fmt: skip
        assert (await web.reader.get(path, host=OWN)).status == status, path
    assert (await web.reader.get(f"/r/{web.word}", host="GATEWAY.test:443")).status == 200
    for name in ("127.0.0.1:8080", "[::1]:8080", "web:8080"):  # by which a proxy may call us
        assert (await web.reader.get(f"/r/{web.word}", host=name)).status == 200
    for name in ("gateway.test.evil.test", "x@gateway.test.evil.test", "[", "evil.test:80"):
        assert (await web.reader.get(f"/r/{web.word}", host=name)).status == 404
    said = await web.reader.get("/.well-known/mail2campaign", host=OWN)
    assert said.text == word(RING, OWN) != word(RING, GATEWAY)
    unsubscribed = await web.reader.post(
        f"/u/{web.token(Purpose.UNSUBSCRIBE)}", {"List-Unsubscribe": "One-Click"}, host=OWN
    )
    assert unsubscribed.status == 200


async def test_one_host_one_account_and_old_ones_stay(web: Web) -> None:
    now = now_ms()
    async with web.db.write() as conn:
        other = await accounts.create_account(conn, "B", "", "", "fr", "Europe/Paris", now)
        await hosts.use(conn, web.campaign.account_id, OWN, now)
        await hosts.use(conn, web.campaign.account_id, "neuf.a.test", now)
        with pytest.raises(Taken):
            await hosts.use(conn, other, OWN, now)
        assert await hosts.of_account(conn, other) is None
        assert [one.host for one in await hosts.every(conn) if one.left_at is None] == ["neuf.a.test"]
        again = await hosts.use(conn, web.campaign.account_id, OWN, now)
        assert again.host == OWN and again.left_at is None
        assert await hosts.leave(conn, web.campaign.account_id, now)
        assert await hosts.working(conn) == {}
        assert len(await hosts.every(conn)) == 2


def test_what_mail_to_a_host_is_for() -> None:
    bounce = f"bounce+{sign(RING, Purpose.BOUNCE, 7)}"
    for local, expected in (
        (bounce, Addressee("bounce", 7)),
        (f"stop+{sign(RING, Purpose.STOP, 7)}", Addressee("stop", 7)),
        ("postmaster", Addressee("postmaster")),
        ("mail", None),
        ("fbl", None),
        (f"campagne+{sign(RING, Purpose.REPLY, 7)}", None),
    ):
        assert addressee(RING, GATEWAY, f"{local}@{OWN}", (OWN,)) == expected
    assert addressee(RING, GATEWAY, f"{bounce}@{OWN}") is None


def test_a_house_without_hosts_is_the_gateway() -> None:
    house = House(GATEWAY, "https://gateway.test", RING, [Signer(GATEWAY, "s", new_key())])
    assert f"<https://{GATEWAY}/u/" in mails(house)[1]
    assert mails(dataclasses.replace(house, bounces=OWN))[0].endswith(f"@{OWN}")


async def test_the_same_pages_by_https(web: Web, tmp_path: Path) -> None:
    certificate.create(tmp_path, GATEWAY)
    cupboard = Cupboard(Settings(gateway={"domain": GATEWAY, "data_dir": tmp_path}))
    with socket.create_server(("127.0.0.1", 0)) as plain, socket.create_server(("127.0.0.1", 0)) as secure:
        server = serve.Server(serve.configuration(Settings(), web.reader.app), ("x:1", [secure], cupboard.context))
        serving = asyncio.create_task(server.serve([plain]))
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.01)
            for listening, tls in ((plain, None), (secure, ssl._create_unverified_context())):
                where: dict[str, Any] = {} if tls is None else {"ssl": tls, "server_hostname": GATEWAY}
                reader, writer = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1], **where)
                for path in (f"/o/{web.token(Purpose.OPEN)}.gif", "/robots.txt"):  # the short way, and the long one
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: {GATEWAY}\r\n\r\n".encode())
                    head = await reader.readuntil(b"\r\n\r\n")
                    assert head.startswith(b"HTTP/1.1 200 ")
                    await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
                writer.close()
        server.should_exit = True
        await serving


async def test_plain_requests_are_sent_to_https(web: Web) -> None:
    def through(**more: Any) -> Reader:
        names = Names(web.reader.app, domain=GATEWAY, url=f"https://{GATEWAY}", secure=True, **more)
        return Reader(cast(Any, names))

    sent = await through().get(f"/r/{web.word}?tab=all")
    assert (sent.status, sent.headers["location"]) == (308, f"https://{GATEWAY}/r/{web.word}?tab=all")
    assert (await through().get(f"//evil.test/{web.word}")).headers["location"].startswith(f"https://{GATEWAY}//evil")
    assert (await through().get("/healthz")).status == 200
    assert (await through().get(f"/c/{web.token(Purpose.CLICK)}", host="127.0.0.1")).status == 302
    behind = through(proxies=(ip_network("192.0.2.0/24"),))  # an https server in front asks us in the clear
    assert (await behind.get(f"/r/{web.word}")).status == 200
