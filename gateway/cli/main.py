"""The program `mail2campaign`.

In: the command line. Out: the exit status: 0 done, 1 failed (one clear line on standard error), 2 no such command,
130 interrupted. What goes wrong in a command is told in one line, never as a traceback.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from gateway.cli.arguments import parse
from gateway.cli.failure import sentence


def main(words: Sequence[str] | None = None) -> int:
    """Do one command and return its exit status."""
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
