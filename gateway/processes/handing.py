"""The settings in force, handed from the supervisor to its children.

In: settings. Out: a descriptor of an unnamed file that holds them; the child finds it by VARIABLE. So all children work by
the same settings, also one that is started again after somebody broke the file. Raises what reading and writing raise.
"""

from __future__ import annotations

import os
import tempfile
from typing import IO

import orjson

from config.settings import Settings

VARIABLE = "M2C_SETTINGS"
_MOST = 10_000_000


def write(settings: Settings) -> IO[bytes]:
    """Put settings into an unnamed file; whoever has its descriptor may read it."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 it lives as long as the settings are in force
    file.write(settings.model_dump_json().encode())
    file.flush()
    return file


def handed() -> Settings | None:
    """The settings that a supervisor handed to this process; None where it was started by hand."""
    number = os.environ.get(VARIABLE)
    return None if number is None else Settings(**orjson.loads(os.pread(int(number), _MOST, 0)))
