"""Passwords: hashed slowly, checked in a thread, remembered for a while.

In: logins and passwords as people type them. Out: an argon2id hash, or whether a password fits one. A login that does
not exist costs the same time as a wrong password, so that nobody can find out which logins exist. Raises nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# 19 MiB, two passes: OWASP's floor for argon2id; 0.1 s here, where the library's default takes 0.8 s
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_AT_ONCE = 2
_REMEMBERED = 1_000
_REMEMBERED_S = 300.0
SHORTEST = 12  # characters of a password that somebody chooses (ANSSI: 12 and more)
_LONGEST = 1_024  # characters of a password


def hash_password(password: str) -> str:
    """The argon2id hash of a password, with its parameters and salt."""
    return _HASHER.hash(password)


@cache
def _nobody() -> str:
    """What the password of a login that does not exist is held against."""
    return hash_password(os.urandom(16).hex())


class Passwords:
    """Checks passwords against hashes, two at a time; a right one is remembered for five minutes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._right: OrderedDict[bytes, float] = OrderedDict()
        self._salt = os.urandom(16)  # what is remembered is of no use outside this process
        self._nobody = _nobody()

    async def fit(self, password: str, stored: str | None) -> bool:
        """True when `password` belongs to the stored hash; None (no such login) is never true and takes as long."""
        if len(password) > _LONGEST:
            return False
        key = hashlib.blake2b(f"{stored}\0{password}".encode("utf-8", "replace"), key=self._salt).digest()
        if stored is not None and self._right.get(key, 0.0) > self._clock():
            return True
        async with self._turn:
            right = await asyncio.to_thread(_verify, stored or self._nobody, password) and stored is not None
        if right:
            self._right[key] = self._clock() + _REMEMBERED_S
            while len(self._right) > _REMEMBERED:
                self._right.popitem(last=False)
        return right


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
