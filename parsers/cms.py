"""The mail inside an opaque S/MIME signature (RFC 8551 section 3.5.2), which Outlook makes on request.

In: the bytes of an application/pkcs7-mime part. Out: the signed MIME entity, None when the bytes are encrypted or no
SignedData (RFC 5652 section 5.1). The signature itself is not verified: it is dropped. BER with definite and indefinite
lengths, bounded in depth and pieces. Pure; raises nothing; logs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_SEQUENCE, _SET, _INTEGER, _OID, _CONTENT = 0x30, 0x31, 0x02, 0x06, 0xA0
_OCTETS, _OCTETS_IN_PIECES = 0x04, 0x24
_DEPTH_MAX = 20
_PIECES_MAX = 200_000
_INDEFINITE = -1


class _Broken(Exception):
    """The bytes are not what they should be."""


def signed_content(data: bytes) -> bytes | None:
    """Return what was signed; None where the bytes hold nothing that can be read."""
    try:
        at = _enter(data, 0, _SEQUENCE)
        oid, at = _value(data, at, _OID)
        if oid != _SIGNED_DATA:
            return None
        at = _enter(data, _enter(data, at, _CONTENT), _SEQUENCE)
        _, at = _value(data, at, _INTEGER)
        if _head(data, at)[0] != _SET:
            return None
        at = _enter(data, _behind(data, at, 0), _SEQUENCE)
        _, at = _value(data, at, _OID)
        return b"".join(_octets(data, _enter(data, at, _CONTENT), 0))
    except _Broken:
        return None


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, length and place of the content of the value at `at` (X.690 8.1)."""
    if at + 2 > len(data):
        raise _Broken
    tag, length, at = data[at], data[at + 1], at + 2
    if length == 0x80:
        return tag, _INDEFINITE, at
    if length > 0x80:
        count = length & 0x7F
        if count > 4 or at + count > len(data):
            raise _Broken
        length, at = int.from_bytes(data[at : at + count], "big"), at + count
    if at + length > len(data):
        raise _Broken
    return tag, length, at


def _enter(data: bytes, at: int, wanted: int) -> int:
    tag, _, inside = _head(data, at)
    if tag != wanted:
        raise _Broken
    return inside


def _value(data: bytes, at: int, wanted: int) -> tuple[bytes, int]:
    tag, length, inside = _head(data, at)
    if tag != wanted or length == _INDEFINITE:
        raise _Broken
    return data[inside : inside + length], inside + length


def _behind(data: bytes, at: int, depth: int) -> int:
    """The place behind a whole value."""
    _, length, inside = _head(data, at)
    if length != _INDEFINITE:
        return inside + length
    if depth > _DEPTH_MAX:
        raise _Broken
    while data[inside : inside + 2] != b"\0\0":
        inside = _behind(data, inside, depth + 1)
    return inside + 2


def _octets(data: bytes, at: int, depth: int) -> Iterator[bytes]:
    """The pieces of an octet string; indefinite ones end at two NULs (X.690 8.1.5)."""
    tag, length, inside = _head(data, at)
    if tag == _OCTETS and length != _INDEFINITE:
        yield data[inside : inside + length]
        return
    if tag != _OCTETS_IN_PIECES or depth > _DEPTH_MAX:
        raise _Broken
    end = len(data) if length == _INDEFINITE else inside + length
    for _ in range(_PIECES_MAX):
        if inside >= end or (length == _INDEFINITE and data[inside : inside + 2] == b"\0\0"):
            return
        yield from _octets(data, inside, depth + 1)
        inside = _behind(data, inside, depth)
    raise _Broken
