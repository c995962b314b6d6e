"""Which host an account may use for its links and bounces.

In: what somebody typed, the gateway's domain, the domains of the account's proved addresses. Out: the host as an A-label,
or the key of a sentence that says why not. Pure; raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from mail.alignment import organisation
from parsers.address import a_label
from parsers.typos import KNOWN

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}", re.ASCII).fullmatch
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class No:
    """Why a host may not be used: a key of the catalogue, `hosts.no_KEY`."""

    key: str


def read(typed: str) -> str | None:
    """A host name as an A-label; None when it is none."""
    bare = typed.strip().removeprefix("https://").removeprefix("http://").rstrip("/.").lower()
    if not bare or len(bare) > _LONGEST or any(char.isspace() for char in bare):
        return None
    host = a_label(bare)
    return host if _HOST(host) and not host.rpartition(".")[2].isdigit() else None


def choose(typed: str, gateway: str, proved: Collection[str]) -> str | No:
    """The host, where the account has proved an address or a domain of the same organisation."""
    host = read(typed)
    if host is None:
        return No("syntax")
    own = organisation(host)
    if host == gateway or not own or own in KNOWN:
        return No("public")
    if host == own or host in proved:
        return No("bare")  # a CNAME may stand beside no other record (RFC 1034 section 3.6.2), and mail is read there
    if own not in {organisation(one) for one in proved}:
        return No("stranger")
    return host
