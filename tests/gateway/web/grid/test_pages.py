"""The table of a report: filter, columns, order, count, and every state in which there are no rows."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from web_fixture import Web

from gateway.web.grid import looking
from parsers.filters import OPERATORS
from store import grid, haystacks, orderings
from store.grid import Count, Page
from store.within import TooLong


async def shown(web: Web, query: str = "", **headers: str) -> str:
    answer = await web.reader.get(f"/r/{web.word}/details?{query}", **headers)
    assert answer.status == 200
    return answer.text


def people(text: str) -> list[str]:
    return re.findall(r"(r\d)@d\.test</a>", text)


def words(*rows: tuple[str, str, str]) -> str:
    return urlencode([pair for c, o, v in rows for pair in (("c", c), ("o", o), ("v", v), ("w", ""))])


async def test_a_filter_narrows_and_says_so(web: Web) -> None:
    text = await shown(web, words(("l0", "contains", "noël")))
    assert people(text) == ["r4"] and "1 destinataire<" in text
    assert "Nom contient «\u00a0noël\u00a0»" in text and 'class="many">1<' in text
    text = await shown(web, words(("l0", "contains", "noël"), ("l0", "contains", "dupont")) + "&m=any&lang=en")
    assert people(text) == ["r2", "r4"] and "Nom contains “dupont”" in text
    text = await shown(web, words(("clicks", "least", "3")))
    assert people(text) == [] and "Aucun destinataire ne remplit ces conditions" in text


async def test_a_bad_filter_is_answered_by_a_sentence_and_kept(web: Web) -> None:
    text = await shown(web, words(("email", "filled", ""), ("opened", "on", "<demain>")))
    assert "Condition 2\u00a0: «\u00a0&lt;demain&gt;\u00a0» n&#39;est pas une date" in text and 'role="alert"' in text
    assert people(text) == [] and 'value="&lt;demain&gt;"' in text and 'aria-invalid="true"' in text
    assert (await web.reader.get(f"/r/{web.word}?{words(('x', 'is', 'y'))}")).status == 200
    answer = await web.reader.get(f"/r/{web.word}/export.csv?{words(('x', 'is', 'y'))}")
    assert answer.status == 400 and "Ce filtre ne peut pas être appliqué" in answer.text


async def test_columns_are_chosen_and_kept_in_every_address(web: Web) -> None:
    text = await shown(web, "cols=line,l1,email,domain,provider,attempts,delivered")
    heads = re.findall(r'<th scope="col"[^>]*>(?:<a[^>]*>)?([^<]+)', text)
    assert heads == ["Ligne", "Lien", "E-mail", "Domaine", "Fournisseur", "Essais", "Délivré le"]
    assert "https://own.test/é?a=b" in text and 'class="c-domain"' in text
    assert all("cols=line" in unescape(href) for href in re.findall(r'class="tabs.*?</nav>', text, re.DOTALL))
    text = await shown(web, "cols=l0")
    assert text.count("data-history") == 3, "the story is reached without the address, too"


async def test_the_export_is_what_is_shown(web: Web) -> None:
    query = "cols=email,l0&sort=l0&down=1&" + words(("l0", "filled", ""))
    lines = (await web.reader.get(f"/r/{web.word}/export.csv?{query}")).text.lstrip("\ufeff").splitlines()
    assert lines == ["E-mail;Nom", "r4@d.test;Noël", "r2@d.test;Dupont & fils", "r3@d.test;'=1+1"]


async def test_a_long_list_is_sorted_first_and_the_page_says_so(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orderings, "SHORT", 1)
    text = await shown(web, "sort=l0")
    assert "Nous trions la liste" in text and "la trier par Nom" in text and 'data-soon="1000"' in text
    async with asyncio.timeout(60):
        while "Nous trions" in (text := await shown(web, "sort=l0")):
            await asyncio.sleep(0.01)
    assert people(text) == ["r3", "r2", "r4"]  # =1+1, Dupont, Noël
    await web.reader.app.state.sorter.close()


async def test_a_search_that_takes_long_is_shown_in_parts(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid, "_FIRST", 1)
    monkeypatch.setattr(grid, "_LONGEST", 1)
    monkeypatch.setattr(looking, "LOOK", 0.0)
    monkeypatch.setattr(looking, "COUNT", 0.0)
    monkeypatch.setattr(haystacks, "SHORTEST", 9)  # nothing is gathered meanwhile: that would spare turns
    text, found, turns = await shown(web, "q=no%C3%ABl"), [], 0
    assert "Recherche en cours" in text and "data-more" in text
    counting = re.search(r'data-counting="([^"]+)"', text)
    assert counting is not None
    while True:
        found, turns = found + people(text), turns + 1
        more = re.search(r'data-more>.*?href="([^"]+)"', text, re.DOTALL)
        if more is None:
            break
        text = await shown(web, unescape(more[1]).partition("?")[2].partition("#")[0])
    assert found == ["r4"] and turns == 3
    url, told = unescape(counting[1]), {}
    while url:
        told = orjson.loads((await web.reader.get(url)).body)
        url = told["next"]
    assert told["text"] == "1 destinataire"


async def test_what_the_database_had_to_stop_is_said(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stopped(*_: Any, **__: Any) -> Page:
        raise TooLong

    monkeypatch.setattr(grid, "page", stopped)
    assert "a été arrêtée" in await shown(web, "q=x")
    monkeypatch.setattr(grid, "count", stopped)
    assert orjson.loads((await web.reader.get(f"/r/{web.word}/count?q=x")).body) == {"text": "", "next": ""}


async def test_more_than_ten_thousand_are_not_counted(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    async def many(*_: Any, **__: Any) -> Count:
        return Count(10_001)

    monkeypatch.setattr(grid, "count", many)
    monkeypatch.setattr(looking, "ROWS", 1)
    assert "plus de 10\u202f000 destinataires" in await shown(web, "q=d.test")
    assert "more than 10,000 recipients" in await shown(web, "q=d.test&lang=en")


async def test_every_comparison_has_its_words(web: Web) -> None:
    values = {"text": "x", "choice": "", "moment": "2026-10-09", "number": "1"}
    columns = {"text": "email", "choice": "status", "moment": "opened", "number": "clicks"}
    for kind, operators in OPERATORS.items():
        for operator in operators:
            value = "clicked" if kind == "choice" else "9" if operator == "hours" else values[kind]
            other = "12" if operator == "hours" else values[kind]
            query = urlencode([("c", columns[kind]), ("o", operator), ("v", value), ("w", other)])
            for lang in ("fr", "en"):
                assert 'class="chip"' in await shown(web, f"{query}&lang={lang}"), operator


@pytest.mark.parametrize(
    "query", ["after=0.1.9999999999999999999", "before=99.1.1", "after=0.-1.0", "n=x", "sort=l2", "cols=,,"]
)
async def test_nonsense_in_an_address_is_the_default(web: Web, query: str) -> None:
    assert (await web.reader.get(f"/r/{web.word}/details?{query}")).status == 200
    assert (await web.reader.get(f"/r/{web.word}/count?{query}")).status == 200
