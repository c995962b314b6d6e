"""Pages are small on the wire, unless their length could tell a stranger what stands in them."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from visitor import Visitor, user
from web_fixture import Web
from web_helpers import Answer, Reader

from gateway.web.compress import LEAST, Compress
from gateway.web.pages import STATIC, asset


def unpacked(answer: Answer) -> str:
    assert answer.headers["content-encoding"] == "gzip" and "Accept-Encoding" in answer.headers["vary"]
    assert int(answer.headers["content-length"]) == len(answer.body)
    return gzip.decompress(answer.body).decode()


async def test_the_report_and_its_table_are_compressed_for_whoever_takes_it(web: Web) -> None:
    for place in ("", "/details", "/live", ".json"):
        path = f"/r/{web.word}{place}"
        plain, small = await web.reader.get(path), await web.reader.get(path, accept_encoding="br, gzip;q=0.8")
        assert "content-encoding" not in plain.headers
        if len(plain.body) < LEAST:
            assert small.body == plain.body
        else:
            assert abs(len(unpacked(small)) - len(plain.text)) < 50 and len(small.body) < len(plain.body) / 2
    for refused in ("identity", "gzip;q=0", "deflate, gzip; q=0"):
        assert "content-encoding" not in (await web.reader.get(f"/r/{web.word}", accept_encoding=refused)).headers


async def test_a_foreign_page_cannot_weigh_what_a_cookie_opens(web: Web) -> None:
    await user(web.db, "anne", "admin")
    anne, page = Visitor(web.reader, {"accept_encoding": "gzip"}), f"/x/campagnes/{web.campaign.id}?q=guess"
    await anne.enter("anne")
    for site, small in (
        ("same-origin", True),
        ("none", True),
        ("same-site", False),
        ("cross-site", False),
        ("", False),
    ):
        anne.headers["sec_fetch_site"] = site
        answer = await anne.get(page)
        assert answer.status == 200 and ("content-encoding" in answer.headers) is small, site


@pytest.mark.parametrize("name", STATIC)
async def test_static_files_are_compressed_once_and_kept(web: Web, name: str) -> None:
    plain, small = await web.reader.get(asset(name)), await web.reader.get(asset(name), accept_encoding="gzip")
    assert "immutable" in small.headers["cache-control"]
    assert plain.text == (unpacked(small) if "content-encoding" in small.headers else small.text)


async def test_streams_and_files_pass_as_they_come(web: Web) -> None:
    told: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        kind = b"text/event-stream" if len(told) == 0 else b"text/html"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
        told.append("start")
        for piece, more in ((b"a" * 2_000, True), (b"b", False)):
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    reader = Reader(Compress(app))  # type: ignore[arg-type]
    for _ in range(2):
        answer = await reader.get("/", accept_encoding="gzip")
        assert answer.body == b"a" * 2_000 + b"b" and "content-encoding" not in answer.headers
    export = await web.reader.get(f"/r/{web.word}/export.csv", accept_encoding="gzip")
    assert "content-encoding" not in export.headers and "r2@d.test" in export.text
