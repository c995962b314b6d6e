"""How the answers of a reading process travel: each as JSON behind its length.

In: an answer, or the stream of a process that answers. Out: bytes, or the next answer. With the length first the stream may
stay short: whoever asks holds one answer, and the process waits until it is wanted. Raises ValueError where an answer would
be longer than `LONGEST`, and EOFError when the stream ends instead of going on.
"""

from __future__ import annotations

from typing import Any, Protocol

import orjson

_SIZE = 4  # bytes of a length, the highest first
LONGEST = 256 * 1024 * 1024  # an answer is a few megabytes, one row of a list at most 16 MB before escaping


class Stream(Protocol):
    """What is read: asyncio's StreamReader."""

    async def readexactly(self, n: int, /) -> bytes: ...


def framed(answer: dict[str, Any]) -> bytes:
    """An answer as it is written."""
    told = orjson.dumps(answer)
    return len(told).to_bytes(_SIZE, "big") + told


async def read(stream: Stream) -> dict[str, Any]:
    """The next answer."""
    size = int.from_bytes(await stream.readexactly(_SIZE), "big")
    if size > LONGEST:
        raise ValueError(f"an answer of {size} bytes")
    answer: dict[str, Any] = orjson.loads(await stream.readexactly(size))
    return answer
