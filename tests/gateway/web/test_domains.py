"""The page of a campaign's domains: counted once for many who ask, the rest told together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from web_fixture import Web

from gateway.web import domains as page
from store import domains


async def test_the_domains_are_told_and_counted_once(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    really = domains.largest

    async def counted(*args: Any) -> tuple[domains.Domain, ...]:
        nonlocal asked
        asked += 1
        return await really(*args)

    monkeypatch.setattr(domains, "largest", counted)
    path = f"/r/{web.word}/domains"
    answers = await asyncio.gather(*(web.reader.get(path) for _ in range(5)))
    assert {one.status for one in answers} == {200} and asked == 1
    assert (
        '<th scope="row">d.test</th><td class="num">3</td>' in answers[0].text
        and "Autres domaines" not in answers[0].text
    )
    assert (await web.reader.get(f"/r/{'x' * 43}/domains")).status == 404
    assert f'href="/r/{web.word}/domains' not in (await web.reader.get(f"/r/{web.word}")).text, (
        "no provider is known yet"
    )


async def test_rare_domains_are_one_row(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST", 1)
    ledger = await web.ledger()
    rows = (domains.Domain("a.test", 2, 0, 0, 0, 0, 2),)
    assert page.others(rows, ledger) == domains.Domain("", 1, 0, 0, 0, 0, 1)
    assert page.others((domains.Domain("a.test", 3, 0, 0, 0, 0, 3),), ledger) is None
