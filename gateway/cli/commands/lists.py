"""Lists that a command brings in: read as campaigns read theirs, and told of line by line where they are wrong.

In: a file of any kind that LISTE may be. Out: its lines; on stderr the first bad ones. Raises Failure with one sentence.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.cli.failure import Failure
from parsers import liste
from parsers.liste import Liste, Unreadable

_SHOWN = 20


def read_list(file: str) -> Liste:
    """Read a file of addresses."""
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file}: {error.strerror}") from error
    read = liste.read(data)
    if isinstance(read, Unreadable):
        raise Failure(f"{file} cannot be read: {read.reason.value.replace('_', ' ')} {read.detail}".rstrip())
    return read


def tell(bad: Sequence[str]) -> None:
    """Say which lines were not taken."""
    for line in bad[:_SHOWN]:
        print(line, file=sys.stderr)
    if len(bad) > _SHOWN:
        print(f"… and {len(bad) - _SHOWN} more bad lines", file=sys.stderr)
