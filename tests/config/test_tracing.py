"""Spans reach a collector as OTLP over HTTP says, as one trace a campaign; without a collector nothing is done."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from config import tracing
from config.settings import Settings
from mta.traced import Traced


class Collector(HTTPServer):
    """Takes traces on loopback; `status` is its answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posts: list[Any] = []
        self.status = 200

    @property
    def spans(self) -> list[dict[str, Any]]:
        return [
            one for post in self.posts for scoped in post["resourceSpans"][0]["scopeSpans"] for one in scoped["spans"]
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert self.path == "/base/v1/traces" and self.headers["content-type"] == "application/json"
        self.server.posts.append(body)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield made
    tracing.end()
    made.shutdown()
    made.server_close()


def begin(collector: Collector, process: str = "receive") -> None:
    tracing.begin(f"http://127.0.0.1:{collector.server_port}/base/", "gateway.test", process)


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def test_a_mail_its_steps_and_its_delivery_are_one_trace(collector: Collector) -> None:
    begin(collector)
    way = tracing.Way("0179-ab", 1_000)
    for step in ("parse", "create"):
        with way.step(step):
            pass
    way.end(3)
    tracing.end()
    begin(collector, "send")  # another process, which knows the campaign's number alone
    traced = Traced()
    for accepted in (True, False, True):
        traced.ended(3, accepted)
    traced.written()
    traced.written()
    tracing.end()
    found = {one["name"]: one for one in collector.spans}
    assert sorted(found) == ["create", "deliver", "mail", "parse", "spool"] and len(collector.spans) == 5
    root = found.pop("mail")
    assert "parentSpanId" not in root and attributes(root) == {"ref": "0179-ab", "campaign": "3"}
    assert root["startTimeUnixNano"] == "1000000000" and root["kind"] == 1
    for one in found.values():
        assert one["parentSpanId"] == root["spanId"] and one["traceId"] == root["traceId"]
        assert int(one["startTimeUnixNano"]) <= int(one["endTimeUnixNano"])
        assert (len(one["traceId"]), len(one["spanId"])) == (32, 16) and int(one["spanId"], 16)
    assert attributes(found["deliver"]) == {"campaign": "3", "mails": "3", "accepted": "2"}
    resources = [post["resourceSpans"][0]["resource"] for post in collector.posts]
    assert [attributes(one)["process"] for one in resources] == ["receive", "send"]


def test_a_mail_that_became_nothing_is_a_trace_of_its_own(collector: Collector) -> None:
    begin(collector)
    tracing.Way("0179-cd", 1_000).end(None, "no_list")
    tracing.end()
    root, spool = collector.spans
    assert attributes(root) == {"ref": "0179-cd", "answer": "no_list"} and spool["traceId"] == root["traceId"]


def test_a_collector_that_is_away_is_said_once_and_harms_nobody(
    collector: Collector, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "_BATCH", 1)
    collector.status = 503
    begin(collector)
    for _ in range(3):
        tracing.span("campaign 1", "deliver", 1, 2)
    tracing.end()
    assert len(collector.posts) == 3
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["what"]) for line in lines] == [("failed", "tracing")]


def test_nothing_is_done_where_nobody_asks() -> None:
    code = (
        "import sys, threading; from config import tracing; tracing.begin('', 'm.test', 'send');"
        "tracing.span('campaign 1', 'x', 1, 2); way = tracing.Way('r', 1); way.end(1);"
        "sys.exit(tracing.on() or threading.active_count() > 1 or 'urllib.request' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    for wrong in ("localhost:4318", "ftp://x/", "http://x/?a=b"):
        with pytest.raises(ValueError, match="endpoint"):
            Settings(gateway={"domain": "m.test"}, tracing={"endpoint": wrong})
