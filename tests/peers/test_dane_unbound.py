"""DANE against a real validating resolver and a really signed zone: proven, forged, expired, stripped, swapped."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
import trustme
from peer_dns import free_port, serving, sign, without
from tls_kit import MailServer, issue, tlsa

from mail.resolver import DnsTrouble, Fence, Mx, Resolver
from mail.resolver_dnssec import Tlsas
from mta.certificates import Authorities
from mta.guard import Guard
from mta.security import TLSA_MISMATCH, Fault, Flaw, Policy, Seen
from mta.session import Dialling, Failed, Opened, close_session, open_session, weigh
from mta.sites import Atlas, Site
from mta.values import Insecure, Outcome, Unanswered

pytestmark = pytest.mark.peers

IP = "127.0.0.2"
CA = trustme.CA()  # nobody trusts it but the zone
GOOD = issue(CA, "mx.dane.test", "ta.dane.test")
SWAPPED = issue(CA, "mx.dane.test")
EE, TA = tlsa(GOOD.chain[0]), tlsa(GOOD.chain[-1], 2, 0, 2)
OTHER = tlsa(SWAPPED.chain[0])
HOSTS = ("mx", "ta", "forged", "gone", "none", "old")


def zone(port: int) -> str:
    hosts = "".join(f"{host} IN A {IP}\n" for host in HOSTS)
    mails = "".join(f"to-{host} IN MX 10 {host}\n" for host in HOSTS)
    return f"""@ IN SOA ns hostmaster 1 60 60 60 60
