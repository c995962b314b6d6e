"""Signed tokens for addresses and links: who or what a bounce, a click or a STOP is about.

In: a keyring, a purpose, a recipient's or campaign's id (below 2**48) and a small extra (below 2**12, a link's index).
Out: 30 characters of lower-case base32 (RFC 4648 section 6 alphabet, no padding), and back again.
A token that was altered, cut, upper-cased or made for another purpose verifies to None; callers that read address
local parts lower-case them first. Raises ValueError only for values that no caller of ours may pass; logs nothing.

Layout, 150 bits = 30 characters, so that there are no spare bits and one spelling only: version 2 · key id 8 · number
48 · extra 12 · MAC 80. The MAC covers the purpose and everything before it: keyed BLAKE2b (RFC 7693 section 2.9) over a
topic and the head, whose 64 bytes give four MACs, as slices of one digest are independent: to the four tokens of every
mail, which share a topic, or to four extras in a row of any other purpose, which is its own topic. A mail with ten
links costs five digests.
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
_RANGE = "a token's number must be below 2**48 and its extra below 2**12"
_INT32 = "0123456789abcdefghijklmnopqrstuv"  # what int(text, 32) reads
_TO_INT = bytes.maketrans(_ALPHABET.encode(), _INT32.encode())
# Five bits of each of 16 bytes: 80 bits by one C call instead of a base32 loop.
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
    FILE = 10  # an attachment that all recipients of a campaign get; its extra is the file's number
    PROOF = 11
    LINK = 12  # one link of an anonymous campaign, nobody's in particular
    FEEDBACK = 13
    ORDER = 14  # the page on which a campaign is released; its extra is the serial of the talk
    LAST_OPEN = 15  # the pixel of service mail: a person of an account, no mail in particular
    OPENS = 16  # the pixel of an anonymous campaign, nobody's in particular
    RETURN = 17  # the page on which somebody who left comes back; its extra is the day on which it was asked for
    PASSWORD = 18  # the page on which a user chooses a password; its extra is the serial of the letter
    DOCUMENT = 20  # a personal attachment: the recipient, and which of the files that their cell names
    CONFIRM = 21  # the page on which the declared sender confirms an action


_EVERY_MAIL = (Purpose.UNSUBSCRIBE, Purpose.STOP, Purpose.MESSAGE_ID, Purpose.OPEN)
_SHARED = b"\0"  # their topic
_TOPIC = tuple(_SHARED if number in _EVERY_MAIL else bytes((number,)) for number in range(max(Purpose) + 1))
_LANES = tuple(slice(at, at + 16) for at in range(0, 64, 16))
_LANE = tuple(
    _LANES[_EVERY_MAIL.index(Purpose(number))] if number in _EVERY_MAIL else None for number in range(max(Purpose) + 1)
)


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
    return _token(keyring.current, keyring.keys[keyring.current], purpose, number, extra)


def sign_set(keyring: Keyring, purposes: tuple[Purpose, ...], number: int) -> list[str]:
    """Return one number's tokens for several purposes, in their order: as `sign` one by one, but cheaper."""
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError(_RANGE)
    key, head = keyring.keys[keyring.current], _head(keyring.current, number << 12)
    said = head.encode()
    shared = _macs(key, _SHARED + said)
    return [
        head + (_macs(key, _TOPIC[purpose] + said)[:16] if lane is None else shared[lane])
        for purpose in purposes
        for lane in (_LANE[purpose],)
    ]


def sign_series(keyring: Keyring, purpose: Purpose, number: int, count: int) -> list[str]:
    """Return the tokens of `number` for the extras 0..count-1: as `sign` one by one, at a third of the price."""
    if not (0 <= number <= MAX_NUMBER and 0 <= count <= MAX_EXTRA + 1):
        raise ValueError(_RANGE)
    if _LANE[purpose]:
        return [sign(keyring, purpose, number, extra) for extra in range(count)]
    key, topic = keyring.keys[keyring.current], _TOPIC[purpose]
    prefix = _head(keyring.current, number << 12)[:-3]  # the extra is in the last three characters only
    first = (number << 12) & 32767
    tokens: list[str] = []
    for low in range(first, first + count, 4):
        head = prefix + _TRIPLES[low]
        macs = _macs(key, topic + head.encode())
        tokens += (
            head + macs[:16],
            prefix + _TRIPLES[low + 1] + macs[16:32],
            prefix + _TRIPLES[low + 2] + macs[32:48],
            prefix + _TRIPLES[low + 3] + macs[48:],
        )
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
    expected = _token(key_id, key, purpose, number, extra)
    return (number, extra) if hmac.compare_digest(expected, text) else None


def _token(key_id: int, key: bytes, purpose: Purpose, number: int, extra: int) -> str:
    if not (0 <= number <= MAX_NUMBER and 0 <= extra <= MAX_EXTRA):
        raise ValueError(_RANGE)
    low = number << 12 | extra
    head = _head(key_id, low)
    lane = _LANE[purpose]
    first = head if lane else _head(key_id, low & ~3)
    return head + _macs(key, _TOPIC[purpose] + first.encode())[lane or _LANES[low & 3]]


def _head(key_id: int, low: int) -> str:
    return (
        f"{_PAIRS[_VERSION << 8 | key_id]}{_TRIPLES[low >> 45]}{_TRIPLES[low >> 30 & 32767]}"
        f"{_TRIPLES[low >> 15 & 32767]}{_TRIPLES[low & 32767]}"
    )


def _macs(key: bytes, message: bytes) -> str:
    """Return a keyed digest as 64 characters of 5 bits: four MACs of 80 bits each."""
    digest = _keyed(key).copy()
    digest.update(message)
    return digest.digest().translate(_MAC_CHARS).decode()


@lru_cache(maxsize=256)
def _keyed(key: bytes) -> hashlib.blake2b:
    """The digest with its key in it; RFC 7693 allows 64 bytes of key, so a longer one is hashed before."""
    return hashlib.blake2b(key=key if len(key) <= 64 else hashlib.blake2b(key).digest(), person=b"token")
