"""Addresses of one cell of a list, as people type and paste them.

In: the text of a cell (one address, several, with names, `mailto:`, invisible characters); out: one `Found` per
address, each good or with a `Fault`, and the key under which two spellings are the same mailbox.
Raises nothing and logs nothing: what cannot be an address is a `Found` with a fault.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote

import idna
from email_validator import EmailNotValidError, validate_email

from parsers.folding import fold
from parsers.typos import typo_hint

__all__ = ["Fault", "Found", "a_label", "clean", "key", "looks_like", "parse", "plain_domain", "typo_hint"]


class Fault(StrEnum):
    """Why a line of a list gets no mail."""

    EMPTY = "empty"
    SYNTAX = "syntax"
    LITERAL = "literal"
    OWN = "own"
    DUPLICATE = "duplicate"
    SUPPRESSED = "suppressed"
    NO_MAIL = "no_mail"


@dataclass(frozen=True, slots=True)
class Found:
    """One address found in a cell; with a fault, `address` is the text that stood there."""

    address: str
    name: str = ""
    fault: Fault | None = None


# RFC 5321 4.5.3.1: 64 octets of local part, 255 of domain, 256 of path with its angle brackets.
_LOCAL_MAX, _DOMAIN_MAX, _ADDRESS_MAX = 64, 253, 254
# A name and an address; anything longer is no address, and patterns must not be led astray by it.
_PIECE_MAX = 1000
# RFC 5322 3.2.3: dot-atom.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?:[A-Za-z]{{2,63}}|[Xx][Nn]--[A-Za-z0-9-]{{1,58}}[A-Za-z0-9])")
_PLAIN = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9.-]+")
_LOOKS = re.compile(r"[^\s@<>;,]@(?:\[|[^\s@<>;,.]+\.[^\s@<>;,])")
_SPACES = re.compile(r"[^\S\n]+")
# Zero-width, soft hyphen, bidi marks and BOM: what copying from web pages and PDF leaves behind.
_INVISIBLE = dict.fromkeys([0xAD, 0x34F, 0x61C, 0x180E, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F)]) | (
    dict.fromkeys(range(0x2060, 0x2070))
)
_QUOTES = {'"': '"', "'": "'", "«": "»", "“": "”", "‘": "’"}
_ANGLE = re.compile(r"([^<>]*)<([^<>]*)>")
_COMMENT = re.compile(r"(\S+@\S+)\s*\(([^()]*)\)")
_LITERAL = re.compile(r"[^\s@]+@\[[^\]\s]*\]")
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|<[^<>]*>|\([^()]*\)|[;,\n\r|]|[^";,\n\r|<(]+|.', re.DOTALL)
# full-width forms of Asian keyboards, and the at signs that look like one
_WIDE = {0xFF00 + code: 0x20 + code for code in range(1, 0x5F)} | {0xFE6B: "@", 0x3000: " "}
# what people put around an address: a bullet, a number, a label, a name; U+2022 and the like are bullets
_BULLET = re.compile(r"^(?:[-*+\u2013\u2014\u2022\u00b7\u25aa\u25cf\u203a>]|\d{1,6}[.)])\s+|^[:=\u2022\u00b7]\s*")
_LABEL_BEFORE = re.compile(
    r"^(?:(?:adresses?\s)?(?:e-?)?mails?(?:\s(?:address|pro|perso))?|courriels?|m[ée]l|smtp|adresse|contact|to|à)\s*[:=]\s*",
    re.IGNORECASE,
)
_NAME_BEFORE = re.compile(
    r"^([^@<>:/]{2,200})(?:\s:\s?|:\s)(\S+@\S+)$|^([^@<>:/]{1,100}\s[^@<>:/]{1,100})\s[-\u2013\u2014]\s(\S+@\S+)$"
)
_NAME_AROUND = re.compile(
    r"^([^@<>()\[\]{}]{0,200})[(\[{]\s*(?:mailto:)?([^\s()\[\]{}]+@[^\s()\[\]{}]+)\s*[)\]}]$", re.IGNORECASE
)
_HYPERLINK = re.compile(
    r"^([^#]{0,320})#(?:(?:mailto|https?):/{0,2})?([^#]{0,320})#?[^#]{0,20}$", re.IGNORECASE
)  # a cell of Access
_CONNECTORS = frozenset(("/", "-", "–", "&", "+", "et", "ou", "and", "or", "|"))


@lru_cache(maxsize=65536)
def a_label(domain: str) -> str:
    """Domain in lower-case A-labels (RFC 5890), or "" when it cannot be a mail domain."""
    if len(domain) > _DOMAIN_MAX:
        return ""
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower() if _DOMAIN.fullmatch(domain) else ""
    try:
        encoded = idna.encode(domain, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError, ValueError, IndexError):
        return ""
    return encoded if len(encoded) <= _DOMAIN_MAX and _DOMAIN.fullmatch(encoded) else ""


def key(address: str) -> str:
    """The one key of a mailbox: the whole address case-folded, its domain as lower-case A-label."""
    if address.isascii() and "xn--" not in address:
        return address.lower()
    local, _, domain = address.rpartition("@")
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())
    return f"{folded}@{a_label(domain) or domain.casefold()}"


def looks_like(text: str) -> bool:
    """Whether a text holds something that was meant as an address (used to find the column)."""
    return "@" in text and _LOOKS.search(text) is not None


def clean(text: str) -> str:
    """Text without invisible characters, every kind of blank a simple space, new lines kept."""
    if text.isascii() and text.isprintable():
        return text.strip()
    text = text.translate(_INVISIBLE).translate(_WIDE).replace("\r\n", "\n").replace("\r", "\n")
    return _SPACES.sub(" ", text).strip()


def plain_domain(cell: str) -> str:
    """The A-label domain of a cell that is one good ASCII address and nothing else, or "" (the fast path)."""
    if _PLAIN.fullmatch(cell) is None:
        return ""
    local, _, domain = cell.partition("@")
    return a_label(domain) if len(local) <= _LOCAL_MAX and len(cell) <= _ADDRESS_MAX else ""


def parse(cell: str, own_domains: frozenset[str] = frozenset()) -> tuple[Found, ...]:
    """Every address of a cell, in order; a blank cell gives one `Found` with the fault EMPTY."""
    if plain_domain(cell):
        local, _, domain = cell.partition("@")
        return (_judge(local, domain, cell, "", own_domains),)
    pieces = _split(clean(cell))
    return tuple(_one(piece, own_domains) for piece in pieces) or (Found("", "", Fault.EMPTY),)


def _judge(local: str, domain: str, text: str, name: str, own_domains: frozenset[str]) -> Found:
    label = a_label(domain)
    if not label or not (local := _checked_local(local)):
        return Found(text, name, Fault.SYNTAX)
    address = f"{local}@{domain if domain.isascii() else label}"
    if len(address) > _ADDRESS_MAX and len(address.encode()) > _ADDRESS_MAX:
        return Found(text, name, Fault.SYNTAX)
    return Found(address, name, Fault.OWN if label in own_domains else None)


def _checked_local(local: str) -> str:
    if local.isascii():
        return local if len(local) <= _LOCAL_MAX and _LOCAL.fullmatch(local) else ""
    return _checked_utf8_local(local)


@lru_cache(maxsize=4096)
def _checked_utf8_local(local: str) -> str:
    # RFC 6531 3.3: UTF-8 local parts; which characters are safe is email-validator's knowledge.
    if len(local) > _LOCAL_MAX:
        return ""
    try:
        checked = validate_email(f"{local}@a.test", check_deliverability=False, test_environment=True)
    except (EmailNotValidError, UnicodeError):
        return ""
    return checked.local_part if len(checked.local_part.encode()) <= _LOCAL_MAX else ""


def _one(piece: str, own_domains: frozenset[str]) -> Found:
    if len(piece) > _PIECE_MAX:
        return Found(piece, "", Fault.SYNTAX)
    found = _read(piece, own_domains)
    if found.fault is Fault.SYNTAX and "@" in piece and (tidied := _tidied(piece)) != piece:
        again = _read(tidied, own_domains)
        return found if again.fault is Fault.SYNTAX else again
    return found


def _tidied(piece: str) -> str:
    """A piece without what stands around its one address, as "Name <address>"; words that may be its half stay."""
    link = _HYPERLINK.match(piece)
    if link is not None and "@" in link[2]:
        piece = link[2]
    text = _LABEL_BEFORE.sub("", _BULLET.sub("", piece)).strip()
    if (text.count("<") == 1 and ">" not in text) or "<" not in text:
        text = text.strip("<> ")
    text = text.replace("<<", "<").replace(">>", ">")
    if (around := _NAME_AROUND.match(text)) is not None:
        return f"{around[1].strip(' -:')} <{around[2]}>"
    if (before := _NAME_BEFORE.match(text)) is not None:
        return f"{before[1] or before[3]} <{before[2] or before[4]}>"
    words, _, address = text.rpartition(" ")
    if "@" in address and "@" not in words and _names(words, address.partition("@")[0]):
        return f"{words} <{address}>"
    return text.rstrip(":!?)]")


def _names(words: str, local: str) -> bool:
    """Whether words before an address are its person's name: one stands in the local part, so none is a half of it."""
    return any(len(word) > 2 and fold(word) in fold(local) for word in words.split()) and not any(
        map(str.isdigit, words)
    )


