"""The program `mail2campaign`.

In: the command line. Out: the exit status: 0 done, 1 failed (one clear line on standard error), 2 no such command,
130 interrupted. What goes wrong in a command is told in one line, never as a traceback. A terminal of an older encoding gets
plain signs for those that it has not.
"""

from __future__ import annotations

import codecs
import importlib
import io
import os
import sys
from collections.abc import Sequence

from gateway.cli.arguments import parse
from gateway.cli.failure import sentence

_PLAIN = {
    "\u202f": " ",
    "→": "->",
    "…": "...",
    "–": "-",
    "“": '"',
    "”": '"',
    "’": "'",
    "≥": ">=",
    "●": "*",
    "✓": "+",
    "✗": "x",
}


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands for a character that the encoding has not; in JSON its escape is the character."""
    assert isinstance(error, UnicodeEncodeError)
    char = error.object[error.start]
    return _PLAIN.get(char) or char.encode("ascii", "backslashreplace").decode(), error.start + 1


codecs.register_error("plain", _plain)


def main(words: Sequence[str] | None = None) -> int:
    """Do one command and return its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="plain")
    found = parse(words)
    module, _, function = found.run.partition(":")
    try:
        status: int = getattr(importlib.import_module(module), function)(found) or 0
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `mail2campaign … | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        print(f"mail2campaign: {sentence(error)}", file=sys.stderr)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
