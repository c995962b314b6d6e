"""Which domains of a list surely take no mail.

In: the distinct domains of a list with how often each occurs, and the resolver. Out: those that do not exist or declare a
null MX (RFC 7505), found within PATIENCE; trouble and time-outs say nothing about a domain (SPEC 2). Raises nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from fnmatch import fnmatchcase

from mail.resolver import NoDomain, NullMx, Resolver

PATIENCE_S = 1.0
_AT_ONCE = 2_000


async def without_mail(resolver: Resolver, domains: Sequence[str], routes: Sequence[str]) -> dict[str, str]:
    """Look up `domains` (most frequent first) and return {domain: nxdomain | null_mx} of those that take no mail."""
    asked = [domain for domain in domains if not any(fnmatchcase(domain, route.lower()) for route in routes)]
    found: dict[str, str] = {}
    waiting = iter(asked)

    async def work() -> None:
        for domain in waiting:
            answer = await resolver.mail_domain(domain)
            if isinstance(answer, NullMx):
                found[domain] = "null_mx"
            elif isinstance(answer, NoDomain) and not answer.exists:
                found[domain] = "nxdomain"

    workers = [asyncio.create_task(work()) for _ in range(min(_AT_ONCE, len(asked)))]
    if workers:
        _, late = await asyncio.wait(workers, timeout=PATIENCE_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return found
