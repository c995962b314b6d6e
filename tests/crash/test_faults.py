"""What breaks around the gateway: clock, disk, database, DNS, receivers, a frozen sender, a second gateway, an order to end.

Each case ends with the same three questions: did everybody get the mail, how many got it twice, are the accounts exact.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import smtplib
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from crashing import IN_FLIGHT, acknowledged, assert_exact, assert_nothing_lost, finished, people
from running import Running, alive, free_ports, message, until
from sink import Sink

from gateway.rehearsal import dns

pytestmark = pytest.mark.crash

MEGABYTE = 1_000_000


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


@contextmanager
def serving(folder: Path, sink: Sink, **overrides: str) -> Iterator[Running]:
    """A gateway that runs until the block ends."""
    gateway = Running(folder, sink.port, **overrides)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


def sent(sink: Sink, count: int) -> None:
    """Wait until so many of the campaign's mails have arrived."""
    until(lambda: len(people(sink)) >= count, 120, f"{count} mails")


def test_a_frozen_sender_is_ended_and_its_work_goes_on(gateway: Running, shared_sink: Sink) -> None:
    """Perhaps in the middle of a transaction, with the database's lock: nobody can wait for it."""
    gateway.submit(message(1_500))
    token = acknowledged(shared_sink)
    sent(shared_sink, 200)
    frozen, before = gateway.children("_send")[0], len(gateway.log())
    os.kill(frozen, signal.SIGSTOP)
    until(lambda: not alive(frozen), 120, "the supervisor kills it")
    assert finished(gateway, token)["statuses"]["delivered"] == 1_500
    assert len(gateway.children("_send")) == 2
    assert "child_hangs" in gateway.log()[before:]
    assert_nothing_lost(shared_sink, 1_500, IN_FLIGHT)


def test_the_database_locked_for_some_seconds(gateway: Running, shared_sink: Sink) -> None:
    """Outcomes wait, permits stay taken, nothing repeats."""
    gateway.submit(message(1_500))
    token = acknowledged(shared_sink)
    sent(shared_sink, 200)
    stranger = sqlite3.connect(database(gateway), isolation_level=None, timeout=30)
    stranger.execute("BEGIN IMMEDIATE")
    stopped = until(lambda: standstill(shared_sink), 90, "no more is sent than may be in doubt")
    assert stopped < 1_500, "what cannot be written down is not sent"
    stranger.rollback()
    stranger.close()
    assert finished(gateway, token)["statuses"]["delivered"] == 1_500
    assert_nothing_lost(shared_sink, 1_500, 0)


def database(gateway: Running) -> Path:
    return next(gateway.folder.rglob("mail2campaign.db"))


def standstill(sink: Sink) -> int:
    """How many mails there are once none comes for two seconds, else 0."""
    before = len(people(sink))
    time.sleep(2)
    return before if len(people(sink)) == before else 0


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of its own for one gateway."""
    assert os.geteuid() == 0, "this test mounts a small disk: run it as root, as .ci/run does"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk(tmp_path: Path, sink: Sink) -> None:
    """452 before a mail is taken; what was sent is written down when there is room again, and nothing repeats."""
    with (
        small_disk(tmp_path / "disk", 60) as disk,
        serving(disk / "gateway", sink, SMTP__MIN_FREE_DISK=str(5 * MEGABYTE)) as gateway,
    ):
        gateway.submit(message(1_500))
        token = acknowledged(sink)
        sent(sink, 200)
        filler = disk / "filler"
        fill(filler)
        until(lambda: standstill(sink), 90, "nothing more is sent")
        with pytest.raises(smtplib.SMTPException, match="452"):
            gateway.submit(message(3))
        filler.unlink()
        assert finished(gateway, token)["statuses"]["delivered"] == 1_500
    assert_nothing_lost(sink, 1_500, 0)


def fill(path: Path) -> None:
    """Write until the disk takes nothing more."""
    with path.open("wb", buffering=0) as file:
        for size in (MEGABYTE, 4_096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


@pytest.fixture(scope="module")
def clock_shift(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that shifts a process' wall clock."""
    compiler = shutil.which("cc")
    assert compiler is not None, "a C compiler is missing: see .ci/run"
    library = tmp_path_factory.mktemp("clock") / "clock_shift.so"
    source = Path(__file__).parents[1] / "support" / "clock_shift.c"
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


