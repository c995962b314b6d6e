"""The process that children are forked from: what it hands them, and that nobody needs it once it is gone."""

from __future__ import annotations

import os
import signal
import urllib.request
from pathlib import Path

import pytest
from running import Running, alive, healthy, message, until
from sink import Sink

pytestmark = pytest.mark.crash
ROLES = ("_receive", "_web", "_send")


def descriptors(pid: int) -> set[str]:
    """What a process has open: sockets, pipes and files."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(str(entry.readlink()))
        except FileNotFoundError:
            continue
    return found


def test_children_share_no_descriptor_but_what_they_were_handed(gateway: Running) -> None:
    (nursery,) = gateway.children("_nursery")
    (web,) = gateway.children("_web")
    (receive,) = gateway.children("_receive")
    log = str(gateway.folder / "serve.log")
    held = descriptors(nursery)
    assert {one for one in held if not one.startswith("socket:")} == {"/dev/null", log}
    for pid in (web, receive, *gateway.children("_send")):
        assert not {one for one in held & descriptors(pid) if one.startswith("socket:")}
    shared = descriptors(web) & descriptors(receive) - {"/dev/null", log}
    assert not {one for one in shared if one.startswith("socket:")}
    assert any("serve.lock" in one for one in shared)


def test_what_forked_processes_do_is_counted(gateway: Running) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.web}/metrics", timeout=10) as answer:
        told = answer.read().decode()
    assert float(told.partition('log_events_total{event="worker_joined",level="info"} ')[2].partition("\n")[0]) >= 2


def test_without_its_nursery_a_gateway_goes_on_and_its_successor_has_a_new_one(
    gateway: Running, shared_sink: Sink
) -> None:
    assert gateway.process is not None
    (nursery,) = gateway.children("_nursery")
    before = [pid for role in ROLES for pid in gateway.children(role)]
    os.kill(nursery, signal.SIGKILL)
    (web,), sender = gateway.children("_web"), gateway.children("_send")[0]
    for pid in (web, sender):
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(gateway.children("_send")) == 2 and healthy(gateway.web), 60, "both are started again")
    assert alive(before[0])
    gateway.submit(message(20))
    until(lambda: len(shared_sink.mails) >= 21, 60, "the campaign and its acknowledgement arrive")
    gateway.process.send_signal(signal.SIGUSR2)
    until(lambda: gateway.children("_nursery") and not any(alive(pid) for pid in before), 90, "a successor takes over")
    gateway.ready()
