"""Reading in the test's own process, for tests whose point is not the process: what comes in and goes out is the same, also
that it is JSON. The processes, their limits and their ends have tests of their own (tests/gateway/reading, fuzz, crash)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson

from gateway.reading.reader import answers
from gateway.reading.readers import Readers, Unread


class ReadingHere(Readers):
    """Answers what reading processes would."""

    def __init__(self) -> None:
        super().__init__(0, 0)

    async def warm(self) -> None:
        """Nothing is started."""

    async def ask(self, request: dict[str, Any], size: int) -> AsyncIterator[dict[str, Any]]:
        """Yield the answers; Unread when there is no proper end."""
        for made in answers(orjson.loads(orjson.dumps(request))):
            answer = orjson.loads(orjson.dumps(made))
            if answer["kind"] == "failed":
                raise Unread(answer["why"])
            if answer["kind"] != "end":
                yield answer
