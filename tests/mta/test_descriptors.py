"""How many connections a sender may open: as many as asked for, where the system has files for them."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from mta.descriptors import SPARE, connections

_ASKED = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
from mta.descriptors import connections
print(connections({wanted}), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "granted", "files"),
    [
        (1024, 4096, 2000, 2000, 2000 + SPARE),  # the system's first answer is raised
        (1024, 1024, 2000, 1024 - SPARE, 1024),  # where it may not be, there are fewer connections
        (4096, 4096, 500, 500, 4096),  # enough already: nothing is touched
        (200, 200, 2000, 20, 200),  # never none at all
    ],
)
def test_connections_are_bounded_by_files(soft: int, hard: int, wanted: int, granted: int, files: int) -> None:
    code = _ASKED.format(soft=soft, hard=hard, wanted=wanted)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert said == [str(granted), str(files)]


def test_this_process_keeps_what_it_has() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert connections(20) == 20
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] == before[1]
