"""What DNS says of a gateway: its addresses and their reverse names, MX, SPF, DKIM, DMARC, TLS-RPT, the links' host.

In: the resolver, the gateway's domain and public URL, the addresses that mail leaves from, the DKIM keys. Out: findings. DNS
without an answer is a warning of its own, never a fault of a record. Nothing is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

from gateway.doctor.finding import Finding, advice, critical, ok, warning
from mail import dmarc, spf
from mail.resolver import DnsTrouble, NoDomain
from mail.spf import Result

Answer = tuple[str, ...] | NoDomain | DnsTrouble


class Dns(Protocol):
    """What is asked of the resolver."""

    async def records(self, name: str, kind: str) -> Answer: ...

    async def texts(self, name: str) -> tuple[str, ...] | DnsTrouble: ...

    async def names(self, address: str) -> tuple[str, ...] | DnsTrouble: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What is checked: `sources` are the addresses that mail leaves from (empty: those of the domain); `keys` are the names
    under which DKIM keys must stand, each with the value to publish; `helo` is the name said in EHLO."""

    domain: str
    public_url: str
    helo: str
    sources: tuple[str, ...] = ()
    keys: tuple[tuple[str, str], ...] = ()


async def check(dns: Dns, asked: Asked) -> list[Finding]:
    """Ask everything at once."""
    own = await _addresses(dns, asked.domain)
    sources = asked.sources or tuple(own if isinstance(own, list) else ())
    parts = await asyncio.gather(
        _own(own, asked.domain),
        _mx(dns, asked.domain, set(own) if isinstance(own, list) else set()),
        _spf(dns, asked, sources),
        _dmarc(dns, asked.domain),
        _record(dns, f"_smtp._tls.{asked.domain}", "v=TLSRPTv1", "tlsrpt", asked.domain),
        _links(dns, asked),
        *(_reverse(dns, address, asked.helo) for address in sources),
        *(_key(dns, name, value) for name, value in asked.keys),
    )
    return [one for part in parts for one in part]


async def _addresses(dns: Dns, name: str) -> list[str] | DnsTrouble:
    four, six = await asyncio.gather(dns.records(name, "A"), dns.records(name, "AAAA"))
    found = [one for part in (four, six) if isinstance(part, tuple) for one in part]
    if not found:
        for part in (four, six):
            if isinstance(part, DnsTrouble):
                return part
    return found


def _silent(name: str, trouble: DnsTrouble) -> list[Finding]:
    return [warning("dns_silent", name=name, why=trouble.why)]


async def _own(own: list[str] | DnsTrouble, domain: str) -> list[Finding]:
    if isinstance(own, DnsTrouble):
        return _silent(domain, own)
    if not own:
        return [critical("address_missing", domain=domain)]
    if not any(ip_address(one).is_global for one in own):
        return [warning("address_private", domain=domain, addresses=", ".join(own))]
    return [ok("address_ok", domain=domain, addresses=", ".join(own))]


async def _reverse(dns: Dns, address: str, helo: str) -> list[Finding]:
    if not ip_address(address).is_global:
        return []
    names = await dns.names(address)
    if isinstance(names, DnsTrouble):
        return _silent(address, names)
    if not names:
        return [critical("reverse_missing", address=address, helo=helo)]
    for name in names:
        back = await _addresses(dns, name)
        if isinstance(back, DnsTrouble):
            return _silent(name, back)
        if address in back:
            known = name == helo
            return [ok("reverse_ok", address=address, name=name) if known else
                    warning("reverse_other", address=address, name=name, helo=helo)]  # fmt: skip
    return [critical("reverse_broken", address=address, name=names[0], helo=helo)]


async def _mx(dns: Dns, domain: str, own: set[str]) -> list[Finding]:
    found = await dns.records(domain, "MX")
    if isinstance(found, DnsTrouble):
        return _silent(domain, found)
    if isinstance(found, NoDomain):
        return [warning("mx_missing", domain=domain)]
    hosts = await asyncio.gather(*(_addresses(dns, host) for host in found))
    theirs = {one for host in hosts if isinstance(host, list) for one in host}
    if domain in found or theirs & own:
        return [ok("mx_ok", domain=domain, hosts=", ".join(found))]
    return [critical("mx_elsewhere", domain=domain, hosts=", ".join(found))]


