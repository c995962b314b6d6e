"""The process that reads what strangers sent: `python -m gateway.reading.reader`.

In: on standard input, one JSON line a request: {"do": "mail" | "return" | "said" | "forwarded" | "corrected" | "explain" |
"list" | "single", "path": file, …}.
Out: on standard output, answers of a few megabytes at most (gateway.reading.frames), the last one {"kind": "end", "last":
whether it leaves} or {"kind": "failed", "why": traceback}. It has no database, hardly an environment, and limits on memory,
processor time and file size; it dies with who asked. A mail that breaks it costs one process, never the gateway.
"""

from __future__ import annotations

import gc
import re
import resource
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from gateway.intake import corrected
from gateway.letters import previews
from gateway.reading import answers_read, content, explaining, listed
from gateway.reading.confinement import confine
from gateway.reading.frames import framed
from gateway.returns import incoming
from store.spool import mail_in

_RECYCLE = 400 * 1024  # KB of memory ever used, above which a fresh process is better for the next mail
_KEPT_TRACE = 4_000


def main() -> int:
    """Answer requests until standard input ends."""
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    confine(memory)
    sys.setrecursionlimit(2_000)
    previews.warm()
    # a list is millions of small values, which the collector would count over and over: it looks between two mails only
    gc.disable()
    gc.freeze()
    for line in sys.stdin.buffer:
        _allow(seconds)
        last = False
        for answer in answers(orjson.loads(line)):
            if answer["kind"] == "end":  # whoever asked must not ask a process that is about to leave
                answer["last"] = last = _peak() > _RECYCLE
            sys.stdout.buffer.write(framed(answer))
        sys.stdout.buffer.flush()
        if last:
            return 0
        gc.collect()
    return 0


def _peak() -> int:
    """The most memory that this process had, in KB; getrusage's figure would count what started it."""
    found = re.search(rb"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_bytes())
    return int(found[1]) if found else 0


def _allow(seconds: int) -> None:
    """Give the next request its processor time, counted from what was used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, hard))


def answers(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Do one request."""
    try:
        if request["do"] == "corrected":
            yield corrected.make(request)
        elif request["do"] == "explain":
            yield explaining.explain(Path(request["path"]).read_bytes(), request["name"], request)
        elif request["do"] == "said":
            yield answers_read.facts(mail_in(Path(request["path"])), request)
        elif request["do"] == "forwarded":
            yield answers_read.forwarded(mail_in(Path(request["path"])), request)
        elif request["do"] == "list":
            yield from listed.read(mail_in(Path(request["path"])), request)
        elif request["do"] == "single":
            yield listed.head(mail_in(Path(request["path"])))
        elif request["do"] == "return":
            yield incoming.facts(mail_in(Path(request["path"])))
        else:
            yield from content.read(mail_in(Path(request["path"])), request)
        yield {"kind": "end"}
    except Exception:  # whatever a stranger's bytes provoked: the mail is set aside with this text
        yield {"kind": "failed", "why": traceback.format_exc()[-_KEPT_TRACE:]}


if __name__ == "__main__":
    sys.exit(main())
