"""The nursery by itself, in a process of its own: a test's process has threads and must not be forked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.processes import nursery

ROOT = Path(nursery.__file__).parents[2]
LIFE = """
import asyncio, json, os, signal
from gateway.processes import nursery

nursery.PATIENCE = 0.3
BEFORE

def asked(word):
    return lambda: nursery.Asked([word], {"WHO": "we"}, [])

async def life(one):
    version = await one.start(asked("--version"))
    wrong = await one.start(asked("no-such-command"))
    ended = [await version.wait(), await wrong.wait()]
    try:
        wrong.kill()
    except ProcessLookupError:
        ended.append("ended")
    HURT
    later = [await one.start(asked("--version")) for _ in range(2)]
    return ended, later, one.close()

one = nursery.Nursery.open(["json"])
print(json.dumps(asyncio.run(life(one))), flush=True)
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("nobody is left")
"""


def live(hurt: str, before: str = "") -> list[str]:
    """The lines that the life of a nursery prints, which comes to harm in the middle, or is prepared to."""
    life = LIFE.replace("HURT", hurt).replace("BEFORE", before)
    done = subprocess.run([sys.executable, "-c", life], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert '"child_ended"' in done.stderr, done.stderr
    return done.stdout.splitlines()


def test_a_nursery_bears_children_until_it_is_killed_then_says_that_it_cannot() -> None:
    said = live("os.kill(one._pid, signal.SIGKILL)")
    assert said[0].startswith("mail2campaign ")
    assert json.loads(said[1]) == [[0, 2, "ended"], [None, None], 0]
    assert said[2:] == ["nobody is left"]


@pytest.mark.costly(
    "gateway/processes/test_nursery.py::test_a_nursery_bears_children_until_it_is_killed_then_says_that_it_cannot"
)
def test_a_nursery_that_is_silent_is_ended_and_bears_nobody_later() -> None:
    said = live("os.kill(one._pid, signal.SIGSTOP)")
    assert json.loads(said[1]) == [[0, 2, "ended"], [None, None], 0]
    assert said[2:] == ["nobody is left"]


KILLED_WITH_A_CHILD = """
fork = nursery._fork
def killed(channel, request, given):
    if b"last" in request:
        LAST
    return fork(channel, request, given)
nursery._fork = killed
"""


@pytest.mark.costly(
    "gateway/processes/test_nursery.py::test_a_nursery_bears_children_until_it_is_killed_then_says_that_it_cannot"
)
@pytest.mark.parametrize(
    "last",
    [
        "fork(channel, request, given); os.kill(os.getpid(), signal.SIGKILL)",
        "os.waitpid = lambda *_: os.kill(os.getpid(), signal.SIGKILL)",
    ],
    ids=["untold", "in_between"],
)
def test_a_nursery_killed_while_it_forks_leaves_nobody(last: str) -> None:
    said = live('assert await one.start(asked("last")) is None', KILLED_WITH_A_CHILD.replace("LAST", last))
    assert json.loads(said[1]) == [[0, 2, "ended"], [None, None], 0]
    assert said[2:] == ["nobody is left"]
