"""Whether a domain that was proved may speak for the domain of From (RFC 7489 section 3.1).

In: domains as A-labels. Out: yes or no. Strict: the same domain. Relaxed: the same organisation, which is one label more
than the public suffix (publicsuffix.org's list, in the version of the installed package). Pure but for reading that list
once; raises nothing.
"""

from __future__ import annotations

from mail.suffixes import public


def organisation(domain: str) -> str:
    """The organisational domain of a name; "" for a public suffix, under which strangers register."""
    return str(public().privatesuffix(domain) or "") if domain else ""


def aligned(domain: str, author: str, relaxed: bool) -> bool:
    """Whether `domain` speaks for `author`."""
    if not domain or not author:
        return False
    if domain == author or not relaxed:
        return domain == author
    own = organisation(author)
    return own != "" and own == organisation(domain)