async def _spf(dns: Dns, asked: Asked, sources: Sequence[str]) -> list[Finding]:
    found = await dns.texts(asked.domain)
    if isinstance(found, DnsTrouble):
        return _silent(asked.domain, found)
    records = [one for one in found if one.lower().split(" ")[0] == "v=spf1"]
    if not records:
        return [critical("spf_missing", domain=asked.domain)]
    if len(records) > 1:
        return [critical("spf_twice", domain=asked.domain, n=len(records))]
    told = []
    for address in sources:
        verdict = await spf.check(dns, address, f"bounce@{asked.domain}", asked.helo)
        if verdict.result is Result.TEMPERROR:
            told.append(warning("dns_silent", name=asked.domain, why="SPF"))
        elif verdict.result is not Result.PASS:
            told.append(
                critical("spf_fails", domain=asked.domain, address=address, record=records[0], result=verdict.result)
            )
        elif verdict.broad:
            told.append(warning("spf_broad", domain=asked.domain, record=records[0]))
    return told or [ok("spf_ok", domain=asked.domain, record=records[0])]


async def _dmarc(dns: Dns, domain: str) -> list[Finding]:
    published = await dmarc.policy_of(dns, domain)
    if not published.known:
        return [warning("dns_silent", name=f"_dmarc.{domain}", why="DMARC")]
    if not published.at:
        return [warning("dmarc_missing", domain=domain)]
    return [ok("dmarc_ok", domain=published.at, policy=published.policy.value)]


async def _key(dns: Dns, name: str, value: str) -> list[Finding]:
    found = await dns.texts(name)
    if isinstance(found, DnsTrouble):
        return _silent(name, found)
    wanted = _squeezed(value)
    if any(_squeezed(one) == wanted for one in found):
        return [ok("dkim_ok", name=name)]
    return [critical("dkim_other" if found else "dkim_missing", name=name, value=value)]


def _squeezed(text: str) -> str:
    return "".join(text.split()).partition("p=")[2].partition(";")[0]


async def _record(dns: Dns, name: str, version: str, code: str, domain: str) -> list[Finding]:
    found = await dns.texts(name)
    if isinstance(found, DnsTrouble):
        return _silent(name, found)
    if any(one.replace(" ", "").startswith(version) for one in found):
        return [ok(f"{code}_ok", name=name)]
    return [advice(f"{code}_missing", name=name, domain=domain)]


async def _links(dns: Dns, asked: Asked) -> list[Finding]:
    host = urlsplit(asked.public_url).hostname or ""
    try:
        ip_address(host)
        return []
    except ValueError:
        pass
    if host in (asked.domain, "localhost"):
        return []
    found = await _addresses(dns, host)
    if isinstance(found, DnsTrouble):
        return _silent(host, found)
    return [ok("links_ok", host=host)] if found else [critical("links_missing", host=host, url=asked.public_url)]


async def blocklists(dns: Dns, zones: Sequence[str], addresses: Sequence[str]) -> list[Finding]:
    """Ask DNS blocklists about IPv4 addresses (RFC 5782): 127.0.0.0/8 is a listing, 127.255.255.0/24 a refusal to answer."""
    told = []
    for zone in zones:
        for address in addresses:
            ip = ip_address(address)
            if ip.version != 4 or not ip.is_global:
                continue
            found = await dns.records(f"{'.'.join(reversed(address.split('.')))}.{zone}", "A")
            if isinstance(found, DnsTrouble) or (
                isinstance(found, tuple) and any(one.startswith("127.255.255.") for one in found)
            ):
                told.append(advice("blocklist_unknown", zone=zone, address=address))
            elif isinstance(found, tuple) and any(one.startswith("127.") for one in found):
                told.append(critical("blocklist_listed", zone=zone, address=address))
            else:
                told.append(ok("blocklist_clear", zone=zone, address=address))
    return told
