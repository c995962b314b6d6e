"""The MTA-STS policy of our own domain as senders elsewhere read it (RFC 8461): the record, the file, what stands in it.

In: DNS, the HTTP client, the gateway's domain. Out: findings; a domain that announces none is advised to, and asked for no
file. Nothing is raised.
"""

from __future__ import annotations

from typing import Protocol

from gateway.doctor.dns import Dns
from gateway.doctor.finding import Finding, advice, critical, ok, warning
from mail.fetch import Fetched, Unfetched
from mail.resolver import DnsTrouble
from parsers.mta_sts import MAX_BODY, Mode, StsPolicy, parse, policy_id

PATH = "/.well-known/mta-sts.txt"
SHORT = 86_400  # seconds: a policy that is kept for less protects hardly anybody (section 10.2 speaks of weeks)


class Web(Protocol):
    """What is asked of the HTTP client."""

    async def get(self, host: str, path: str, limit: int) -> Fetched | Unfetched: ...


async def check(dns: Dns, web: Web, domain: str) -> list[Finding]:
    """Look at the record, then at the policy that it announces."""
    name = f"_mta-sts.{domain}"
    texts = await dns.texts(name)
    if isinstance(texts, DnsTrouble):
        return [warning("dns_silent", name=name, why=texts.why)]
    if not any(one.replace(" ", "").startswith("v=STSv1") for one in texts):
        return [advice("sts_missing", name=name, domain=domain)]
    if not policy_id(texts):
        return [warning("sts_record", name=name, record=" | ".join(texts)[:200])]
    url = f"https://mta-sts.{domain}{PATH}"
    policy = _read(await web.get(f"mta-sts.{domain}", PATH, MAX_BODY))
    if isinstance(policy, str):
        return [warning("sts_unread", url=url, why=policy)]
    hosts = await dns.records(domain, "MX")
    if isinstance(hosts, DnsTrouble):
        return [warning("dns_silent", name=domain, why=hosts.why)]
    return _judged(policy, url, name, hosts if isinstance(hosts, tuple) else (domain,))


def _read(got: Fetched | Unfetched) -> StsPolicy | str:
    """The policy, or why no sender could use it (section 3.3: nothing but a plain 200 counts)."""
    if isinstance(got, Unfetched):
        return f"{got.why.value} {got.detail}".strip()
    if got.status != 200:
        return f"HTTP {got.status}"
    return parse(got.body) if got.content_type == "text/plain" else "not text/plain"


def _judged(policy: StsPolicy, url: str, name: str, hosts: tuple[str, ...]) -> list[Finding]:
    if policy.mode is Mode.NONE:
        return [advice("sts_off", url=url)]
    told = []
    outside = [one for one in hosts if not policy.lists(one)]
    if outside:
        grave = critical if policy.mode is Mode.ENFORCE else warning
        told.append(grave("sts_mx", url=url, hosts=", ".join(outside), listed=", ".join(policy.mx)))
    if policy.mode is Mode.TESTING:
        told.append(advice("sts_testing", url=url))
    if policy.max_age < SHORT:
        told.append(warning("sts_short", url=url, seconds=policy.max_age))
    return told or [ok("sts_ok", name=name, days=policy.max_age // 86_400)]
