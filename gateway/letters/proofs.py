"""A proof: the mail goes to the addresses of Config's Test only, each as the list's next person would get it (SPEC 3).

In: the chunks of a list as the reading process gives them, and the addresses. Out: one chunk of as many lines, with the
values of the first good lines (again from the first when there are more addresses than lines) under those addresses;
nothing for a list without a good line. Raises what reading raises.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from parsers.address import key


async def only(chunks: AsyncIterator[dict[str, Any]], addresses: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
    """Yield the lines of a proof instead of those of the list; the list is read to its end."""
    models: list[dict[str, Any]] = []
    async for chunk in chunks:
        room = len(addresses) - len(models)
        models += [line for line in chunk["lines"] if not line["fault"]][: max(0, room)]
    if models:
        yield {"kind": "lines", "lines": [_line(models[at % len(models)], one, at) for at, one in enumerate(addresses)]}


def _line(model: dict[str, Any], address: str, at: int) -> dict[str, Any]:
    return model | {"number": at + 2, "part": 0, "address": address, "key": key(address), "name": "", "suivi": "non"}
