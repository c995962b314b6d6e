"""Which part of a domain belongs to one organisation, by the Public Suffix List.

In: a domain as A-label. Out: its organisational domain (RFC 7489 section 3.2): `firm.co.uk` for `news.firm.co.uk`. A public
suffix itself is its own. The list comes with a package and is read once. Raises nothing; logs nothing.
"""

from __future__ import annotations

from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList


@cache
def public() -> PublicSuffixList:
    """The list."""
    return PublicSuffixList()  # some 80 ms: only where somebody asks


@lru_cache(maxsize=4096)
def organisation(domain: str) -> str:
    """Return the organisational domain of `domain`, in lower case without a trailing dot."""
    name = domain.rstrip(".").lower()
    return public().privatesuffix(name) or name


def same_organisation(one: str, other: str) -> bool:
    """Whether two domains are aligned in relaxed mode (RFC 7489 section 3.1.1)."""
    return organisation(one) == organisation(other)