def test_the_clock_is_set_back_and_right_again(tmp_path: Path, sink: Sink, clock_shift: Path) -> None:
    """By two hours, in every process at once. Who was to be tried again at an hour that has not come yet waits for it."""
    shift = tmp_path / "shift"
    shift.write_bytes(bytes(8))
    gateway = Running(tmp_path / "gateway", sink.port)
    gateway.environment |= {"LD_PRELOAD": str(clock_shift), "CLOCK_SHIFT": str(shift)}
    gateway.start()
    try:
        gateway.submit(message(1_500))
        token = acknowledged(sink)
        for seconds, count in ((-7_200, 200), (0, 800)):
            sent(sink, count)
            with shift.open("r+b") as file:
                file.write(seconds.to_bytes(8, sys.byteorder, signed=True))
        assert finished(gateway, token)["statuses"]["delivered"] == 1_500
    finally:
        gateway.stop()
    assert_nothing_lost(sink, 1_500, 2 * IN_FLIGHT)


class Names:
    """A DNS server on loopback in a thread of its own: every domain below dest.test has the sink as its MX."""

    def __init__(self, port: int, domains: int) -> None:
        records = {("mx.dest.test", "A"): ["127.0.0.1"]}
        records |= {(f"d{n}.dest.test", "MX"): ["10 mx.dest.test."] for n in range(domains)}
        self._server, self._port = dns.Server(records), port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Names:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.start(port=self._port), self._loop).result(60)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)


def test_dns_gone_and_back(tmp_path: Path, sink: Sink) -> None:
    """Who cannot be looked up waits, is never refused, and the acknowledgement does not wait with him."""
    [port] = free_ports(1)
    overrides = {
        "DELIVERY__ROUTES": json.dumps({"acme.test": f"127.0.0.1:{sink.port}"}),
        "DELIVERY__PORT": str(sink.port),
        "DNS__NAMESERVERS": json.dumps([f"127.0.0.1:{port}"]),
    }
    with serving(tmp_path / "gateway", sink, **overrides) as gateway:
        gateway.submit(message(300, domains=60))
        token = acknowledged(sink)
        until(lambda: gateway.report(token)["statuses"]["awaiting"] > 0, 120, "lookups fail")
        report = gateway.report(token)
        assert_exact(report)
        waiting = sum(report["statuses"][name] for name in ("queued", "awaiting", "deferred"))
        assert (report["recipients"], waiting) == (300, 300)
        with Names(port, 60):
            assert finished(gateway, token)["statuses"]["delivered"] == 300
    assert_nothing_lost(sink, 300, 0)


def test_all_receivers_gone_and_back(tmp_path: Path) -> None:
    """Nobody takes connections in the middle of a campaign; whoever was on the line may get the mail again."""
    [port] = free_ports(1)
    with Sink(port=port) as first, serving(tmp_path / "gateway", first) as gateway:
        gateway.submit(message(1_500))
        token = acknowledged(first)
        sent(first, 200)
        first.stop()
        until(lambda: gateway.report(token)["statuses"]["awaiting"] > 0, 120, "nobody answers")
        assert_exact(gateway.report(token))
        with Sink(port=port) as second:
            second.mails += first.mails
            assert finished(gateway, token)["statuses"]["delivered"] == 1_500
            assert_nothing_lost(second, 1_500, 2 * IN_FLIGHT)


def test_two_gateways_on_one_database(tmp_path: Path, sink: Sink) -> None:
    """Each with its own folder and the same keys: they share the work; when one dies whole, the other ends it."""
    first = Running(tmp_path / "first", sink.port)
    url = f"sqlite+aiosqlite:///{database(first)}"
    second = Running(tmp_path / "second", sink.port, DATABASE__URL=url)
    shutil.rmtree(next(second.folder.rglob("keys")))
    shutil.copytree(next(first.folder.rglob("keys")), second.folder / "data" / "keys", dirs_exist_ok=True)
    first.start()
    second.start()
    try:
        first.submit(message(1_500))
        token = acknowledged(sink)
        sent(sink, 300)
        second.kill_all()
        assert finished(first, token)["statuses"]["delivered"] == 1_500
    finally:
        first.stop()
        second.stop()
    assert_nothing_lost(sink, 1_500, 2 * IN_FLIGHT)


def test_an_order_to_end_drains(gateway: Running, shared_sink: Sink) -> None:
    """SIGTERM in the middle: what is on the line is written down, so that nobody gets a mail twice."""
    gateway.submit(message(1_500))
    token = acknowledged(shared_sink)
    sent(shared_sink, 200)
    gateway.stop()
    assert len(people(shared_sink)) < 1_500
    gateway.start()
    assert finished(gateway, token)["statuses"]["delivered"] == 1_500
    assert_nothing_lost(shared_sink, 1_500, 0)
