"""The attachments of a campaign that sends links, as the reading process hands them over.

In: the attachments. Out: what the summary announces, then answers of about a megabyte, each a whole number of the store's
pieces but the last of a file. Knows no store: the reading process has none. Raises nothing.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from mail.download import title
from parsers.parts import Part

STEP = 1 << 20  # bytes of an answer: a multiple of store.files.PIECE


def announced(locale: str, attachments: Sequence[Part]) -> dict[str, Any]:
    """What the summary says of files that will follow it."""
    found = [
        {"name": title(locale, part.filename, at), "size": len(part.data), "sha256": sha256(part.data).hexdigest()}
        for at, part in enumerate(attachments)
    ]
    return {"files": found, "pieces": sum(-(-len(part.data) // STEP) for part in attachments)}


def pieces(attachments: Sequence[Part]) -> Iterator[dict[str, Any]]:
    """The bytes of the files, in as many answers as were announced."""
    for number, part in enumerate(attachments):
        for at in range(0, len(part.data), STEP):
            data = b64encode(part.data[at : at + STEP]).decode()
            yield {"kind": "piece", "file": number, "data": data}