@ IN NS ns
ns IN A 127.0.0.1
@ IN MX 10 mx
badmx IN MX 10 mx
far IN MX 10 mx.plain.test.
alias IN MX 10 name
name IN CNAME mx
{hosts}{mails}_{port}._tcp.mx IN TLSA {EE}
_{port}._tcp.ta IN TLSA {TA}
_{port}._tcp.forged IN TLSA {OTHER}
_{port}._tcp.gone IN TLSA {EE}
_{port}._tcp.old IN TLSA 1 1 1 {"ab" * 32}
"""


@dataclass(frozen=True)
class Net:
    resolver_port: int
    mail_port: int


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    folder = tmp_path_factory.mktemp("dns")
    port = free_port(IP)

    def forge(text: str) -> str:
        # a TLSA record and an MX record exchanged, a TLSA record taken away: the signatures stay as they were
        text = re.sub(re.escape(OTHER.data.hex()), EE.data.hex(), text, flags=re.IGNORECASE)
        text = re.sub(r"(?m)^(badmx\.dane\.test\.\t.*\tMX\t10 )mx\.dane", r"\1ta.dane", text)
        return without(f"_{port}._tcp.gone.dane.test", "TLSA")(text)

    soa = "@ IN SOA ns hostmaster 1 60 60 60 60\n@ IN NS ns\nns IN A 127.0.0.1\n"
    plain = f"{soa}@ IN MX 10 mx\nmx IN A {IP}\n_{port}._tcp.mx IN TLSA {OTHER}\n"
    (folder / "plain.test").write_text(f"$ORIGIN plain.test.\n$TTL 60\n{plain}")
    anchors = [
        sign(folder, "dane.test", zone(port), forge, late=False),
        sign(folder, "late.test", f"{soa}@ IN MX 10 mx\nmx IN A {IP}\n", None, late=True),
    ]
    files = {"plain.test": folder / "plain.test"}
    files |= {name: folder / f"{name}.signed" for name in ("dane.test", "late.test")}
    with serving(folder, files, anchors) as front:
        yield Net(front, port)


@dataclass
class Sender:
    """Sends to a domain by way of the real resolver."""

    net: Net
    resolver: Resolver
    server: MailServer
    seen: list[Seen] = field(default_factory=list)

    async def send(self, domain: str) -> Opened | Failed | Outcome:
        def told(_: object, seen: Seen) -> None:
            self.seen.append(seen)

        atlas = Atlas(self.resolver, {}, self.net.mail_port, Guard(self.resolver, Authorities(), None, told))
        site = await atlas.locate(domain)
        if not isinstance(site, Site):
            return site
        targets = await atlas.targets(site)
        if not isinstance(targets, list):
            return targets
        failures = []
        for target in targets:
            result = await open_session(target, Dialling("client.test", connect_timeout=5.0, reply_timeout=5.0))
            if isinstance(result, Opened):
                await close_session(result)
                return result
            failures.append(result)
        return weigh(failures)

    async def proof(self, domain: str) -> str:
        result = await self.send(domain)
        assert isinstance(result, Opened), result
        assert result.contact.certificate is not None
        return result.contact.certificate["proof"]

    async def refused(self, domain: str) -> Flaw:
        result = await self.send(domain)
        outcome = result.outcome if isinstance(result, Failed) else result
        assert isinstance(outcome, Insecure) and outcome.by == "dane", result
        assert self.server.secret == []
        assert not any(line.startswith((b"MAIL", b"RCPT")) for line in self.server.plain)
        return outcome.flaw


@pytest.fixture
async def sender(net: Net) -> AsyncIterator[Sender]:
    resolver = Resolver([f"127.0.0.1:{net.resolver_port}"], 5.0, Fence(["127.0.0.0/8"]), validated=True)
    server = MailServer(GOOD.context())
    await server.start(IP, net.mail_port)
    made = Sender(net, resolver, server)
    yield made
    made.server.stop()
    await resolver.close()


async def test_the_resolver_vouches_for_what_is_signed(sender: Sender) -> None:
    assert await sender.resolver.mail_domain("dane.test") == Mx(((10, "mx.dane.test"),), secure=True)
    assert await sender.resolver.mail_domain("plain.test") == Mx(((10, "mx.plain.test"),), secure=False)
    assert await sender.resolver.tlsa("mx.dane.test", sender.net.mail_port) == Tlsas((EE,), "mx.dane.test")
    assert await sender.resolver.tlsa("mx.plain.test", sender.net.mail_port) == Tlsas()
    assert await sender.resolver.tlsa("mx.dane.test", 26) == Tlsas()


async def test_a_certificate_that_the_zone_names(sender: Sender) -> None:
    assert await sender.proof("dane.test") == "dane"
    assert await sender.proof("to-ta.dane.test") == "dane"
    assert [seen.flaw for seen in sender.seen] == [None, None]
    assert {seen.policy for seen in sender.seen} == {Policy.TLSA}


async def test_an_alias_leads_to_the_records(sender: Sender) -> None:
    assert await sender.proof("alias.dane.test") == "dane"
    assert sender.server.names == ["mx.dane.test"]


async def test_no_records_no_dane(sender: Sender) -> None:
    assert await sender.proof("to-none.dane.test") == "none"
    assert await sender.proof("plain.test") == "none"  # its records are not proven, so they are not looked at
    assert await sender.proof("far.dane.test") == "none"
    assert {seen.policy for seen in sender.seen} == {Policy.NONE}


async def test_records_for_other_uses_ask_for_encryption(sender: Sender) -> None:
    assert await sender.proof("to-old.dane.test") == "none"
    sender.server.offers = False
    sender.server.secret.clear()
    sender.server.plain.clear()
    assert await sender.refused("to-old.dane.test") == Flaw(Fault.NO_STARTTLS)


async def test_the_certificate_is_swapped(sender: Sender) -> None:
    sender.server.stop()
    sender.server = MailServer(SWAPPED.context())
    await sender.server.start(IP, sender.net.mail_port)
    assert await sender.refused("dane.test") == Flaw(Fault.HANDSHAKE, TLSA_MISMATCH)


@pytest.mark.parametrize("stripped", [{"offers": False}, {"starttls": b"454 4.7.0 not now\r\n"}])
async def test_starttls_is_stripped(sender: Sender, stripped: dict[str, object]) -> None:
    sender.server.stop()
    sender.server = MailServer(GOOD.context(), **stripped)  # type: ignore[arg-type]
    await sender.server.start(IP, sender.net.mail_port)
    assert await sender.refused("dane.test") == Flaw(Fault.NO_STARTTLS)
    assert await sender.send("plain.test") is not None
    assert any(line.startswith(b"QUIT") for line in sender.server.plain)  # who asks for nothing still gets his mail


async def test_forged_records_are_no_records(sender: Sender) -> None:
    assert await sender.refused("to-forged.dane.test") == Flaw(Fault.DNSSEC, "SERVFAIL")
    assert await sender.refused("to-gone.dane.test") == Flaw(Fault.DNSSEC, "SERVFAIL")
    assert sender.server.plain == []


async def test_forged_or_expired_mx_records_make_mail_wait(sender: Sender) -> None:
    for domain in ("badmx.dane.test", "late.test"):
        assert isinstance(await sender.resolver.mail_domain(domain), DnsTrouble)
        assert isinstance(await sender.send(domain), Unanswered)


async def test_without_the_setting_there_is_no_dane(net: Net, sender: Sender) -> None:
    resolver = Resolver([f"127.0.0.1:{net.resolver_port}"], 5.0, Fence(["127.0.0.0/8"]))
    sender.resolver, before = resolver, sender.resolver
    assert await sender.proof("dane.test") == "none"
    await resolver.close()
    sender.resolver = before
