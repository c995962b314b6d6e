"""SPF by the RFC's own examples and limits; the whole openspf.org suite for RFC 7208 was run against it, too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail import spf
from mail.spf import Result, Verdict
from mail.spf_record import Record, read
from tests.gateway.kit_proof import Dns

MANY = " ".join(f"a:h{n}.other.example" for n in range(9))


def world(text: str) -> Dns:
    dns = Dns()
    dns.put("firm.example", "TXT", "site-verification=1", text)
    dns.put("firm.example", "A", "192.0.2.10")
    dns.put("firm.example", "AAAA", "2001:db8::10")
    dns.put("firm.example", "MX", "mx1.firm.example", "mx2.firm.example")
    dns.put("mx2.firm.example", "A", "192.0.2.25")
    dns.put("esp.example", "TXT", "v=spf1 ip4:198.51.100.0/24 -all")
    dns.put("open.example", "TXT", "v=spf1 +all")
    dns.put("loop.example", "TXT", "v=spf1 include:loop.example -all")
    dns.put("many.example", "MX", *(f"m{n}.example" for n in range(11)))
    dns.put("7.2.0.192.firm.in-addr.anne._spf.firm.example", "A", "127.0.0.2")
    dns.put("9.2.0.192.in-addr.arpa", "PTR", "out.firm.example")
    dns.put("out.firm.example", "A", "192.0.2.9")
    for n in range(9):
        dns.put(f"h{n}.other.example", "A", "203.0.113.1")
    dns.silent.add("away.example")
    return dns


@pytest.mark.parametrize(
    ("text", "peer", "result"),
    [
        ("v=spf1 -all", "192.0.2.1", "fail"), ("v=spf1 ~all", "192.0.2.1", "softfail"), ("v=spf1", "192.0.2.1", "neutral"),
        ("v=spf1 ?all", "192.0.2.1", "neutral"), ("v=spf10 +all", "192.0.2.1", "none"), ("nothing", "192.0.2.1", "none"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.1", "pass"), ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.3.1", "fail"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "::ffff:192.0.2.1", "pass"),
        ("V=SPF1 IP6:2001:DB8::/32 -ALL", "2001:db8::9", "pass"),
        ("v=spf1 a -all", "192.0.2.10", "pass"), ("v=spf1 a -all", "2001:db8::10", "pass"),
        ("v=spf1 a/28//64 -all", "192.0.2.15", "pass"), ("v=spf1 a/28//64 -all", "2001:db8::ff", "pass"),
        ("v=spf1 mx -all", "192.0.2.25", "pass"), ("v=spf1 mx -all", "192.0.2.10", "fail"),
        ("v=spf1 include:esp.example -all", "198.51.100.7", "pass"),
        ("v=spf1 include:esp.example -all", "192.0.2.1", "fail"),
        ("v=spf1 redirect=esp.example", "198.51.100.7", "pass"), ("v=spf1 redirect=gone.example", "192.0.2.1", "permerror"),
        ("v=spf1 include:gone.example -all", "192.0.2.1", "permerror"),
        ("v=spf1 include:away.example -all", "192.0.2.1", "temperror"),
        ("v=spf1 a:away.example -all", "192.0.2.1", "temperror"), ("v=spf1 include:loop.example", "192.0.2.1", "permerror"),
        ("v=spf1 exists:%{ir}.%{d1r}.%{v}.%{l}._spf.%{o} -all", "192.0.2.7", "pass"),
        ("v=spf1 exists:%{p} -all", "192.0.2.7", "fail"),
        ("v=spf1 ptr -all", "192.0.2.9", "pass"), ("v=spf1 ptr -all", "192.0.2.8", "fail"),
        (f"v=spf1 {MANY} a -all", "192.0.2.10", "pass"), (f"v=spf1 {MANY} mx a -all", "192.0.2.10", "permerror"),
        ("v=spf1 a:v1.example a:v2.example a:v3.example a -all", "192.0.2.10", "permerror"),
        ("v=spf1 mx:many.example -all", "192.0.2.1", "permerror"), ("v=spf1 moo -all", "192.0.2.1", "permerror"),
        ("v=spf1 a -all redirect=", "192.0.2.10", "permerror"), ("v=spf1 ip4:1.2.3.4/33", "192.0.2.1", "permerror"),
        ("v=spf1 x=%{d} a -all", "192.0.2.10", "pass"), ("v=spf1 a:%{x}.example -all", "192.0.2.10", "permerror"),
        ("v=spf1 -all", "no address", "none"),
    ],
)  # fmt: skip
async def test_what_a_record_says(text: str, peer: str, result: str) -> None:
    assert (await spf.check(world(text), peer, "anne@firm.example", "mail.firm.example")).result.value == result


@pytest.mark.parametrize(
    ("text", "broad"),
    [
        ("v=spf1 +all", True), ("v=spf1 ip4:128.0.0.0/1 -all", True), ("v=spf1 include:open.example -all", True),
        ("v=spf1 a:firm.example/4 -all", True), ("v=spf1 ip4:192.0.0.0/8 -all", False), ("v=spf1 a mx -all", False),
        ("v=spf1 redirect=open.example", True),
    ],
)  # fmt: skip
async def test_a_record_that_lets_everybody_pass(text: str, broad: bool) -> None:
    assert await spf.check(world(text), "192.0.2.10", "anne@firm.example", "x") == Verdict(Result.PASS, broad)


async def test_two_records_and_the_null_sender() -> None:
    dns = world("v=spf1 a -all")
    assert (await spf.check(dns, "192.0.2.10", "<>", "firm.example")).result is Result.PASS
    dns.put("firm.example", "TXT", "v=spf1 a -all", "v=spf1 mx -all")
    assert (await spf.check(dns, "192.0.2.10", "anne@firm.example", "x")).result is Result.PERMERROR
    for sender in ("anne@localhost", "anne@", "anne@a..example", f"anne@{'a' * 64}.example"):
        assert (await spf.check(dns, "192.0.2.10", sender, "x")).result is Result.NONE


async def test_questions_are_bounded() -> None:
    dns = world("v=spf1 " + " ".join(f"mx:m{n}.example" for n in range(10)) + " -all")
    for n in range(10):
        dns.put(f"m{n}.example", "MX", *(f"h{k}.m{n}.example" for k in range(10)))
        for k in range(10):
            dns.put(f"h{k}.m{n}.example", "A", "203.0.113.9")
    assert (await spf.check(dns, "192.0.2.10", "anne@firm.example", "x")).result is Result.PERMERROR
    assert len(dns.asked) <= spf.QUERIES


@given(st.text(st.characters(max_codepoint=300), max_size=120))
def test_any_text_gives_a_value(text: str) -> None:
    assert isinstance(read(f"v=spf1 {text}"), Record | None)


def test_long_terms_cost_little() -> None:
    for piece in (
        "a:" + "%{d}" * 900,
        "exists:" + "a." * 1_900,
        "a:" + "-" * 3_900,
        "mx" + "/1" * 1_900,
        "x=" + "%" * 3_900,
    ):
        read(f"v=spf1 {piece}")
