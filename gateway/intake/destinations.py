"""Which provider takes the mail of a list's domains: counted by provider, for whoever forecasts.

In: domains with what waits for each, the resolver, static routes, the providers in force. Out: what waits by the key of a
provider, "" for sites of no known one and for domains whose DNS did not answer in time. Nothing is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from config.providers import Provider, Providers, Watch
from config.settings import split_hostport
from mail.resolver import Mx, Resolver
from store.forecasts import Waiting

_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Flow:
    """What waits for a provider: never tried, tried, when the last retry is due (UTC ms), in how many domains."""

    fresh: int = 0
    tried: int = 0
    again_at: int = 0
    domains: int = 0


@lru_cache(maxsize=4)
def watch(own: Path) -> Watch:
    """The providers in force, read again when the operator's file changes; one a process."""
    return Watch(own)


def key_of(provider: Provider) -> str:
    """The key of a provider as counters have it: "" for the one that stands for all others."""
    return provider.key if provider.mx else ""


def name_of(providers: Providers, key: str) -> str:
    """How people call a provider: the first of its names; "" for none."""
    found = providers.named(key) if key else None
    return found.name.partition(",")[0] if found is not None else key


async def flows(
    waiting: Sequence[Waiting], resolver: Resolver, routes: Mapping[str, str], providers: Providers, patience: float
) -> dict[str, Flow]:
    """Sum up what waits by provider; DNS gets so many seconds in all."""
    found: dict[str, str] = {}
    left = iter([one.domain for one in waiting if one.domain])

    async def work() -> None:
        for domain in left:
            found[domain] = await _provider(domain, resolver, routes, providers)

    tasks = [asyncio.create_task(work()) for _ in range(min(_AT_ONCE, len(waiting)))]
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=patience)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    summed: dict[str, Flow] = {}
    for one in waiting:
        key = found.get(one.domain, "")
        flow = summed.get(key, Flow())
        again_at = max(flow.again_at, one.again_at)
        summed[key] = Flow(flow.fresh + one.fresh, flow.tried + one.tried, again_at, flow.domains + 1)
    return summed


async def _provider(domain: str, resolver: Resolver, routes: Mapping[str, str], providers: Providers) -> str:
    for pattern, place in routes.items():
        if fnmatchcase(domain, pattern.lower()):
            return key_of(providers.of([split_hostport(place)[0]]))
    answer = await resolver.mail_domain(domain)
    return key_of(providers.of([host for _, host in sorted(answer.hosts)])) if isinstance(answer, Mx) else ""
