"""The same promises on PostgreSQL, over several hosts: processes, hosts and the database server itself are killed at work."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from crashing import IN_FLIGHT, acknowledged, assert_nothing_lost, finished, people, worker
from postgres import Postgres, serving
from running import Running, message, until
from sink import Sink

pytestmark = [pytest.mark.crash, pytest.mark.peers]
PEOPLE = 1_500
OTHER = "127.0.0.2"  # the second host's address
JOINED = '"event": "worker_joined"'


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with serving() as made:
        yield made


@pytest.fixture
def url(server: Postgres, tmp_path: Path) -> str:
    return server.create(f"m2c_{abs(hash(tmp_path)) % 1_000_000}")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


@pytest.fixture
def gateway(url: str, tmp_path: Path, sink: Sink) -> Iterator[Running]:
    made = Running(tmp_path / "gateway", sink.port, DATABASE__URL=url)
    made.start()
    yield made
    made.stop()


def sent(sink: Sink, count: int) -> None:
    until(lambda: len(people(sink)) >= count, 120, f"{count} mails")


def test_random_kills_lose_nothing(gateway: Running, sink: Sink) -> None:
    dice = random.Random(8)
    gateway.submit(message(PEOPLE))
    token = acknowledged(sink)
    killed = 0
    for progress in (100, 500, 900):
        sent(sink, progress)
        role = dice.choice(["_send", "_receive", "_web"])
        for pid in gateway.children(role)[:1]:
            os.kill(pid, signal.SIGKILL)
            killed += role == "_send"
    sent(sink, 1_200)
    gateway.kill_all()
    gateway.start()
    report = finished(gateway, token)
    assert report["statuses"]["delivered"] == report["recipients"] == PEOPLE
    assert_nothing_lost(sink, PEOPLE, (killed + 2) * IN_FLIGHT)


def test_the_database_server_is_killed_at_work(gateway: Running, server: Postgres, sink: Sink) -> None:
    """What was not committed is sent again, within the bound; nothing is lost, and everybody comes back by itself."""
    gateway.submit(message(PEOPLE))
    token = acknowledged(sink)
    for progress in (200, 700):
        sent(sink, progress)
        server.stop("immediate")
        server.start()
    report = finished(gateway, token)
    assert report["statuses"]["delivered"] == PEOPLE
    assert_nothing_lost(sink, PEOPLE, 2 * 2 * IN_FLIGHT)


def test_a_host_joins_and_dies(gateway: Running, sink: Sink, tmp_path: Path) -> None:
    """Two hosts share the work; one dies whole: the other ends it, repeating no more than what the dead one had in flight."""
    host = worker(gateway, tmp_path / "host", OTHER)
    log = tmp_path / "host" / "worker.log"
    try:
        until(lambda: log.read_text().count(JOINED) >= 2, 120, "the senders of the second host join")
        gateway.submit(message(PEOPLE, domains=3))
        token = acknowledged(sink)
        sent(sink, PEOPLE // 3)
    finally:
        os.killpg(host.pid, signal.SIGKILL)
        host.wait()
    assert finished(gateway, token)["statuses"]["delivered"] == PEOPLE
    assert_nothing_lost(sink, PEOPLE, 2 * IN_FLIGHT)
    assert {mail.peer for mail in people(sink)} == {"127.0.0.1", OTHER}, "both had their part"
