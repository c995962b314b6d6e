"""`/metrics`: who may read it, and what it tells of the queue."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from web_fixture import Web

from gateway.web.metrics import allowed


def asked(client: str, **headers: str) -> Request:
    sent = {"host": "127.0.0.1:8080", **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = [(name.encode(), value.encode()) for name, value in sent.items() if value]
    return Request({"type": "http", "method": "GET", "path": "/metrics", "headers": raw, "client": (client, 1)})


@pytest.mark.parametrize(
    ("request_", "token", "may"),
    [
        (asked("127.0.0.1"), "", True),
        (asked("::1", host="[::1]:8080"), "", True),
        (asked("127.0.0.1", host="localhost:8080"), "", True),
        (asked("192.0.2.1"), "", False),
        (asked("127.0.0.1", host="campagne.example.fr"), "", False),  # a proxy on this machine
        (asked("127.0.0.1", x_forwarded_for="192.0.2.1"), "", False),
        (asked("127.0.0.1"), "secret", False),
        (asked("192.0.2.1", authorization="Bearer secret"), "secret", True),
        (asked("192.0.2.1", authorization="Bearer secre"), "secret", False),
        (asked("192.0.2.1", authorization="Basic secret"), "secret", False),
        (asked("192.0.2.1", authorization="bearer  secret "), "secret", True),
    ],
)
def test_who_may_read(request_: Request, token: str, may: bool) -> None:
    assert allowed(request_, token) is may


async def test_strangers_find_nothing_there(web: Web) -> None:
    assert (await web.reader.get("/metrics")).status == 404


async def test_what_it_tells(web: Web) -> None:
    web.reader.app.state.metrics_token = "word"
    answer = await web.reader.get("/metrics", authorization="Bearer word")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found[("mail2campaign_up",)] == 1
    assert found[("mail2campaign_queue_recipients",)] == 3
    assert found[("mail2campaign_recipients", "queued")] == 3
    assert sum(value for key, value in found.items() if key[0] == "mail2campaign_campaigns") == 1
    assert found[("mail2campaign_senders",)] == 0
    assert "r2@d.test" not in answer.text


async def test_a_database_that_is_away_is_told(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise OSError("away")

    monkeypatch.setattr("store.health.queue", broken)
    web.reader.app.state.metrics_token = "word"
    answer = await web.reader.get("/metrics", authorization="Bearer word")
    assert answer.status == 200
    assert "mail2campaign_up 0.0" in answer.text and "queue_recipients" not in answer.text
