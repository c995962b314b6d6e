"""The copy of a recipient's texts in which people search: kept beside those that hold more than ASCII.

In: an address and the values of a line. Out: the text of `recipients.folded`, a JSON list of the folded address (empty where
it is ASCII anyway) and of each folded value, or None where the texts themselves will do: databases compare ASCII without
regard to case by themselves, so that most rows need no copy. Whoever writes `address` or `fields` writes `folded` with them.
Nothing is raised or logged.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from parsers.folding import fold


def copy(address: str, values: Sequence[str], fields: str) -> str | None:
    """The copy for a line whose values are `fields` as JSON."""
    if fields.isascii() and address.isascii():
        return None
    return orjson.dumps(["" if address.isascii() else fold(address), *(fold(value) for value in values)]).decode()
