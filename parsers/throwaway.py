"""Domains of mailboxes that live for an hour, from a list that others keep (disposable-email-domains).

In: a domain as A-label. Out: whether it is one, or below one. Raises nothing; logs nothing.
"""

from __future__ import annotations

from functools import cache

_LEVELS = 5


@cache
def _list() -> frozenset[str]:
    from disposable_email_domains import blocklist  # ten thousand names: only where somebody asks

    return frozenset(blocklist)


def is_throwaway(domain: str) -> bool:
    """Whether addresses of `domain` are made to be thrown away."""
    name = domain.rstrip(".").lower()
    for _ in range(_LEVELS):
        if name in _list():
            return True
        name = name.partition(".")[2]
    return False
