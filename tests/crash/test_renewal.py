"""A gateway under load is renewed: new settings, another certificate, another program; nobody is refused, nothing is lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import smtplib
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from running import PASSWORD, Running, alive, message, until
from sink import Sink

pytestmark = pytest.mark.crash


class Load:
    """Users who send campaigns and readers who open pages, each on a new connection; what went wrong is kept."""

    def __init__(self, gateway: Running) -> None:
        self.gateway, self.faults = gateway, list[str]()
        self.sent, self.read = 0, 0
        self._done = threading.Event()
        self._threads = [threading.Thread(target=one) for one in (self._send, self._send, self._open)]

    def __enter__(self) -> Load:
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for one in self._threads:
            one.join()

    def _send(self) -> None:
        while not self._done.is_set():
            mail = message(1, subject="Renouvellement")
            try:
                with smtplib.SMTP("127.0.0.1", self.gateway.submission, timeout=120) as client:
                    client.starttls(context=ssl._create_unverified_context())
                    client.login("acme", PASSWORD)
                    client.send_message(mail)
                self.sent += 1
            except (OSError, smtplib.SMTPException) as error:
                self.faults.append(f"smtp {error!r}")
            time.sleep(0.5)

    def _open(self) -> None:
        while not self._done.is_set():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.gateway.web}/robots.txt", timeout=120) as answer:
                    answer.read()
                self.read += 1
            except (OSError, urllib.error.URLError) as error:
                self.faults.append(f"http {error!r}")
            time.sleep(0.05)


class Systemd:
    """What a gateway tells systemd."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._heard = b""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._heard += self._socket.recv(4096) + b"\n"

    def heard(self) -> bytes:
        """All of it, so far."""
        return self._heard


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


def events(gateway: Running, name: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
    return [one for one in lines if one["event"] == name]


def started(gateway: Running, role: str) -> int:
    return sum(one.get("child") == role for one in events(gateway, "child_started"))


def test_nothing_is_refused_or_lost(tmp_path: Path, sink: Sink) -> None:
    gateway = Running(tmp_path / "gw", sink.port, DELIVERY__WORKERS="1")
    toml = gateway.folder / "mail2campaign.toml"
    whole = toml.read_text()
    systemd = Systemd(tmp_path / "notify")
    gateway.environment |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
    try:
        gateway.start()
        process = gateway.process
        assert process is not None
        with Load(gateway) as load:
            until(lambda: load.sent > 3 and load.read > 3, 120, "they are served")
            # settings that cannot be used change nothing, also for a child that starts afterwards
            toml.write_text("[limits]\nno_such_key = 1\n")
            process.send_signal(signal.SIGHUP)
            until(lambda: events(gateway, "settings_refused"), 120, "refused")
            (web,) = gateway.children("_web")
            os.kill(web, signal.SIGTERM)
            until(lambda: started(gateway, "web") == 2, 120, "it is started again")
            # a database elsewhere is no matter of a reload
            elsewhere = '[database]\nurl = "sqlite+aiosqlite:////nowhere/x.db"\n'
            toml.write_text(whole.replace("[database]\n", elsewhere))
            process.send_signal(signal.SIGHUP)
            until(lambda: len(events(gateway, "settings_refused")) == 2, 120, "refused")
            assert "database.url" in str(events(gateway, "settings_refused")[-1]["why"])
            # good ones renew every child, one after the other
            toml.write_text(whole.replace("[limits]\n", "[limits]\npause_after = 300\n"))
            process.send_signal(signal.SIGHUP)
            until(lambda: started(gateway, "sender-1") == 2, 120, "all are renewed")
            assert events(gateway, "reloaded")[-1]["changed"] == ["limits.pause_after"]
            # the program itself: the same process, the same sockets; what else is asked meanwhile is done afterwards
            before, children = (load.sent, load.read), len(events(gateway, "child_started"))

            def asked_again() -> bool:
                for number in (signal.SIGUSR2, signal.SIGHUP):
                    process.send_signal(number)
                return len(events(gateway, "child_started")) > children

            process.send_signal(signal.SIGUSR2)
            until(lambda: events(gateway, "replacing"), 120, "it makes room")
            until(asked_again, 120, "the successor starts")
            until(lambda: len(events(gateway, "replacing")) >= 2, 120, "asked once more, it makes room once more")
            until(lambda: load.sent > before[0] + 3 and load.read > before[1] + 3, 120, "they are served again")
        assert load.faults == []
        assert alive(process.pid)
        until(lambda: sum(b"Subject: Renouvellement" in one.raw and one.sender != "" for one in sink.mails) >= load.sent,
              120, "every mail that got its 250 was sent")  # fmt: skip
        people = [one.message_id for one in sink.mails if one.sender != "" and b"Subject: Renouvellement" in one.raw]
        assert len(set(people)) == load.sent
    finally:
        gateway.stop()
    heard = systemd.heard()
    for word in (b"READY=1", b"WATCHDOG=1", b"RELOADING=1", b"MONOTONIC_USEC=", b"STOPPING=1"):
        assert word in heard


def served(port: int) -> bytes:
    context = ssl._create_unverified_context()
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="gateway.test") as secure,
    ):
        found = secure.getpeercert(True)
        assert found is not None
        return found


def test_another_certificate_is_served_without_a_restart(tmp_path: Path, gateway: Running) -> None:
    first = served(gateway.submissions)
    folder = gateway.folder / "data" / "tls"
    old = {path: path.read_bytes() for path in folder.iterdir()}
    leaf = trustme.CA().issue_cert("gateway.test")
    assert gateway.process is not None
    try:
        leaf.private_key_pem.write_to_path(folder / "key.pem")  # half of a renewal
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: events(gateway, "certificate_refused"), 120, "half a pair is refused")
        assert served(gateway.submissions) == first
        leaf.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        gateway.process.send_signal(signal.SIGHUP)
        until(lambda: events(gateway, "certificate_loaded"), 120, "the pair is read")
        assert served(gateway.submissions) != first
    finally:
        for path, data in old.items():
            path.write_bytes(data)
        gateway.process.send_signal(signal.SIGHUP)


def test_a_program_that_cannot_run_takes_nobody_s_place(tmp_path: Path, gateway: Running) -> None:
    toml = gateway.folder / "mail2campaign.toml"
    whole = toml.read_text()
    assert gateway.process is not None
    try:
        toml.write_text("broken")
        gateway.process.send_signal(signal.SIGUSR2)
        until(lambda: events(gateway, "replacement_refused"), 120, "it is refused")
        assert gateway.running
        gateway.ready()
    finally:
        toml.write_text(whole)


def test_a_port_that_somebody_has_is_told_at_once(tmp_path: Path, sink: Sink) -> None:
    import subprocess
    import sys

    gateway = Running(tmp_path / "gw", sink.port)
    with socket.socket() as other:
        other.bind(("127.0.0.1", gateway.web))
        other.listen()
        words = ["--config", str(gateway.folder / "mail2campaign.toml"), "serve"]
        done = subprocess.run([sys.executable, "-m", "gateway.cli.main", *words], env=gateway.environment,
                              capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{gateway.web}" in done.stderr.splitlines()[-1]
