"""Connections are counted over processes, and the kernel frees those of a process that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from mta.slots import Slots

HOLDER = """
import sys, time
from pathlib import Path
from mta.slots import Slots
held = [Slots(Path(sys.argv[1])).take("orange@1", 2) for _ in range(2)]
print(all(held), flush=True)
time.sleep(60)
"""


def test_two_and_no_more(tmp_path: Path) -> None:
    one, two = Slots(tmp_path / "slots"), Slots(tmp_path / "slots")
    first, second = one.take("orange@1", 2), two.take("orange@1", 2)
    assert first and second and one.take("orange@1", 2) is None and two.take("orange@1", 2) is None
    assert one.take("orange@2", 2), "from another source"
    first.release()
    first.release()
    assert two.take("orange@1", 2) and one.take("orange@1", 2) is None
    assert one.take("orange@1", 3), "the limit was raised"


def test_any_key_has_files_of_its_own(tmp_path: Path) -> None:
    slots = Slots(tmp_path)
    keys = ["../x", "a/b", "a_b", "é" * 300, "", "mx.test#01@3"]
    held = [slots.take(key, 1) for key in keys]
    assert all(held) and len(list(tmp_path.iterdir())) == len(keys)


def test_killed_processes_leave_nothing_behind(tmp_path: Path) -> None:
    root = str(Path(__file__).resolve().parents[2])
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
    )
    assert holder.stdout is not None and holder.stdout.readline() == b"True\n"
    slots = Slots(tmp_path)
    assert slots.take("orange@1", 2) is None
    holder.send_signal(signal.SIGKILL)
    holder.wait(60)
    holder.stdout.close()
    assert slots.take("orange@1", 2) and slots.take("orange@1", 2)


def test_who_waits_is_known_to_those_who_hold(tmp_path: Path) -> None:
    campaigns, others, system = Slots(tmp_path), Slots(tmp_path), Slots(tmp_path, urgent=True)
    held = campaigns.take("k", 1)
    assert held and not campaigns.wanted("k", urgently=False) and not campaigns.wanted("k", urgently=True)
    others.want("k")
    others.want("k")
    assert campaigns.wanted("k", urgently=False) and not campaigns.wanted("k", urgently=True)
    assert not others.wanted("k", urgently=False), "oneself does not count"
    system.want("k")
    assert campaigns.wanted("k", urgently=True)
    held.release()
    assert others.take("k", 1) and not campaigns.wanted("k", urgently=False), "it has what it wanted"
    system.close()
    assert not campaigns.wanted("k", urgently=True)
