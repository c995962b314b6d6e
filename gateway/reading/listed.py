"""A list that a program brings in (suppressions), told line by line, and the head of a single message: both read here.

In: the bytes of a sheet or a text, and limits. Out: JSON-ready dictionaries: whether it can be read and its columns, then its
lines in chunks. Raises nothing on any bytes that parsers can read.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from parsers import liste as lists
from parsers import mime
from parsers.liste import Unreadable
from parsers.sheet import Limits

CHUNK_LINES = 2_000

Answer = dict[str, Any]


def read(raw: bytes, request: Answer) -> Iterator[Answer]:
    """Yield what the list is, then its lines."""
    found = lists.read(raw, limits=Limits(lines=request["max_lines"]))
    if isinstance(found, Unreadable):
        yield {"kind": "summary", "refused": found.reason.value, "detail": found.detail}
        return
    yield {"kind": "summary", "refused": "", "columns": found.columns}
    left = iter(found.lines)
    while some := list(islice(left, CHUNK_LINES)):
        lines = [
            {"line": one.label, "address": one.address[:320], "values": one.values,
             "fault": one.fault.value if one.fault else ""}
            for one in some
        ]  # fmt: skip
        yield {"kind": "lines", "lines": lines}


def head(raw: bytes) -> Answer:
    """What is asked of a single message: who wrote it, about what; its parts are read when it is sent."""
    message = mime.read(raw)
    sender = message.sender
    return {
        "kind": "summary",
        "subject": message.subject,
        "from_name": sender.name if sender else "",
        "from_address": sender.address if sender else "",
        "reply_to": message.reply_to[0].address if message.reply_to else "",
        "message_id": message.message_id,
    }
