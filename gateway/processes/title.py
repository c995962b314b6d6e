"""The words by which `ps` and `pgrep -f` show a process that was forked, written over those that its Python was started with.

In: words. Out: nothing; words that do not fit in the room of the old ones are cut at the front, the last one (what the
process does) stays, and is the short name by which `top` shows it (15 bytes). The place is told by /proc/self/stat (proc(5),
fields 48 and 49); where there is none, nothing happens.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Sequence
from pathlib import Path

_START = 48 - 3  # of the fields behind the name, which may hold blanks


def retitle(words: Sequence[str]) -> None:
    """Show this process as these words."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        Path("/proc/self/comm").write_text(words[-1])
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        begin, end = int(fields[_START]), int(fields[_START + 1])
        room = end - begin
        title = "".join(f"{word}\0" for word in words).encode()
        if len(title) > room:
            title = f"{words[0]}\0{words[-1]}\0".encode()
        if 0 < len(title) <= room and begin:
            ctypes.memset(begin, 0, room)
            ctypes.memmove(begin, title, len(title))
