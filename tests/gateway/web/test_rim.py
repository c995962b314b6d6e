"""Every answer carries its guards; errors are pages in the reader's language; health tells the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from starlette.requests import Request
from web_fixture import Web
from web_helpers import Reader

from gateway.web.app import build
from gateway.web.pages import asset
from store.engine import Database


@pytest.mark.parametrize("path", ["/", "/nothing", "/u/x", "/r/x", "/healthz", "/robots.txt", "/o/x.gif"])
async def test_every_answer_is_guarded(web: Web, path: str) -> None:
    headers = (await web.reader.get(path)).headers
    assert headers["referrer-policy"] == "no-referrer" and headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff" and "noindex" in headers["x-robots-tag"]
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy and "unsafe" not in policy
    assert "set-cookie" not in headers


async def test_errors_speak_the_reader_s_language(web: Web) -> None:
    french, english = await web.reader.get("/no"), await web.reader.get("/no", accept_language="en-GB")
    assert (french.status, english.status) == (404, 404)
    assert "Page introuvable" in french.text and "Page not found" in english.text
    assert (await web.reader.post("/", {})).status == 405


async def test_static_files_are_kept_by_their_hash(web: Web) -> None:
    for name, kind in (("app.css", "text/css"), ("app.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        answer = await web.reader.get(asset(name))
        assert answer.status == 200 and answer.headers["content-type"].startswith(kind)
        assert "immutable" in answer.headers["cache-control"]
    assert (await web.reader.get("/static/old/app.css")).headers["cache-control"] == "no-store"
    assert (await web.reader.get("/static/x/..%2Fpages.py")).status == 404


async def test_pages_load_nothing_from_elsewhere(web: Web) -> None:
    for path in ("/", f"/r/{web.word}", "/nothing"):
        text = (await web.reader.get(path)).text
        assert "style=" not in text and " onclick" not in text and "<script>" not in text
        assert not [part for part in text.split('"') if part.startswith(("http:", "https:", "//"))]


async def test_health(web: Web) -> None:
    assert (await web.reader.get("/healthz")).status == 200
    assert (await web.reader.get("/readyz")).status == 200
    assert "Disallow: /" in (await web.reader.get("/robots.txt")).text
    assert (await web.reader.get("/healthz")).status == 200


async def test_a_database_that_fails_is_said(web: Web, tmp_path: Path) -> None:
    empty = Database.open(f"sqlite+aiosqlite:///{tmp_path / 'none' / 'empty.db'}")
    reader = Reader(build(replace(web.reader.app.state.context, db=empty)))
    try:
        assert (await reader.get("/readyz")).status == 503
        assert (await reader.get("/healthz")).status == 200
    finally:
        await empty.close()


class Ended(Exception):
    """What the driver says when the server has ended something."""

    def __init__(self, state: str) -> None:
        super().__init__("ended")
        self.sqlstate = state


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OperationalError("UPDATE …", None, Ended("55P03")), 503),  # a lock, bounded
        (OperationalError("UPDATE …", None, Ended("25006")), 503),  # a server that became a standby
        (OperationalError("UPDATE …", None, Ended("")), 500),
        (ConnectionError("no connection to the database"), 503),
        (ValueError("a bug"), 500),
    ],
)
async def test_a_page_that_met_an_outage_asks_its_reader_to_come_again(web: Web, error: Exception, status: int) -> None:
    app = build(web.reader.app.state.context)
    scope = {"type": "http", "app": app, "method": "GET", "path": "/", "query_string": b"", "headers": []}
    answer = await app.exception_handlers[Exception](Request(scope), error)  # type: ignore[misc]
    assert (answer.status_code, "retry-after" in answer.headers) == (status, status == 503)
