"""Where a page ends: an opaque word that the next request gives back.

In: a position (numbers or text). Out: a word for an address, and the position again; None for a word that is none of ours.
Pure; nothing is raised or logged.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

import orjson

_LONGEST = 4_000
_MOST = 1 << 62


def pack(*place: int | str) -> str:
    """A cursor that stands for a place."""
    return urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def unpack(text: str, *kinds: type) -> tuple[int | str, ...] | None:
    """The place of a cursor whose parts are of these kinds; None when it is none."""
    try:
        place = orjson.loads(urlsafe_b64decode(text[:_LONGEST].encode("ascii") + b"=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        return None
    if not isinstance(place, list) or [type(one) for one in place] != list(kinds):
        return None
    return tuple(place) if all(isinstance(one, str) or abs(one) < _MOST for one in place) else None