def _read(piece: str, own_domains: frozenset[str]) -> Found:
    name, text = _named(piece)
    if _LITERAL.fullmatch(text):
        return Found(text, name, Fault.LITERAL)
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        return Found(piece, "", Fault.SYNTAX)
    found = _judge(local, domain, piece, name, own_domains)
    return Found(piece, "", Fault.SYNTAX) if found.fault is Fault.SYNTAX else found


def _named(piece: str) -> tuple[str, str]:
    """Display name and bare address of one piece (RFC 5322 3.4 name-addr, and the old comment form)."""
    name = ""
    if (match := _ANGLE.fullmatch(piece.rstrip(" .>") + ">") if "<" in piece else None) is not None:
        name, piece = match[1], match[2]
    elif (match := _COMMENT.fullmatch(piece)) is not None:
        piece, name = match[1], match[2]
    text = _bare(piece)
    name = _unquote(name.strip(" :"))
    return ("" if name.casefold() == text.casefold() else name), text


def _bare(text: str) -> str:
    text = _unquote(text.strip())
    if text[:7].lower() == "mailto:":
        text = unquote(text[7:].split("?", 1)[0], errors="replace").strip()
    return text


def _unquote(text: str) -> str:
    while len(text) >= 2 and _QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return text.replace('\\"', '"').replace("\\\\", "\\")


