"""What a DKIM-Signature field and the key record behind it claim (RFC 6376 sections 3.5 and 3.6.1), and what is weak in it.

In: the value of a field, the TXT value of `SELECTOR._domainkey.DOMAIN`, the present second. Out: a `Signature` or a
`Key`, or the `Weakness` for which it proves nothing. We ask for more than the RFC: every field that decides on a
campaign is covered, the whole body, no date past. Pure; raises nothing, logs nothing.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass, field
from enum import StrEnum

from parsers.address import a_label

COVERED = frozenset(("from", "to", "subject", "date", "message-id"))
_MAX_VALUE = 16_000
_MAX_RECORD = 4_000
_MAX_TAGS = 100
_SELECTOR = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"[0-9]{1,12}")
_ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}  # RFC 8301 forbids rsa-sha1
_NEEDED = ("v", "a", "b", "bh", "d", "h", "s")


class Weakness(StrEnum):
    """Why a signature proves nothing; each has its text under smtp.proof_*."""

    NONE = "none"  # there is no signature of that domain
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    COVERS = "covers"
    LENGTH = "length"
    EXPIRED = "expired"
    KEY = "key"
    KEY_SIZE = "key_size"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature, as far as it says itself; `fields` are the lower-case names that it covers, in its order."""

    domain: str
    selector: str
    kind: str  # rsa | ed25519
    relaxed_head: bool
    relaxed_body: bool
    fields: tuple[str, ...]
    identity: str  # the domain of i=
    body_hash: bytes = field(repr=False)
    value: bytes = field(repr=False)

    @property
    def key_name(self) -> str:
        """The DNS name of its key."""
        return f"{self.selector}._domainkey.{self.domain}"


@dataclass(frozen=True, slots=True)
class Key:
    """A public key as published."""

    kind: str
    data: bytes = field(repr=False)
    same_domain: bool = False  # t=s: i= may be in no subdomain


def tags(text: str) -> dict[str, str] | None:
    """The tag=value list of RFC 6376 section 3.2; None when it is none, or names a tag twice."""
    found: dict[str, str] = {}
    parts = text.split(";")
    if not parts[-1].strip():
        parts.pop()
    if len(parts) > _MAX_TAGS:
        return None
    for part in parts:
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not name or name in found:
            return None
        found[name] = value.strip()
    return found


def claimed_domain(value: bytes) -> str:
    """The d= of a signature's value as an A-label, "" when it names none."""
    said = tags(value[:_MAX_VALUE].decode("utf-8", "replace"))
    return a_label(said.get("d", "")) if said else ""


def read_signature(value: bytes, now_s: int) -> Signature | Weakness:
    """Read the value of one DKIM-Signature field (still folded) at a second since the epoch."""
    said = tags(value.decode("utf-8", "replace")) if len(value) <= _MAX_VALUE else None
    if said is None or any(name not in said for name in _NEEDED) or said["v"] != "1":
        return Weakness.MALFORMED
    kind = _ALGORITHMS.get(said["a"].lower())
    if kind is None:
        return Weakness.ALGORITHM
    if "l" in said:
        return Weakness.LENGTH  # what stands behind the length is anybody's
    names = tuple(name.strip().lower() for name in said["h"].split(":"))
    if not names or not set(names) >= COVERED:
        return Weakness.COVERS
    return _timed(said, now_s) or _built(said, kind, names, value)


def _timed(said: dict[str, str], now_s: int) -> Weakness | None:
    for name in ("x", "t"):
        if name in said and not _NUMBER.fullmatch(said[name]):
            return Weakness.MALFORMED
    if "x" in said and (int(said["x"]) <= now_s or int(said["x"]) < int(said.get("t", "0"))):
        return Weakness.EXPIRED
    return None


def _built(said: dict[str, str], kind: str, names: tuple[str, ...], value: bytes) -> Signature | Weakness:
    domain, selector = a_label(said["d"]), said["s"]
    identity = a_label(said["i"].rpartition("@")[2]) if "i" in said else domain
    head, _, body = said.get("c", "simple/simple").lower().partition("/")
    body_hash = decoded(said["bh"])
    fits = identity == domain or identity.endswith(f".{domain}")
    known = {head, body or "simple"} <= {"simple", "relaxed"} and said.get("q", "dns/txt").lower() == "dns/txt"
    if not domain or not _SELECTOR.fullmatch(selector) or not fits or not known or body_hash is None:
        return Weakness.MALFORMED
    return Signature(domain, selector, kind, head == "relaxed", body == "relaxed", names, identity, body_hash, value)


def read_key(record: str) -> Key | Weakness:
    """Read a key record; revoked, test-mode and foreign keys are `Weakness.KEY`."""
    said = tags(record) if len(record) <= _MAX_RECORD else None
    if said is None or said.get("v", "DKIM1") != "DKIM1":
        return Weakness.KEY
    hashes, services, flags = (
        {one.strip().lower() for one in said.get(name, default).split(":")}
        for name, default in (("h", "sha256"), ("s", "*"), ("t", ""))
    )
    data = decoded(said.get("p", ""))
    # section 3.6.1: an empty p= is a revoked key, and mail under a key in test mode (t=y) counts as unsigned
    if not data or "sha256" not in hashes or not services & {"*", "email"} or "y" in flags:
        return Weakness.KEY
    return Key(said.get("k", "rsa").lower(), data, "s" in flags)


def decoded(text: str) -> bytes | None:
    """Base64 with blanks anywhere, None when it is none."""
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
