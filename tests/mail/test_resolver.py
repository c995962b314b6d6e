"""The resolver against a DNS server on loopback that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from mail.resolver import Addresses, DnsTrouble, Fence, Mx, NoDomain, NullMx, Resolver
from mail.resolver_dnssec import Tlsa, Tlsas

ZONE = {
    ("two.test.", "MX"): ["20 b.two.test.", "10 A.two.test."],
    ("null.test.", "MX"): ["0 ."],
    ("only-a.test.", "A"): ["192.0.2.7"],
    ("only-aaaa.test.", "AAAA"): ["2001:db8::7"],
    ("a.two.test.", "A"): ["8.8.8.8", "127.0.0.1", "10.0.0.1"],
    ("a.two.test.", "AAAA"): ["2606:4700::1111", "::1", "fe80::1", "::ffff:127.0.0.1"],
    ("inside.test.", "A"): ["127.0.0.9"],
    ("7.2.0.192.in-addr.arpa.", "PTR"): ["Only-A.test."],
    ("empty.test.", "TXT"): ["x"],
    ("_mta-sts.two.test.", "TXT"): ['"v=STSv1; " "id=7;"', '"other \\255"'],
    ("_25._tcp.a.two.test.", "TLSA"): ["3 1 1 " + "ab" * 32],
}
NAMES = {name for name, _ in ZONE}


class Dns(asyncio.DatagramProtocol):
    """Answers from ZONE; `fail.*` gives SERVFAIL, `mute.*` nothing."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.vouches = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        query = dns.message.from_wire(data)
        name, kind = query.question[0].name.to_text().lower(), dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked.append((name, kind))
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if self.vouches and query.flags & dns.flags.AD:
            reply.flags |= dns.flags.AD
        if name.startswith("mute."):
            return
        if name.startswith("fail."):
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif name not in NAMES:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif (name, kind) in ZONE:
            reply.answer.append(dns.rrset.from_text(name, 300, "IN", kind, *ZONE[name, kind]))
        self.transport.sendto(reply.to_wire(), addr)  # type: ignore[attr-defined]


@pytest.fixture
async def server() -> AsyncIterator[tuple[Dns, int]]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Dns, local_addr=("127.0.0.1", 0))
    yield protocol, transport.get_extra_info("sockname")[1]
    transport.close()


@pytest.fixture
async def resolver(server: tuple[Dns, int]) -> AsyncIterator[Resolver]:
    made = Resolver([f"127.0.0.1:{server[1]}"], timeout=0.9, fence=Fence(["192.0.2.0/24"], ["8.8.4.4"]))
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("domain", "answer"),
    [
        ("two.test", Mx(((10, "a.two.test"), (20, "b.two.test")))),
        ("TWO.test.", Mx(((10, "a.two.test"), (20, "b.two.test")))),
        ("null.test", NullMx()),
        ("only-a.test", Mx(((0, "only-a.test"),))),
        ("only-aaaa.test", Mx(((0, "only-aaaa.test"),))),
        ("nowhere.test", NoDomain(exists=False)),
        ("empty.test", NoDomain(exists=True)),
        ("x" * 70 + ".test", NoDomain(exists=False)),
        ("a..b", NoDomain(exists=False)),
    ],
)
async def test_mail_domains(resolver: Resolver, domain: str, answer: object) -> None:
    assert await resolver.mail_domain(domain) == answer


async def test_trouble_says_nothing_about_the_domain(resolver: Resolver) -> None:
    assert isinstance(await resolver.mail_domain("fail.test"), DnsTrouble)
    assert isinstance(await resolver.mail_domain("mute.test"), DnsTrouble)


async def test_addresses_that_mail_must_not_go_to_are_taken_out(resolver: Resolver) -> None:
    found = await resolver.addresses("a.two.test")
    assert isinstance(found, Addresses)
    assert found.allowed == ("8.8.8.8", "2606:4700::1111")
    assert set(found.refused) == {"127.0.0.1", "10.0.0.1", "::1", "fe80::1", "::ffff:127.0.0.1"}
    assert await resolver.addresses("inside.test") == Addresses((), ("127.0.0.9",))
    assert await resolver.addresses("192.0.2.9") == Addresses(("192.0.2.9",))
    assert await resolver.addresses("nowhere.test") == NoDomain()


