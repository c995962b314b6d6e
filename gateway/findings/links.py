"""Whether the pages exist that a campaign's links name: asked only where the settings say so, with HEAD, of public addresses.

In: the links as compiled, the careful client. Out: a finding for each that is surely gone or has no valid certificate. Links
with merged values, and those that look like unsubscribing or confirming something, are never asked. Raises nothing but
CancelledError.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.findings.finding import Finding, Where
from mail.fetch import Client, Fetched, Trouble, Unfetched

_MOST = 20
_AT_ONCE = 5
_GONE = (404, 410)
_ACTS = re.compile(
    r"d[ée]s?abonn|d[ée]sinscri|unsubscri|opt-?out|opt-?in|confirm|valid|delete|remove|supprim|logout|token=|[?&]key=",
    re.I,
)


def askable(links: Sequence[Mapping[str, Any]]) -> list[str]:
    """The targets that may be asked, each once."""
    targets = [
        str(one["target"]) for one in links if not one["merged"] and not _ACTS.search(f"{one['target']} {one['label']}")
    ]
    web = [target for target in targets if target.lower().startswith(("http://", "https://")) and "{{" not in target]
    return list(dict.fromkeys(web))[:_MOST]


async def of_links(links: Sequence[Mapping[str, Any]], client: Client, patience: float) -> list[Finding]:
    """Ask the links of a campaign; those that do not answer within `patience` seconds are not judged."""
    turns, found = asyncio.Semaphore(_AT_ONCE), {}

    async def ask(target: str) -> None:
        async with turns:
            found[target] = _judged(target, await client.head(target.partition("#")[0]))

    targets = askable(links)
    tasks = [asyncio.create_task(ask(target)) for target in targets]
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=patience)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [one for target in targets if (one := found.get(target)) is not None]


def _judged(target: str, answer: Fetched | Unfetched) -> Finding | None:
    match answer:
        case Fetched(status=status) if status in _GONE:
            return Finding("link_dead", Where.HTML, {"what": target[:200], "why": f"HTTP {status}"})
        case Unfetched(why=Trouble.NO_HOST):
            return Finding("link_dead", Where.HTML, {"what": target[:200], "why": "DNS"})
        case Unfetched(why=Trouble.CERTIFICATE):
            return Finding("link_certificate", Where.HTML, {"what": target[:200]})
        case _:
            return None  # 403, 405, 5xx, silence: many servers refuse HEAD and yet have the page
