"""Listening sockets: opened once, changed all or none, found again by whoever gets them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import Settings
from gateway.processes import handing, notify, renewal, sockets


def place() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def connects(where: str) -> bool:
    host, _, port = where.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_places_come_and_go_together() -> None:
    one, two, taken = place(), place(), place()
    held = sockets.Sockets()
    held.want([one, one])
    before = held.descriptors([one])
    held.want([one, two])
    assert held.descriptors([one]) == before and connects(two)
    other = socket.create_server(("127.0.0.1", int(taken.rpartition(":")[2])))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError, match=f"cannot listen on {taken}"):
        patch.setattr(sockets, "_PATIENCE", 0)
        held.want([place(), taken])
    assert connects(one) and connects(two)
    held.want([two])
    assert not connects(one) and connects(two)
    held.close()
    other.close()


def test_a_child_finds_its_sockets_and_lets_nobody_inherit_them(tmp_path: Path) -> None:
    where = place()
    held = sockets.Sockets()
    held.want([where])
    code = (
        "import os; from gateway.processes import sockets\n"
        "found = sockets.adopted()\n"
        f"(one,) = found['{where}']\n"
        "assert not os.get_inheritable(one.fileno()) and sockets.VARIABLE not in os.environ\n"
        "one.setblocking(True); client, _ = one.accept(); client.sendall(b'served')\n"
    )
    environment = {**os.environ, sockets.VARIABLE: held.named([where])}
    child = subprocess.Popen(
        [sys.executable, "-c", code], pass_fds=held.descriptors([where]), env=environment, cwd=Path(__file__).parents[3]
    )
    host, _, port = where.rpartition(":")
    with socket.create_connection((host, int(port)), 20) as client:
        assert client.recv(10) == b"served"
    assert child.wait(20) == 0
    held.close()


def test_settings_are_handed_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MAIL2CAMPAIGN_DELIVERY__ROUTES", '{"*": "127.0.0.1:25"}')
    settings = Settings(gateway={"domain": "m.test", "data_dir": tmp_path}, smtp={"tls_key": tmp_path / "k"})
    file = handing.write(settings)
    monkeypatch.setenv(handing.VARIABLE, str(file.fileno()))
    assert handing.handed() == settings
    assert handing.handed() == settings  # more than once: several children read it
    monkeypatch.delenv(handing.VARIABLE)
    assert handing.handed() is None


def test_what_a_reload_may_change(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text("[gateway]\ndomain = 'm.test'\n")
    old = Settings(gateway={"domain": "m.test", "data_dir": (tmp_path / "data").resolve()})
    new = renewal.read(file, old)
    assert new is not None and renewal.changes(old, new) == []
    file.write_text("[gateway]\ndomain = 'm.test'\nlocale = 'en'\n[limits]\npause_after = 7\n")
    new = renewal.read(file, old)
    assert new is not None and renewal.changes(old, new) == ["gateway.locale", "limits.pause_after"]
    file.write_text("[gateway]\ndomain = 'other.test'\n")
    assert renewal.read(file, old) is None
    file.write_text("[gateway")
    assert renewal.read(file, old) is None


def test_systemd_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "s"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "s"))
        notify.ready("4 of 4")
        assert server.recv(100) == b"READY=1\nSTATUS=4 of 4"
    notify.stopping()  # nobody listens any more: nothing happens
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    assert notify.beat() == 30.0
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert notify.beat() is None
