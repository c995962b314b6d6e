"""One-time codes of an authenticator (RFC 6238: HMAC-SHA-1, 30 seconds, 6 digits), recovery codes, passwords that we draw.

In: the token key and a serial, from which a login's secret follows, so that it is stored nowhere; what a person typed;
the time. Out: the secret as people type it, the address that an authenticator reads, the step that a code fits. Raises
nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b32encode
from urllib.parse import quote

from parsers.tokens import Keyring

PERIOD = 30  # seconds
DIGITS = 6
DRIFT = 1  # steps that a clock may be off, either way (section 6)
CODES = 10
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # 32 that nobody takes for each other


def secret(keyring: Keyring, user_id: int, serial: int) -> bytes:
    """The 20 bytes that a login shares with its owner's authenticator: the oldest key's, which rotation leaves as it is."""
    key = keyring.keys[min(keyring.keys)]
    return hmac.digest(key, f"one-time codes {user_id} {serial}".encode(), "sha256")[:20]


def typed(shared: bytes) -> str:
    """A secret as people type it into an authenticator: base32 in groups of four."""
    text = b32encode(shared).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def address(shared: bytes, login: str, issuer: str) -> str:
    """The otpauth address of a secret."""
    label, word = quote(f"{issuer}:{login}"), b32encode(shared).decode()
    return f"otpauth://totp/{label}?secret={word}&issuer={quote(issuer)}&digits={DIGITS}&period={PERIOD}"


def code(shared: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a step (RFC 4226 section 5.3)."""
    digest = hmac.digest(shared, step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 15
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(shared: bytes, said: str, now: float) -> int | None:
    """The step whose code a person typed, None when it fits none near `now` (seconds)."""
    word = "".join(said.split())
    if len(word) != DIGITS or not (word.isascii() and word.isdigit()):
        return None
    current = int(now) // PERIOD
    steps = range(current - DRIFT, current + DRIFT + 1)
    return next((step for step in steps if hmac.compare_digest(code(shared, step), word)), None)


def draw(groups: int = 4) -> str:
    """A word drawn at random, in groups of four letters of five bits each."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(groups))


def digest(word: str) -> bytes:
    """What is kept of a drawn word, however it is typed; 80 random bits need no slow hash."""
    plain = "".join(char for char in word.lower() if char.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "replace")).digest()