async def test_answers_are_kept_and_asked_once(resolver: Resolver, server: tuple[Dns, int]) -> None:
    await asyncio.gather(*(resolver.mail_domain("two.test") for _ in range(50)))
    await resolver.mail_domain("two.test")
    assert server[0].asked.count(("two.test.", "MX")) == 1


async def test_texts(resolver: Resolver) -> None:
    assert set(await resolver.texts("_mta-sts.two.test") or ()) == {"v=STSv1; id=7;", "other \ufffd"}
    assert await resolver.texts("two.test") == ()
    assert await resolver.texts("nowhere.test") == ()
    assert isinstance(await resolver.texts("fail.test"), DnsTrouble)


@pytest.mark.parametrize(
    ("name", "kind", "found"),
    [
        ("two.test", "MX", ("a.two.test", "b.two.test")), ("null.test", "MX", ()), ("only-a.test", "MX", NoDomain(True)),
        ("Only-A.test.", "A", ("192.0.2.7",)), ("only-aaaa.test", "AAAA", ("2001:db8::7",)), ("gone.test", "A", NoDomain()),
        ("inside.test", "A", ("127.0.0.9",)), ("7.2.0.192.in-addr.arpa", "PTR", ("Only-A.test",)),
        ("empty.test", "TXT", ("x",)), ("two.test", "TXT", NoDomain(True)),
        ("fail.test", "A", DnsTrouble("DNS server returned general failure")),
    ],
)  # fmt: skip
async def test_plain_records(resolver: Resolver, name: str, kind: str, found: object) -> None:
    said = await resolver.records(name, kind)
    assert type(said) is type(found) if isinstance(found, DnsTrouble) else said == found


async def test_without_a_validating_server_there_is_no_dane(resolver: Resolver, server: tuple[Dns, int]) -> None:
    assert await resolver.tlsa("a.two.test", 25) == Tlsas()
    assert all(kind != "TLSA" for _, kind in server[0].asked)


@pytest.fixture
async def validating(server: tuple[Dns, int]) -> AsyncIterator[Resolver]:
    made = Resolver([f"127.0.0.1:{server[1]}"], timeout=0.9, fence=Fence(["192.0.2.0/24"]), validated=True)
    yield made
    await made.close()


async def test_only_what_the_server_vouches_for_is_proven(validating: Resolver, server: tuple[Dns, int]) -> None:
    assert await validating.mail_domain("two.test") == Mx(((10, "a.two.test"), (20, "b.two.test")))
    assert await validating.tlsa("a.two.test", 25) == Tlsas()  # its address is not proven: nobody asks for TLSA
    assert all(kind != "TLSA" for _, kind in server[0].asked)


async def test_proven_answers(validating: Resolver, server: tuple[Dns, int]) -> None:
    server[0].vouches = True
    assert await validating.mail_domain("two.test") == Mx(((10, "a.two.test"), (20, "b.two.test")), secure=True)
    assert await validating.mail_domain("only-a.test") == Mx(((0, "only-a.test"),), secure=True)
    assert await validating.mail_domain("null.test") == NullMx()
    assert await validating.mail_domain("nowhere.test") == NoDomain()
    assert isinstance(await validating.mail_domain("fail.test"), DnsTrouble)
    assert isinstance(await validating.mail_domain("mute.test"), DnsTrouble)
    assert await validating.tlsa("a.two.test", 25) == Tlsas((Tlsa(3, 1, 1, b"\xab" * 32),), "a.two.test")
    assert await validating.tlsa("only-a.test", 25) == Tlsas()
    assert isinstance(await validating.tlsa("fail.test", 25), DnsTrouble)


def test_fence() -> None:
    fence = Fence(["127.0.0.0/8", "fd00::/8"], ["93.184.216.34"])
    allowed = ["127.0.0.1", "::ffff:127.0.0.1", "8.8.8.8", "fd00::5", "2606:4700::1111"]
    refused = ["10.1.1.1", "192.168.1.1", "169.254.1.1", "224.0.0.1", "ff02::1", "fe80::1", "0.0.0.0", "93.184.216.34"]
    assert all(fence.allows(one) for one in allowed)
    assert not any(fence.allows(one) for one in [*refused, "::1", "not an address", ""])


async def test_an_address_has_its_names_in_reverse(resolver: Resolver) -> None:
    assert await resolver.names("192.0.2.7") == ("only-a.test",)
    assert await resolver.names("192.0.2.8") == ()
    assert await resolver.names("2001:db8::7") == ()
