"""What the processes of a running gateway hold in memory, by role: read from /proc while a long run goes on.

In: a gateway (tests/support/running.py) and a role. Out: megabytes, those of the largest process of the role; 0 where there
is none at the moment. Raises nothing.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from running import Running

ROLES = {"receiver": "_receive", "reader of lists": "reader", "sender": "_send", "web": "_web"}  # as people read them
_READER = b"gateway.reading.reader"


def held(gateway: Running, role: str) -> float:
    """What the largest process of a role holds now."""
    return max((_megabytes(pid, "VmRSS") for pid in _processes(gateway, role)), default=0.0)


def peak(gateway: Running, role: str) -> float:
    """The most that a running process of a role ever held."""
    return max((_megabytes(pid, "VmHWM") for pid in _processes(gateway, role)), default=0.0)


def _processes(gateway: Running, role: str) -> list[int]:
    if role != "reader":
        return gateway.children(role)
    found = []
    for receiver in gateway.children("_receive"):
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{receiver}/task").iterdir():
                found += [int(pid) for pid in (task / "children").read_text().split()]
    return [pid for pid in found if _READER in _words(pid)]


def _words(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _megabytes(pid: int, what: str) -> float:
    with contextlib.suppress(OSError):
        found = re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0.0
    return 0.0
