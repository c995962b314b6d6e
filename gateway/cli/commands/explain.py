"""`mail2campaign explain FILE…`: what the gateway makes of mails, lists and Config files.

In: file names. Out: one JSON line a file on standard output, in the order given; needs no settings, account or network, and
stores or sends nothing. Each file is read in the reading process with its limits: one that breaks it is told as refused.
Exit status 0 also where the gateway would refuse.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from config.settings import Limits
from gateway.reading.readers import Readers, Unread


def explain(found: argparse.Namespace) -> int:
    """Explain every file named on the command line."""
    asyncio.run(_explain([(name, *_look(Path(name))) for name in found.files]))
    return 0


def _look(path: Path) -> tuple[Path, int | str]:
    """The whole path of a file and its size, or why it cannot be read."""
    try:
        return path.resolve(), path.stat().st_size
    except OSError as error:
        return path, f"unreadable: {error.strerror}"


async def _explain(files: list[tuple[str, Path, int | str]]) -> None:
    limits = Limits()  # type: ignore[call-arg]
    readers = Readers(limits.reader_memory, limits.reader_seconds)
    try:
        for name, path, size in files:
            refused = {"kind": "refused", "reason": size}
            answer = {"file": name} | (refused if isinstance(size, str) else await _one(readers, path, size))
            sys.stdout.buffer.write(orjson.dumps(answer, option=orjson.OPT_NON_STR_KEYS) + b"\n")
            sys.stdout.buffer.flush()
    finally:
        await readers.close()


async def _one(readers: Readers, path: Path, size: int) -> dict[str, Any]:
    request = {
        "do": "explain",
        "path": str(path),
        "name": path.name,
        "domain": "gateway.invalid",
        "own_domains": [],
        "public_url": "https://gateway.invalid",
        "now": time.time_ns() // 1_000_000,
        "zone": "Europe/Paris",
        "locale": "fr",
        "footer_name": "",
        "footer_address": "",
    }
    found: dict[str, Any] = {"kind": "refused", "reason": "nothing could be read"}
    try:
        # to its end: a reading process whose answers are left lying is killed, and the next file would wait for a new one
        async for answer in readers.ask(request, size):
            found = answer
    except Unread as trouble:
        return {"kind": "refused", "reason": f"reading it failed: {str(trouble).strip().splitlines()[-1]}"}
    return found
