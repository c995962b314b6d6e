"""Header fields of any mail: where they end, and what their words, parameters, addresses and dates say.

In: the bytes of a mail or a part, however broken. Out: (name, value) pairs, texts, mailboxes, milliseconds.
RFC 5322, 2045, 2047 and 2231, with the liberties that real clients take. Raises nothing; logs nothing; every loop is
bounded by the limits below, and what lies beyond them is left out.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import a2b_qp
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from parsers.charsets import decode

MAX_FIELDS = 1000
MAX_BLOCK = 512 * 1024
MAX_VALUE = 64 * 1024

Fields = tuple[tuple[str, str], ...]  # lower-case name, value unfolded but not decoded

_LINE = re.compile(rb"[^\n]*\n?")
_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_WORD = re.compile(r"=\?([^?\s*=]{1,60})(?:\*[^?\s]{0,20})?\?([bBqQ])\?(.{0,1500}?)\?=", re.DOTALL)
_PARAMETER = re.compile(r";\s*([^=;\s]{1,100})\s*=\s*(\"(?:[^\"\\]|\\.)*\"?|[^;]*)", re.DOTALL)
_MISSING_MARK = re.compile(r"^(\s*[^\s;=]+/[^\s;=]+)\s+(?=[A-Za-z-]+\s*=)")
_SECTION = re.compile(r"([^*]+)\*(?:(\d{1,3})(\*?))?$")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BLANKS = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address of a From, To or Cc field with its display name ("" when there is none)."""

    name: str
    address: str


def read_fields(data: bytes, start: int = 0, end: int | None = None) -> tuple[Fields, int]:
    """Return the fields of the block at `start` and the offset of the body behind it."""
    end = len(data) if end is None else end
    found: list[tuple[str, list[bytes]]] = []
    at = start
    while at < end and at - start < MAX_BLOCK:
        line = _LINE.match(data, at, end)
        text = line.group() if line else b""
        stripped = text.rstrip(b"\r\n")
        if not stripped:
            at += len(text)
            break
        named = _NAME.match(text)
        if text[:1] in b" \t" and found:
            found[-1][1].append(stripped)
        elif named:
            found.append((named.group(1).decode("ascii").lower(), [stripped[named.end() :]]))
        elif not found and _NAME.match(text.lstrip()):
            at += len(text) - len(text.lstrip())  # a blank before the very first name
            continue
        elif at == start and stripped.lstrip(b">").startswith(b"From "):
            pass  # an mbox separator
        elif not stripped.strip():
            at += len(text)
            break
        elif not _more_fields(data, at + len(text), end):
            break  # no field at all: the body began without its blank line
        at += len(text)
    return tuple((name, _joined(lines)) for name, lines in found[:MAX_FIELDS]), at


def _more_fields(data: bytes, at: int, end: int) -> bool:
    line = _LINE.match(data, at, end)
    return bool(line and _NAME.match(line.group()))


def _joined(lines: list[bytes]) -> str:
    return decode(b" ".join(line.strip(b" \t\r\0") for line in lines)[:MAX_VALUE], None).strip()


def first(fields: Fields, name: str) -> str:
    """Return the first value of a lower-case name, "" when the field is absent."""
    return next((value for known, value in fields if known == name), "")


def words(value: str) -> str:
    """Return a value with its RFC 2047 encoded words read; words that cannot be read stay as they are."""
    if "=?" not in value:
        return value
    out: list[str] = []
    pending, charset, last = b"", "", 0
    for word in _WORD.finditer(value):
        between = value[last : word.start()]
        data = _word_bytes(word.group(2), word.group(3))
        if last and not between.strip() and pending and charset == word.group(1).lower():
            pending += data  # section 6.2; one character may be cut between two words
        else:
            out.append(decode(pending, charset) if pending else "")
            out.append(between if not last or between.strip() else "")
            pending, charset = data, word.group(1).lower()
        last = word.end()
    out.append(decode(pending, charset) if pending else "")
    return "".join(out) + value[last:]


def _word_bytes(encoding: str, text: str) -> bytes:
    if encoding in "qQ":
        return a2b_qp(text.encode("utf-8", "replace"), header=True)
    cleaned = re.sub(r"[^A-Za-z0-9+/]", "", text)
    return b64decode(cleaned[: len(cleaned) - (len(cleaned) % 4 == 1)] + "==")


def text(value: str) -> str:
    """Return an unstructured value (a subject) as people read it: decoded, blanks joined, no control characters."""
    read = _BLANKS.sub(" ", words(value))
    return "".join(char for char in read if char >= " " and char != "\x7f").strip()


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """Return a structured value (Content-Type) as its lower-case head and its decoded parameters (RFC 2231, 2047)."""
    value = _MISSING_MARK.sub(r"\1;", value, count=1)
    head = value.split(";", 1)[0].strip().lower()
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, raw in _PARAMETER.findall(value[len(value.split(";", 1)[0]) :])[:200]:
        key, content = name.lower(), _unquoted(raw.strip())
        section = _SECTION.match(key)
        if section:
            numbered = section.group(2) is not None
            coded = bool(section.group(3)) or not numbered
            sections.setdefault(section.group(1), {})[int(section.group(2) or 0)] = (content, coded)
        else:
            plain.setdefault(key, words(content))
    for key, parts in sections.items():
        plain[key] = _continued(parts)
    return head, plain


def _continued(parts: dict[int, tuple[str, bool]]) -> str:
    """Put an RFC 2231 value together: charset'language'text in its first section, %XX in the starred ones."""
    charset, data, any_coded = "", b"", False
    for number in sorted(parts):
        content, coded = parts[number]
        if coded and number == min(parts) and content.count("'") >= 2:
            charset, _, content = content.split("'", 2)
        any_coded |= coded
        data += unquote_to_bytes(content) if coded else content.encode("utf-8", "replace")
    read = decode(data, charset)
    return read if any_coded else words(read)


def _unquoted(raw: str) -> str:
    if not raw.startswith('"'):
        return raw
    inner = raw[1:-1] if len(raw) > 1 and raw.endswith('"') else raw[1:]
    # A Windows path in quotes ("C:\liste.xls") is no escape: RFC 822 escapes only \" and \\ in practice.
    return _ESCAPED.sub(lambda found: found.group(1) if found.group(1) in '"\\' else found.group(), inner)


def milliseconds(value: str) -> int | None:
    """Return a Date value as milliseconds since the epoch, None when it cannot be read; no zone counts as UTC."""
    try:
        moment = parsedate_to_datetime(value[:200])
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
