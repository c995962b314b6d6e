"""Signed tokens for addresses and links: who or what a bounce, a click or a STOP is about.

In: a keyring, a purpose, a recipient's or campaign's id (below 2**48) and a small extra (below 2**12, a link's index).
Out: 30 characters of lower-case base32 (RFC 4648 section 6 alphabet, no padding), and back again.
A token that was altered, cut, upper-cased or made for another purpose verifies to None; callers that read address
local parts lower-case them first. Raises ValueError only for values that no caller of ours may pass; logs nothing.

Layout, 150 bits = 30 characters, so that there are no spare bits and one spelling only:
version 2 · key id 8 · number 48 · extra 12 · MAC 80. The MAC covers the purpose and everything before it: one
HMAC-SHA256 over the head with an even extra gives 16 characters to that extra and the next 16 to the odd one after it
(slices of one digest are independent), so that a mail with ten links costs five digests.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

LENGTH = 30
MAX_NUMBER = (1 << 48) - 1
MAX_EXTRA = (1 << 12) - 1
MAX_KEY_ID = (1 << 8) - 1
_VERSION = 1
_HEAD = 14  # characters before the MAC
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_INT32 = "0123456789abcdefghijklmnopqrstuv"  # what int(text, 32) reads
_TO_INT = bytes.maketrans(_ALPHABET.encode(), _INT32.encode())
# Five bits of each of 16 MAC bytes: 80 bits by one C call instead of a base32 loop.
_MAC_CHARS = bytes(ord(_ALPHABET[byte & 31]) for byte in range(256))
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_TRIPLES = tuple(pair + c for pair in _PAIRS for c in _ALPHABET)


class Purpose(IntEnum):
    """What a token may be used for; numbers are for ever, since old tokens are."""

    BOUNCE = 1
    STOP = 2
    REPLY = 3
    OPEN = 4
    CLICK = 5
    UNSUBSCRIBE = 6
    MESSAGE_ID = 7
    REPORT = 8
    CONSENT = 9
    FILE = 10
    PROOF = 11
    LINK = 12  # one link of an anonymous campaign, nobody's in particular
    FEEDBACK = 13
    ORDER = 14  # the page on which a campaign is released; its extra is the serial of the talk
    LAST_OPEN = 15  # the pixel of service mail: a person of an account, no mail in particular
    OPENS = 16  # the pixel of an anonymous campaign, nobody's in particular
    RETURN = 17  # the page on which somebody who left comes back; its extra is the day on which it was asked for


_PURPOSE_BYTE = tuple(bytes((number,)) for number in range(max(Purpose) + 1))


@dataclass(frozen=True, slots=True)
class Keyring:
    """All token keys by id (0..255, 16 bytes or more each) and the id that signs; old ones verify for ever."""

    keys: Mapping[int, bytes]
    current: int

    def __post_init__(self) -> None:
        if self.current not in self.keys:
            raise ValueError("the current token key is not in the keyring")
        if not all(0 <= key_id <= MAX_KEY_ID and len(key) >= 16 for key_id, key in self.keys.items()):
            raise ValueError("a token key needs an id of 0..255 and at least 16 bytes")


def sign(keyring: Keyring, purpose: Purpose, number: int, extra: int = 0) -> str:
    """Return the token of `number` and `extra` for one purpose; ValueError when they are out of range."""
    return _token(keyring.current, keyring.keys[keyring.current], _PURPOSE_BYTE[purpose], number, extra)


def sign_set(keyring: Keyring, purposes: tuple[Purpose, ...], number: int) -> list[str]:
    """Return one number's tokens for several purposes, in their order: as `sign` one by one, but cheaper."""
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError("a token's number must be below 2**48 and its extra below 2**12")
    inner, outer = _pads(keyring.keys[keyring.current])
    head = _head(keyring.current, number << 12)
    said = head.encode()
    return [head + _mac_chars(inner, outer, _PURPOSE_BYTE[purpose] + said)[:16] for purpose in purposes]


def sign_series(keyring: Keyring, purpose: Purpose, number: int, count: int) -> list[str]:
    """Return the tokens of `number` for the extras 0..count-1: as `sign` one by one, at a third of the price."""
    if not (0 <= number <= MAX_NUMBER and 0 <= count <= MAX_EXTRA + 1):
        raise ValueError("a token's number must be below 2**48 and its extra below 2**12")
    inner, outer = _pads(keyring.keys[keyring.current])
    asked = _PURPOSE_BYTE[purpose]
    prefix = _head(keyring.current, number << 12)[:-3]  # the extra is in the last three characters only
    first = (number << 12) & 32767
    tokens: list[str] = []
    for low in range(first, first + count, 2):
        head = prefix + _TRIPLES[low]
        chars = _mac_chars(inner, outer, asked + head.encode())
        tokens += (head + chars[:16], prefix + _TRIPLES[low + 1] + chars[16:])
    return tokens[:count]


def verify(keyring: Keyring, purpose: Purpose, text: str) -> tuple[int, int] | None:
    """Return (number, extra) of a token that we signed for this purpose, else None; any text may be passed."""
    if len(text) != LENGTH or not text.isascii():
        return None
    try:
        head = int(text[:_HEAD].encode().translate(_TO_INT), 32)
    except ValueError:
        return None
    key_id = (head >> 60) & MAX_KEY_ID
    key = keyring.keys.get(key_id)
    if key is None or head < 0:
        return None
    number, extra = (head >> 12) & MAX_NUMBER, head & MAX_EXTRA
    # The whole token is made anew: what int() forgives (case, "_", "+") and a wrong version cannot come out equal.
    expected = _token(key_id, key, _PURPOSE_BYTE[purpose], number, extra)
    return (number, extra) if hmac.compare_digest(expected, text) else None


def _token(key_id: int, key: bytes, purpose: bytes, number: int, extra: int) -> str:
    if not (0 <= number <= MAX_NUMBER and 0 <= extra <= MAX_EXTRA):
        raise ValueError("a token's number must be below 2**48 and its extra below 2**12")
    low = number << 12 | extra
    head = _head(key_id, low)
    inner, outer = _pads(key)
    if low & 1:  # the second half of its even neighbour's digest
        return head + _mac_chars(inner, outer, purpose + _head(key_id, low ^ 1).encode())[16:]
    return head + _mac_chars(inner, outer, purpose + head.encode())[:16]


def _head(key_id: int, low: int) -> str:
    return (
        f"{_PAIRS[_VERSION << 8 | key_id]}{_TRIPLES[low >> 45]}{_TRIPLES[low >> 30 & 32767]}"
        f"{_TRIPLES[low >> 15 & 32767]}{_TRIPLES[low & 32767]}"
    )


def _mac_chars(inner: hashlib._Hash, outer: hashlib._Hash, message: bytes) -> str:
    """Return HMAC-SHA256 as 32 characters of 5 bits: two MACs of 80 bits each."""
    inner, outer = inner.copy(), outer.copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest().translate(_MAC_CHARS).decode()


@lru_cache(maxsize=256)
def _pads(key: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    """RFC 2104 with both pads hashed once per key: hmac.digest costs three times as much under OpenSSL 3."""
    key = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    return hashlib.sha256(bytes(b ^ 0x36 for b in key)), hashlib.sha256(bytes(b ^ 0x5C for b in key))
