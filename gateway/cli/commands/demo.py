"""`demo`: the whole product on this machine, against a scripted internet.

In: the parsed command line. Out: the exit status of the performance in ./demo. Raises Failure or StageError.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gateway.rehearsal.demo import FOLDER, run


def demo(found: argparse.Namespace) -> int:
    """Play the demo in the folder `demo` of the current one."""
    return run(Path.cwd() / FOLDER, found.once)
