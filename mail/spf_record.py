"""An SPF record and its macros (RFC 7208 sections 4.6, 5 and 7): read strictly, since a wrong one proves nothing.

In: the text of a TXT record; a domain-spec and what its macros stand for. Out: a `Record`, None for one with an error; an
expanded name, None when a macro cannot be. `%{p}` is always "unknown", as section 7.3 allows. Pure; raises nothing, logs
nothing; time grows with the length only, which is bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from urllib.parse import quote

LONGEST = 4_000
_TERMS = 200
_NAME = 253
_MACRO = r"%(?:\{[slodiphvSLODIPHV](?:[1-9][0-9]{0,2})?[rR]?[.+,/_=-]{0,10}\}|[%_-])"
_TOP = r"\.(?:[0-9]*[A-Za-z][0-9A-Za-z]*|[0-9A-Za-z]+-[0-9A-Za-z-]*[0-9A-Za-z])\.?"
_SPEC = re.compile(rf"(?:{_MACRO}|[!-$&-~])*(?:{_TOP}|%\{{[^}}]+\}})")
_MACROS = re.compile(rf"(?:{_MACRO}|[!-$&-~])*")
_PART = re.compile(r"%(?:\{([A-Za-z])([0-9]*)([rR]?)([.+,/_=-]*)\}|([%_-]))")
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]{0,60})=(.*)", re.DOTALL)
_MECHANISM = re.compile(
    r"([+?~-]?)([A-Za-z][A-Za-z0-9_.-]{0,60})(?::(.*?))?((?:/[0-9]{1,3})?(?://[0-9]{1,3})?)", re.DOTALL
)
_FIXED = {"%": "%", "_": " ", "-": "%20"}

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One mechanism: + - ~ ?, its name, its domain-spec ("" for the domain itself), its networks' lengths or network."""

    qualifier: str
    name: str
    spec: str = ""
    length4: int = 32
    length6: int = 128
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What a domain publishes."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str = ""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks: what the macros of a record stand for."""

    ip: Address
    sender: str  # LOCAL@DOMAIN
    domain: str  # the one whose record is read
    helo: str


def is_spf(text: str) -> bool:
    """Whether a TXT record is an SPF one (section 4.5)."""
    return text[:7].lower() == "v=spf1 " or text.lower() == "v=spf1"


def read(text: str) -> Record | None:
    """Read a record; None when anything in it is wrong, used or not (section 4.6)."""
    terms = text[6:].split(" ")
    if len(text) > LONGEST or not text.isascii() or len(terms) > _TERMS:
        return None
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in filter(None, terms):
        modifier = _MODIFIER.fullmatch(term)
        if modifier:
            name, value = modifier[1].lower(), modifier[2]
            known = name in ("redirect", "exp")
            if (known and name in modifiers) or not (_SPEC if known else _MACROS).fullmatch(_without_time(value, name)):
                return None
            modifiers[name] = value
            continue
        mechanism = _mechanism(term)
        if mechanism is None:
            return None
        mechanisms.append(mechanism)
    return Record(tuple(mechanisms), modifiers.get("redirect", ""))


def _without_time(value: str, name: str) -> str:
    """A modifier that is not ours may use the macros of explanations."""
    return value if name in ("redirect", "exp") else re.sub(r"%\{[crtCRT]", "%{s", value)


def _mechanism(term: str) -> Mechanism | None:
    found = _MECHANISM.fullmatch(term)
    if found is None:
        return None
    qualifier, name, value, cidr = found[1] or "+", found[2].lower(), found[3], found[4]
    if name in ("ip4", "ip6"):
        return _network(qualifier, name, f"{value or ''}{cidr}")
    if name == "all":
        return None if value is not None or cidr else Mechanism(qualifier, name)
    if name in ("include", "exists"):
        good = bool(value) and not cidr and _SPEC.fullmatch(value)
        return Mechanism(qualifier, name, value) if good else None
    if name == "ptr" and cidr:
        return None
    if name not in ("a", "mx", "ptr") or (value is not None and not _SPEC.fullmatch(value)):
        return None
    lengths = _lengths(cidr)
    return Mechanism(qualifier, name, value or "", *lengths) if lengths else None


def _lengths(cidr: str) -> tuple[int, int] | None:
    four, _, six = cidr.partition("//") if not cidr.startswith("//") else ("", "", cidr[2:])
    four = four.lstrip("/")
    if any(len(one) > 1 and one.startswith("0") for one in (four, six)):
        return None
    lengths = int(four or 32), int(six or 128)
    return lengths if lengths[0] <= 32 and lengths[1] <= 128 else None


def _network(qualifier: str, name: str, value: str) -> Mechanism | None:
    length = value.partition("/")[2]
    if not value or (len(length) > 1 and length.startswith("0")) or "/" in length or value.endswith("/"):
        return None
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        return None
    return Mechanism(qualifier, name, network=network) if network.version == int(name[2]) else None


def expand(spec: str, speaker: Speaker) -> str | None:
    """The name that a domain-spec stands for, cut on the left to what DNS carries (section 7.3)."""
    name = _PART.sub(lambda part: _value(part, speaker), spec).rstrip(".")
    while len(name) > _NAME and "." in name:
        name = name.partition(".")[2]
    return name if 0 < len(name) <= _NAME else None


def _value(part: re.Match[str], speaker: Speaker) -> str:
    if part[5]:
        return _FIXED[part[5]]
    local, _, domain = speaker.sender.rpartition("@")
    values = {
        "s": speaker.sender, "l": local, "o": domain, "d": speaker.domain, "h": speaker.helo, "p": "unknown",
        "i": dotted(speaker.ip), "v": "in-addr" if speaker.ip.version == 4 else "ip6",
    }  # fmt: skip
    words = re.split(f"[{re.escape(part[4] or '.')}]", values[part[1].lower()])
    if part[3]:
        words.reverse()
    text = ".".join(words[-int(part[2]) :] if part[2] else words)
    return quote(text, safe="") if part[1].isupper() else text


def dotted(ip: Address) -> str:
    """An address as %{i}: nibbles with dots for IPv6."""
    return str(ip) if ip.version == 4 else ".".join(ip.exploded.replace(":", ""))
