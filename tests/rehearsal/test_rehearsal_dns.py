"""The rehearsal's DNS answers as dnspython's own resolver expects, over UDP and TCP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import dns.asyncquery
import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rehearsal.dns import Server, answer, zone
from gateway.rehearsal.world import MISSING, OFFICE

KEY = "v=DKIM1; k=rsa; p=" + "A" * 380
ZONE = zone("envoi.test", {"s1._domainkey.envoi.test": KEY, "long.envoi.test": "x" * 2000})


@pytest.fixture
async def resolver() -> AsyncIterator[dns.asyncresolver.Resolver]:
    server = Server(ZONE)
    await server.start()
    found = dns.asyncresolver.Resolver(configure=False)
    found.nameservers, found.port, found.lifetime = ["127.0.0.1"], server.port, 5.0
    yield found
    await server.stop()


async def test_mx_leads_to_an_address(resolver: dns.asyncresolver.Resolver) -> None:
    [mx] = await resolver.resolve(OFFICE.upper(), "MX")
    [address] = await resolver.resolve(mx.exchange, "A")
    assert (mx.preference, address.address) == (10, "127.0.0.11")


@pytest.mark.parametrize("tcp", [False, True])
async def test_a_dkim_key_comes_whole(resolver: dns.asyncresolver.Resolver, tcp: bool) -> None:
    [record] = await resolver.resolve("s1._domainkey.envoi.test", "TXT", tcp=tcp)
    assert b"".join(record.strings).decode() == KEY


async def test_what_does_not_fit_a_datagram_is_asked_again_over_tcp(resolver: dns.asyncresolver.Resolver) -> None:
    query = dns.message.make_query("long.envoi.test", "TXT")
    reply = await dns.asyncquery.udp(query, "127.0.0.1", port=resolver.port, timeout=5, raise_on_truncation=False)
    assert reply.flags & dns.flags.TC
    [record] = await resolver.resolve("long.envoi.test", "TXT")
    assert len(b"".join(record.strings)) == 2000


async def test_null_mx_missing_domain_and_missing_type(resolver: dns.asyncresolver.Resolver) -> None:
    [mx] = await resolver.resolve("sans-courriel.test", "MX")
    assert (mx.preference, mx.exchange.to_text()) == (0, ".")
    with pytest.raises(dns.resolver.NXDOMAIN):
        await resolver.resolve(MISSING, "MX")
    with pytest.raises(dns.resolver.NoAnswer):
        await resolver.resolve("atelier-bois.test", "MX")  # an address only
    assert [each.address for each in await resolver.resolve("atelier-bois.test", "A")] == ["127.0.0.22"]


def test_a_name_above_another_exists() -> None:
    reply = dns.message.from_wire(answer(ZONE, dns.message.make_query("_domainkey.envoi.test", "A").to_wire()) or b"")
    assert reply.rcode() == dns.rcode.NOERROR  # an empty non-terminal (RFC 8020)


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer_or_none(wire: bytes) -> None:
    reply = answer(ZONE, wire, udp=True)
    assert reply is None or len(reply) <= 1232
