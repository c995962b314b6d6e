"""The name of this machine's data folder: which sender processes belong together.

In: the data folder. Out: a random word made once and kept in DATA/host, so that a supervisor that starts again knows
which leases its own, dead processes left behind, even where host names change (containers). Raises OSError.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def host_id(data_dir: Path) -> str:
    """The word of this data folder; made on the first call (two processes that both make it agree on one)."""
    path = data_dir / "host"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        mine = path.with_name(f"host.{os.getpid()}")
        mine.write_text(secrets.token_hex(8) + "\n")
        try:
            os.link(mine, path)
        except FileExistsError:
            pass  # another process was first: its word counts
        finally:
            mine.unlink()
    return path.read_text().strip()