def _split(text: str) -> list[str]:
    """Pieces of a cell, one address each: cut at `;` `,` `|` and new lines outside quotes, brackets, comments."""
    pieces: list[str] = []
    current = ""
    for found in _PIECES.findall(text):
        # "Dupont, Jean <j@d.fr>": a comma before the bracket belongs to the name.
        if found == "," and "@" not in current:
            current += found
        elif found in (";", ",", "\n", "\r", "|"):
            pieces.append(current)
            current = ""
        else:
            current += found
    pieces.append(current)
    stripped = [piece.strip(" ,;\n") for piece in pieces]
    return [part for piece in stripped if piece for part in _split_run(piece)]


def _split_run(piece: str) -> list[str]:
    """Addresses that follow each other in one piece with blanks or slashes between; else the piece whole."""
    if piece.count("@") < 2:
        return [piece]
    if "<" in piece:
        runs = [match[0].strip(" /&+-") for match in _ANGLE.finditer(piece)]
        whole = _ANGLE.sub("", piece).strip(" /&+-.")
        return runs if len(runs) > 1 and not whole else [piece]
    tokens = [token for token in re.split(r"[ /]+", piece) if token and token.lower() not in _CONNECTORS]
    # A word without "@" among them may be the first half of a broken address: never guess at a recipient.
    return tokens if all("@" in token for token in tokens) else [piece]
