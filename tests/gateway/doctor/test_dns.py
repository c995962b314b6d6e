"""What the doctor says of a zone: each record right, missing, wrong, and DNS that does not answer."""

from __future__ import annotations

import dataclasses

import pytest

from gateway.doctor import dns
from gateway.doctor.dns import Asked
from mail.resolver import DnsTrouble, NoDomain

KEY = "v=DKIM1; k=rsa; p=MIIBIjAN"
GOOD: dict[tuple[str, str], tuple[str, ...]] = {
    ("m.example", "A"): ("8.8.4.4",),
    ("m.example", "AAAA"): ("2001:4860:4860::8844",),
    ("m.example", "MX"): ("m.example",),
    ("m.example", "TXT"): ("google-site-verification=x", "v=spf1 mx -all"),
    ("_dmarc.m.example", "TXT"): ("v=DMARC1; p=reject",),
    ("_mta-sts.m.example", "TXT"): ("v=STSv1; id=1",),
    ("_smtp._tls.m.example", "TXT"): ("v=TLSRPTv1; rua=mailto:x@m.example",),
    ("m2c1._domainkey.m.example", "TXT"): ("v=DKIM1; k=rsa; p=MIIB IjAN",),
    ("8.8.4.4", "PTR"): ("m.example",),
    ("2001:4860:4860::8844", "PTR"): ("m.example",),
    ("www.m.example", "A"): ("8.8.4.4",),
}
ASKED = Asked("m.example", "https://www.m.example", "m.example", (), (("m2c1._domainkey.m.example", KEY),))


class Zone:
    """DNS from a table; names in `silent` get no answer."""

    def __init__(self, table: dict[tuple[str, str], tuple[str, ...]], silent: tuple[str, ...] = ()) -> None:
        self._table, self._silent = table, silent

    async def records(self, name: str, kind: str) -> tuple[str, ...] | NoDomain | DnsTrouble:
        if name in self._silent:
            return DnsTrouble("timeout")
        return self._table.get((name, kind)) or NoDomain(exists=True)

    async def texts(self, name: str) -> tuple[str, ...] | DnsTrouble:
        found = await self.records(name, "TXT")
        return () if isinstance(found, NoDomain) else found

    async def names(self, address: str) -> tuple[str, ...] | DnsTrouble:
        found = await self.records(address, "PTR")
        return () if isinstance(found, NoDomain) else found


async def found(changes: dict[tuple[str, str], tuple[str, ...] | None], asked: Asked = ASKED) -> dict[str, str]:
    table = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return {one.code: one.level.code for one in await dns.check(Zone(table), asked)}


async def test_a_zone_in_order_has_nothing_but_good_news() -> None:
    said = await found({})
    assert set(said.values()) == {"ok"}
    assert set(said) == {
        "address_ok", "mx_ok", "spf_ok", "dmarc_ok", "tlsrpt_ok", "links_ok", "reverse_ok", "dkim_ok",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code", "level"),
    [
        ({("m.example", "A"): None, ("m.example", "AAAA"): None}, "address_missing", "critical"),
        ({("m.example", "A"): ("10.0.0.1",), ("m.example", "AAAA"): None}, "address_private", "warning"),
        ({("8.8.4.4", "PTR"): None}, "reverse_missing", "critical"),
        ({("8.8.4.4", "PTR"): ("host.example",)}, "reverse_broken", "critical"),
        (
            {("8.8.4.4", "PTR"): ("host.example",), ("host.example", "A"): ("8.8.4.4",)},
            "reverse_other",
            "warning",
        ),
        ({("m.example", "MX"): None}, "mx_missing", "warning"),
        ({("m.example", "MX"): ("mx.other.example",)}, "mx_elsewhere", "critical"),
        ({("m.example", "TXT"): ("v=spf10 mx",)}, "spf_missing", "critical"),
        ({("m.example", "TXT"): ("v=spf1 mx -all", "v=spf1 -all")}, "spf_twice", "critical"),
        ({("m.example", "TXT"): ("v=spf1 ip4:8.8.8.8 -all",)}, "spf_fails", "critical"),
        ({("m.example", "TXT"): ("v=spf1 +all",)}, "spf_broad", "warning"),
        ({("_dmarc.m.example", "TXT"): None}, "dmarc_missing", "warning"),
        ({("_smtp._tls.m.example", "TXT"): ("v=other",)}, "tlsrpt_missing", "advice"),
        ({("m2c1._domainkey.m.example", "TXT"): None}, "dkim_missing", "critical"),
        ({("m2c1._domainkey.m.example", "TXT"): ("v=DKIM1; p=AAAA",)}, "dkim_other", "critical"),
        ({("www.m.example", "A"): None}, "links_missing", "critical"),
    ],
)
async def test_each_fault_is_told(
    changes: dict[tuple[str, str], tuple[str, ...] | None], code: str, level: str
) -> None:
    assert (await found(changes))[code] == level


async def test_mail_may_arrive_at_another_name_of_this_machine() -> None:
    changes = {("m.example", "MX"): ("mx1.m.example",), ("mx1.m.example", "A"): ("8.8.4.4",)}
    assert (await found(changes))["mx_ok"] == "ok"


async def test_addresses_of_the_settings_are_looked_at_instead_of_the_domain_s() -> None:
    said = await found({}, dataclasses.replace(ASKED, sources=("8.8.8.8",)))
    assert said["reverse_missing"] == said["spf_fails"] == "critical"


async def test_dns_that_does_not_answer_is_no_fault_of_the_zone() -> None:
    names = {name for name, _ in GOOD}
    said = await dns.check(Zone(GOOD, tuple(names)), ASKED)
    assert {one.code for one in said} == {"dns_silent"}
    assert {one.level.code for one in said} == {"warning"}


async def test_blocklists() -> None:
    table = {("4.4.8.8.bl.example", "A"): ("127.0.0.2",), ("4.4.8.8.shy.example", "A"): ("127.255.255.254",)}
    zones = ("bl.example", "shy.example", "clear.example")
    said = await dns.blocklists(Zone(table), zones, ("8.8.4.4", "2001:db8::1", "10.0.0.1"))
    assert [one.code for one in said] == ["blocklist_listed", "blocklist_unknown", "blocklist_clear"]
