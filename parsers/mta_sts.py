"""Policies of MTA-STS (RFC 8461): reading them, and what they ask of a host. Pure.

In: the TXT records of `_mta-sts.DOMAIN`, the bytes of the policy file, names of hosts. Out: the id of the policy in force,
a `StsPolicy` or the reason why there is none, whether a host is in it. Any bytes and texts are accepted; nothing is raised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MAX_BODY = 65_536  # section 3.3: 64 kilobytes suffice
MAX_AGE = 31_557_600  # seconds, section 3.2
_MAX_MX = 200
_MAX_LINES = 1_000
_ID = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII).fullmatch  # section 3.1
_NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII).fullmatch
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_PATTERN = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)+{_LABEL}", re.ASCII).fullmatch
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", re.ASCII).fullmatch


class Mode(StrEnum):
    """What a policy asks senders to do."""

    ENFORCE = "enforce"
    TESTING = "testing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """One policy; `mx` in lower case, `max_age` in seconds."""

    mode: Mode
    mx: tuple[str, ...]
    max_age: int

    def lists(self, host: str) -> bool:
        """Whether the policy names this host."""
        return any(matches(pattern, host) for pattern in self.mx)

    @property
    def lines(self) -> tuple[str, ...]:
        """The policy as a file has it."""
        return (
            "version: STSv1",
            f"mode: {self.mode.value}",
            *(f"mx: {one}" for one in self.mx),
            f"max_age: {self.max_age}",
        )


def matches(pattern: str, host: str) -> bool:
    """Section 4.1: `*.` stands for exactly one label; all else must be the same."""
    host = host.lower().rstrip(".")
    if pattern.startswith("*."):
        label, _, rest = host.partition(".")
        return bool(label) and rest == pattern[2:]
    return host == pattern


def policy_id(texts: Sequence[str]) -> str:
    """The id that the TXT records announce; "" when there is no policy, or more than one record (section 3.1)."""
    records = [one for one in texts if re.match(r"v=STSv1[ \t]*;", one)]
    if len(records) != 1:
        return ""
    for item in records[0].split(";")[1:]:
        key, _, value = item.strip(" \t").partition("=")
        if key == "id":
            return value if _ID(value) else ""
    return ""


def parse(body: bytes) -> StsPolicy | str:
    """The policy of a file, or why it cannot be used."""
    if len(body) > MAX_BODY:
        return "too large"
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return "not UTF-8"
    fields = _fields(text)
    if isinstance(fields, str):
        return fields
    values, mx = fields
    if values.get("version") != "STSv1":
        return "version is not STSv1"
    mode, age = values.get("mode", ""), values.get("max_age", "")
    if mode not in list(Mode):
        return "mode is none of enforce, testing, none"
    if not _NUMBER(age):
        return "max_age is no number of seconds"
    if not mx and mode != Mode.NONE:
        return "no mx"
    if not all(_PATTERN(one) for one in mx):
        return "an mx is no host name"
    return StsPolicy(Mode(mode), mx, min(int(age), MAX_AGE))


def _fields(text: str) -> tuple[dict[str, str], tuple[str, ...]] | str:
    # lines end with LF or CRLF and nothing else: what another reader takes for two lines must not be one here
    lines = text.removesuffix("\n").split("\n")
    if len(lines) > _MAX_LINES:
        return "too many lines"
    values: dict[str, str] = {}
    mx: list[str] = []
    for raw in lines:
        line = raw.removesuffix("\r").rstrip(" \t")
        if not line:
            continue
        key, colon, value = line.partition(":")
        value = value.strip(" \t")
        if not colon or not _KEY(key) or any(ord(char) < 32 or ord(char) == 127 for char in value):
            return "a line is no field"
        if key == "mx":
            mx.append(value.lower().rstrip("."))
        else:
            values.setdefault(key, value)  # section 3.2: of doubles the first counts
    if len(mx) > _MAX_MX:
        return "too many mx"
    return values, tuple(dict.fromkeys(mx))
