"""The page of a file and the file: right bytes for the right person, and nothing else for anybody."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256

import pytest
from sqlalchemy import update
from web_fixture import RING, Web

from gateway.web.download import disposition, wanted
from parsers.tokens import Purpose, sign
from store import files
from store.engine import now_ms
from store.tables import campaigns, recipients
from store.values import CampaignState

DATA = os.urandom(files.PIECE * 2 + 1_000)
OWN = b"only for Dupont"
SECRET = b"only for the other"


@dataclass(frozen=True)
class Site:
    web: Web
    shared: str
    first: str
    second: str

    async def change(self, **values: object) -> None:
        async with self.web.db.write() as conn:
            await conn.execute(update(campaigns).where(campaigns.c.id == self.web.campaign.id).values(**values))


async def put(web: Web, number: int, name: str, data: bytes) -> None:
    async with web.db.write() as conn:
        file = await files.add(conn, web.campaign.id, number, name, len(data), sha256(data).digest(), 86_400_000)
        await files.append(conn, file, 0, data)


@pytest.fixture
async def site(web: Web) -> Site:
    for number, (name, data) in enumerate((("Plaquette été.pdf", DATA), ("dupont.pdf", OWN), ("autre.txt", SECRET))):
        await put(web, number, name, data)
    async with web.db.write() as conn:
        await conn.execute(update(campaigns).values(options='{"attachments": "links", "documents": 0}'))
        for who, cell in ((1, "dupont"), (2, "autre.txt;Plaquette été.pdf")):
            values = {"fields": f'["{cell}", "", "x"]'}
            await conn.execute(update(recipients).where(recipients.c.id == who).values(**values))
    own = [sign(RING, Purpose.DOCUMENT, who, 0) for who in (1, 2)]
    return Site(web, sign(RING, Purpose.FILE, web.campaign.id, 0), *own)


async def test_the_page_says_what_it_is(site: Site) -> None:
    answer = await site.web.reader.get(f"/f/{site.shared}")
    assert answer.status == 200
    assert "Plaquette été.pdf" in answer.text and "PDF" in answer.text and "525 ko" in answer.text
    assert "Société &lt;A&gt; vous envoie un fichier" in answer.text
    assert f'href="/f/{site.shared}/file"' in answer.text
    assert "set-cookie" not in answer.headers and answer.headers["referrer-policy"] == "no-referrer"
    english = (await site.web.reader.get(f"/f/{site.shared}?lang=en")).text
    assert "sends you a file" in english and "525 kB" in english and 'lang="en"' in english


async def test_the_file_comes_whole_as_a_download(site: Site) -> None:
    answer = await site.web.reader.get(f"/f/{site.shared}/file")
    assert (answer.status, answer.body) == (200, DATA)
    head = answer.headers
    assert head["content-disposition"] == (
        "attachment; filename=\"Plaquette ete.pdf\"; filename*=UTF-8''Plaquette%20%C3%A9t%C3%A9.pdf"
    )
    assert head["content-length"] == str(len(DATA)) and head["content-type"] == "application/pdf"
    assert head["x-content-type-options"] == "nosniff" and "sandbox" in head["content-security-policy"]
    assert head["cache-control"] == "no-store" and "set-cookie" not in head
    only_head = await site.web.reader.ask("HEAD", f"/f/{site.shared}/file", b"", {})
    assert (only_head.status, only_head.body, only_head.headers["content-length"]) == (200, b"", str(len(DATA)))


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        ("bytes=0-9", 206, 0, 10),
        (f"bytes={files.PIECE - 5}-{files.PIECE + 5}", 206, files.PIECE - 5, files.PIECE + 6),
        ("bytes=-100", 206, len(DATA) - 100, len(DATA)),
        (f"bytes={files.PIECE}-", 206, files.PIECE, len(DATA)),
        ("bytes=5-99999999999", 206, 5, len(DATA)),
        ("bytes=0-1,5-9", 200, 0, len(DATA)),
        ("bytes=9-5", 200, 0, len(DATA)),
        ("rows=1-2", 200, 0, len(DATA)),
        ("bytes=-", 200, 0, len(DATA)),
    ],
)
async def test_one_range(site: Site, asked: str, status: int, first: int, last: int) -> None:
    answer = await site.web.reader.get(f"/f/{site.shared}/file", range=asked)
    assert (answer.status, answer.body) == (status, DATA[first:last])
    if status == 206:
        assert answer.headers["content-range"] == f"bytes {first}-{last - 1}/{len(DATA)}"


async def test_ranges_beyond_and_of_another_version(site: Site) -> None:
    path = f"/f/{site.shared}/file"
    beyond = await site.web.reader.get(path, range=f"bytes={len(DATA)}-")
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{len(DATA)}")
    etag = (await site.web.reader.get(path)).headers["etag"]
    assert (await site.web.reader.get(path, range="bytes=0-1", if_range=etag)).status == 206
    assert (await site.web.reader.get(path, range="bytes=0-1", if_range='"other"')).status == 200
    assert wanted("bytes=-5", 0) is None and wanted("", 0) == (0, 0)


async def test_each_person_gets_their_own_and_nobody_elses(site: Site) -> None:
    assert (await site.web.reader.get(f"/f/{site.first}/file")).body == OWN
    assert (await site.web.reader.get(f"/f/{site.second}/file")).body == SECRET
    further = sign(RING, Purpose.DOCUMENT, 2, 1)
    assert (await site.web.reader.get(f"/f/{further}/file")).body == DATA
    for token in (
        sign(RING, Purpose.DOCUMENT, 1, 1),
        sign(RING, Purpose.DOCUMENT, 3, 0),
        sign(RING, Purpose.DOCUMENT, 99),
    ):
        answer = await site.web.reader.get(f"/f/{token}/file")
        assert answer.status == 410 and SECRET not in answer.body and OWN not in answer.body


async def test_nothing_else_opens_it(site: Site) -> None:
    altered = site.shared[:-1] + ("a" if site.shared[-1] != "a" else "b")
    others = [
        sign(RING, purpose, site.web.campaign.id)
        for purpose in Purpose
        if purpose not in (Purpose.FILE, Purpose.DOCUMENT)
    ]
    for token in (altered, site.shared.upper(), "x", *others):
        for path in (f"/f/{token}", f"/f/{token}/file"):
            answer = await site.web.reader.get(path)
            assert answer.status == 404 and "location" not in answer.headers
    assert (await site.web.reader.post(f"/f/{site.shared}", {})).status == 405
    assert (await site.web.reader.get(f"/f/{site.shared}/file/")).status in (307, 404)


async def test_after_its_time_it_is_gone(site: Site) -> None:
    await site.change(state=CampaignState.FINISHED, finished_at=now_ms() - 86_400_000 + 60_000)
    assert (await site.web.reader.get(f"/f/{site.shared}")).status == 200
    await site.change(finished_at=now_ms() - 86_400_000)
    for path in (f"/f/{site.shared}", f"/f/{site.shared}/file", f"/f/{site.first}/file"):
        answer = await site.web.reader.get(path)
        assert answer.status == 410 and "plus disponible" in answer.text
    async with site.web.db.write() as conn:
        while await files.sweep(conn, now_ms()):
            pass
    assert (await site.web.reader.get(f"/f/{site.shared}")).status == 410


async def test_an_erased_campaign_hands_out_nothing(site: Site) -> None:
    await site.change(erased_at=1)
    for token in (site.shared, site.first):
        assert (await site.web.reader.get(f"/f/{token}/file")).status == 410


async def test_a_campaign_that_does_not_exist_yet_has_no_files(site: Site) -> None:
    await site.change(state=CampaignState.LOADING)
    assert (await site.web.reader.get(f"/f/{site.shared}")).status == 404


async def test_what_runs_is_not_handed_out(site: Site) -> None:
    await put(site.web, 3, "setup.exe", b"MZ\0")
    token = sign(RING, Purpose.FILE, site.web.campaign.id, 3)
    for path in (f"/f/{token}", f"/f/{token}/file"):
        answer = await site.web.reader.get(path)
        assert answer.status == 403 and b"MZ\0" not in answer.body


async def test_so_many_at_once_and_no_more(site: Site) -> None:
    turn = site.web.reader.app.state.downloads
    taken = 0
    while not turn.locked():
        await turn.acquire()
        taken += 1
    busy = await site.web.reader.get(f"/f/{site.shared}/file")
    assert (taken, busy.status, busy.headers["retry-after"]) == (100, 503, "10")
    assert (await site.web.reader.get(f"/f/{site.shared}")).status == 200
    turn.release()
    assert (await site.web.reader.get(f"/f/{site.shared}/file")).body == DATA


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ('a"b\r\nX: y.pdf', "attachment; filename=\"a_bX_ y.pdf\"; filename*=UTF-8''a%22bX%3A%20y.pdf"),
        ("facture\u202efdp.txt", "attachment; filename=\"facturefdp.txt\"; filename*=UTF-8''facturefdp.txt"),
        ("日本", "attachment; filename=\"download\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC"),
        ("../../etc", "attachment; filename=\"_.._etc\"; filename*=UTF-8''..%2F..%2Fetc"),
    ],
)
def test_names_cannot_mislead(name: str, wanted: str) -> None:
    assert disposition(name) == wanted
