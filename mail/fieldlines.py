"""Header fields of outgoing mail (RFC 5322, 2047, 2231): encoded, folded, and canonical once unfolded.

In: texts and addresses, which may hold anything. Out: field values of ASCII lines (an address that needs SMTPUTF8 keeps
its letters), folded as CRLF and one blank, with no other run of blanks: leaving the CRLFs out gives the relaxed form
(RFC 6376 section 3.4.2). Control characters, CR and LF above all, become blanks: no value can make a field of its own.
Raises nothing; logs nothing.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from functools import lru_cache
from time import gmtime
from urllib.parse import quote

_CONTROLS = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*").fullmatch
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*").fullmatch
_TOKEN = re.compile(r"[A-Za-z0-9!#$&^_.+-]+").fullmatch
_WORD_BYTES = 42  # 56 characters of base64; with "=?utf-8?b?" and "?=" 68, the first line keeps room for "Subject: "
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FOLD = "\r\n "


def clean(text: str) -> str:
    """Return a text with control characters and line ends as blanks."""
    return text if text.isprintable() else _CONTROLS.sub(" ", text)


def unstructured(text: str) -> str:
    """Return a Subject-like value: as it is when plain ASCII of one line, else folded or in encoded words."""
    text = clean(text).strip()
    if not text:
        return ""
    if _PLAIN(text) and "=?" not in text:
        if len(text) <= 66:
            return text
        lines = _filled(text.split(" "))
        if max(map(len, lines)) <= 76:
            return FOLD.join(lines)
    return _encoded(text)


def mailbox(name: str, address: str) -> str:
    """Return `name <address>` (or the address alone) for From, To and Reply-To."""
    if " " in address or not address.isprintable():
        address = "".join(clean(address).split())
    name = clean(name).strip()
    if not name:
        return address
    phrase = _phrase(name)
    if len(phrase) - (phrase.rfind("\n") + 1) + len(address) <= 60:
        return f"{phrase} <{address}>"
    return f"{phrase}{FOLD}<{address}>"


def _phrase(name: str) -> str:
    if len(name) <= 60 and _PLAIN(name) and "=?" not in name:
        if _ATOMS(name):
            return name
        return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _encoded(name)


def _filled(words: list[str]) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in words:
        # "Subject: " stands before the first line.
        if line and len(line) + 1 + len(word) > (66 if not lines else 75):
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _encoded(text: str) -> str:
    """Return RFC 2047 words, each with whole characters only (section 5)."""
    data = text.encode("utf-8", "replace")
    if len(data) <= _WORD_BYTES:
        return f"=?utf-8?b?{b2a_base64(data, newline=False).decode()}?="
    words: list[str] = []
    at = 0
    while at < len(data):
        end = min(at + _WORD_BYTES, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        words.append(f"=?utf-8?b?{b2a_base64(data[at:end], newline=False).decode()}?=")
        at = end
    return FOLD.join(words)


@lru_cache(maxsize=64)
def date(seconds: int) -> str:
    """Return a Date value (RFC 5322 section 3.3) in UTC for seconds since the epoch."""
    at = gmtime(seconds)
    return (
        f"{_DAYS[at.tm_wday]}, {at.tm_mday:02} {_MONTHS[at.tm_mon - 1]} {at.tm_year:04} "
        f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} +0000"
    )


def parameter(name: str, value: str) -> str:
    """Return a folded parameter `;CRLF name=value`: plain, quoted, or by RFC 2231 in sections."""
    value = clean(value).strip(" ")
    if len(value) <= 60 and _TOKEN(value):
        return f";{FOLD}{name}={value}"
    if len(value) <= 60 and _PLAIN(value) and "=?" not in value:
        return f";{FOLD}{name}=" + '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    coded = quote(value, safe="!#$&+^`{|}~", errors="replace")
    if len(coded) <= 55:
        return f";{FOLD}{name}*=utf-8''{coded}"
    sections: list[str] = []
    at = 0
    while at < len(coded):
        end = min(at + 50, len(coded))
        if end < len(coded) and "%" in coded[end - 2 : end]:
            end = coded.rindex("%", 0, end)
        sections.append(f";{FOLD}{name}*{len(sections)}*=" + ("utf-8''" if not sections else "") + coded[at:end])
        at = end
    return "".join(sections)
