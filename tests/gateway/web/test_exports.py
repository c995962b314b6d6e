"""Long exports: asked for by a form, made in the background, fetched; begun anew after a crash, and forgotten in time."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xlrd
from sqlalchemy import update
from store_helpers import KEYS
from web_fixture import Web
from web_helpers import Reader

from gateway import sheet_xls
from gateway.web.app import build
from gateway.web.exports import maker as making
from gateway.web.exports.maker import Maker
from gateway.web.grid import listing
from gateway.web.guard import proof
from store import erasing, exports
from store.engine import now_ms
from store.exports import Export, State
from store.tables import campaigns as campaigns_table
from store.tables_grid import exports as table


@pytest.fixture
def maker(web: Web, tmp_path: Path) -> Maker:
    """The web application with a folder for files."""
    app = build(replace(web.reader.app.state.context, folder=tmp_path))
    object.__setattr__(web, "reader", Reader(app))
    found: Maker = app.state.maker
    return found


async def ask(web: Web, kind: str = "csv", query: str = "", **more: str) -> Any:
    fields = {"kind": kind, "query": query, "proof": proof(web.word, "exports"), **more}
    return await web.reader.post(f"/r/{web.word}/exports", fields)


async def known(web: Web, number: int = 1) -> Export:
    async with web.db.read() as conn:
        found = await exports.get(conn, number)
    assert found is not None
    return found


async def test_it_is_asked_for_made_and_fetched(web: Web, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LONG", 1)
    page = (await web.reader.get(f"/r/{web.word}?cols=email,l0&sort=l0&down=1")).text
    form = re.search(r'name="kind" value="csv"><input type="hidden" name="query" value="([^"]+)"', page)
    assert form is not None and f'name="proof" value="{proof(web.word, "exports")}"' in page
    answer = await ask(web, "csv", form[1].replace("&amp;", "&"))
    assert answer.status == 303 and answer.headers["location"].endswith("/exports/1?lang=fr")
    place = answer.headers["location"]
    text = (await web.reader.get(place)).text
    assert "Nous préparons votre fichier" in text and 'http-equiv="refresh"' in text and "sur 3" in text
    assert (await web.reader.get(f"/r/{web.word}/exports/1/file")).status == 404
    assert await maker.turn() and not await maker.turn()
    text = (await web.reader.get(place)).text
    assert "Votre fichier est prêt" in text and "refresh" not in text and "3 destinataires" in text
    file = await web.reader.get(f"/r/{web.word}/exports/1/file")
    assert file.text.lstrip("\ufeff").splitlines() == [
        "E-mail;Nom", "r4@d.test;Noël", "r2@d.test;Dupont & fils", "r3@d.test;'=1+1",
    ]  # fmt: skip
    assert "Rentree-export.csv" in file.headers["content-disposition"]
    assert (await web.reader.get(f"/r/{web.word}/exports/2")).status == 404


async def test_only_our_own_form_asks_and_the_same_is_made_once(web: Web, maker: Maker) -> None:
    assert (await ask(web, proof="x" * 32)).status == 403
    assert (await ask(web, "pdf")).status == 404
    assert (await ask(web, query="c=clicks&o=least&v=x&w=")).status == 400
    assert (await web.reader.get(f"/r/{web.word}/exports")).status == 404, "asking is never by GET"
    assert [(await ask(web, query=f"q={i}")).status for i in (1, 1, 2, 3, 4)] == [303, 303, 303, 303, 503]
    assert len(list(await exports_of(web))) == 3


async def exports_of(web: Web) -> list[Any]:
    async with web.db.read() as conn:
        return list((await conn.execute(table.select())).all())


async def test_a_crash_begins_it_anew_and_a_second_one_is_said(web: Web, maker: Maker) -> None:
    await ask(web)
    for state in (State.WAITING, State.FAILED):
        async with web.db.write() as conn:
            assert await exports.take(conn, 1) is not None
        await maker.revive()
        assert (await known(web)).state is state
    text = (await web.reader.get(f"/r/{web.word}/exports/1?lang=en")).text
    assert "stopped twice" in text and 'role="alert"' in text


async def test_a_full_disk_is_said_and_leaves_nothing(web: Web, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "MOST", 10)
    await ask(web)
    await maker.turn()
    assert (await known(web)).why == "disk"
    assert list(maker.path(await known(web)).parent.iterdir()) == []
    assert "plus assez de place" in (await web.reader.get(f"/r/{web.word}/exports/1")).text


async def test_files_go_in_time_and_with_the_people_in_them(web: Web, maker: Maker) -> None:
    for number, query in ((1, ""), (2, "q=r2")):
        await ask(web, query=query)
        await maker.turn()
        assert maker.path(await known(web, number)).is_file()
    first, second = maker.path(await known(web, 1)), maker.path(await known(web, 2))
    first.with_name("77.csv").write_bytes(b"of nobody")
    async with web.db.write() as conn:
        await conn.execute(update(table).where(table.c.id == 1).values(created_at=now_ms() - exports.KEPT - 1))
    await maker.sweep()
    assert [one.name for one in first.parent.iterdir()] == [second.name]
    async with web.db.write() as conn:
        await erasing.blank(conn, [web.people[0]], KEYS)
    await maker.sweep()
    assert not second.exists() and await exports_of(web) == []
    await ask(web)
    async with web.db.write() as conn:
        await conn.execute(update(campaigns_table).values(erased_at=1))
    await maker.turn()
    assert (await known(web, (await exports_of(web))[0].id)).why == "gone"


async def test_a_xls_that_cannot_hold_it_says_xlsx(web: Web, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_xls, "MOST", 2)
    for answer in (await ask(web, "xls"), await web.reader.get(f"/r/{web.word}/export.xls")):
        assert answer.status == 422 or (await maker.turn() and "XLSX" in answer.text)
        assert "fichier XLSX" in answer.text
    assert (await web.reader.get(f"/r/{web.word}/export.xls?q=r2")).status == 200
    await ask(web, "xls", "q=d.test")  # not counted before
    await maker.turn()
    assert (await known(web)).why == "rows"
    book = xlrd.open_workbook(file_contents=(await web.reader.get(f"/r/{web.word}/lines.xls")).body)
    assert book.sheet_by_index(0).row_values(1)[:2] == [5.0, "x@"]
