"""Replies of SMTP servers: bytes as they come off the wire become values.

In: chunks of bytes, cut anywhere. Out: frozen `Reply` values, several a chunk when the server answers a pipelined group;
`Garbled` once the server no longer speaks SMTP, after which the reader says nothing more and the connection is closed.
Bounded in line length, lines and bytes; never raises, whatever the bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MAX_LINE = 4096  # RFC 5321 4.5.3.1.5 says 512; real servers write more
MAX_LINES = 200
MAX_REPLY = 65_536
KEPT = 2000  # characters of a reply that the history keeps

# servers say the same few words over and over ("250 2.1.0 Ok"): their replies are made once
_SHORT = 60
_MOST_KNOWN = 500
_KNOWN: dict[bytes, Reply] = {}

_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")


class Stage(StrEnum):
    """The step of a delivery to which a reply, or its absence, belongs."""

    DNS = "dns"
    CONNECT = "connect"
    BANNER = "banner"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"


@dataclass(frozen=True, slots=True)
class Reply:
    """One whole reply; `lines` are as the server wrote them, codes included, `enhanced` is RFC 3463's code or empty."""

    code: int
    enhanced: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """What the history shows: the exact lines, at most 2,000 characters."""
        return "\n".join(self.lines)[:KEPT]

    @property
    def words(self) -> str:
        """The lines joined by blanks without their codes: what rules are searched in."""
        return " ".join(line[4:].strip() for line in self.lines)[:KEPT]


@dataclass(frozen=True, slots=True)
class Garbled:
    """The server wrote something that is no SMTP reply; `text` shows its start."""

    text: str


def _decoded(line: bytes) -> str:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    return "".join(char if char >= " " or char == "\t" else "?" for char in text) if not text.isprintable() else text


def _enhanced(lines: tuple[str, ...]) -> str:
    # RFC 2034 puts the code first; some servers write it in the middle, and continue with bare text
    for line in lines:
        if found := _ENHANCED.search(line, 3):
            return found[1]
    return ""


def make(code: int, text: str) -> Reply:
    """A reply from a code and a text with or without line ends, for sessions that were read by another library."""
    rows = [_decoded(_bytes(row)) for row in text.splitlines()[:MAX_LINES]] or [""]
    last = len(rows) - 1
    lines = tuple(f"{code}{' ' if at == last else '-'}{row}" for at, row in enumerate(rows))
    return Reply(code, _enhanced(lines), lines)


def _bytes(row: str) -> bytes:
    # aiosmtplib keeps bytes that are no UTF-8 as lone surrogates, which neither JSON nor a database can hold
    try:
        return row.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return row.encode("utf-8", "replace")


class ReplyReader:
    """Cuts a stream of bytes into replies; keeps at most one unfinished reply."""

    __slots__ = ("_broken", "_lines", "_rest", "_size")

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []
        self._size = 0
        self._broken = False

    def feed(self, data: bytes) -> list[Reply | Garbled]:
        """The replies that `data` completes; a last `Garbled` means that the stream cannot be trusted any more."""
        if self._broken:
            return []
        found: list[Reply | Garbled] = []
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            line = line.rstrip(b"\r")
            value = (None if self._lines else _KNOWN.get(line)) or self._line(line)
            if value is not None:
                found.append(value)
                if self._broken:
                    return found
        if len(self._rest) > MAX_LINE:
            found.append(self._garbled(self._rest))
        return found

    def _line(self, line: bytes) -> Reply | Garbled | None:
        code = line[:3]
        self._size += len(line)
        # bytes.isdigit is ASCII only, unlike str.isdigit
        if (
            len(code) < 3
            or not code.isdigit()
            or not 200 <= int(code) <= 599
            or line[3:4].isalnum()
            or len(line) > MAX_LINE
            or len(self._lines) >= MAX_LINES
            or self._size > MAX_REPLY
        ):
            return self._garbled(line)
        self._lines.append(_decoded(line))
        if line[3:4] == b"-":
            return None
        # the last line's code counts where they differ: only it is certain to be final (RFC 5321 4.2.1)
        lines = tuple(self._lines)
        self._lines.clear()
        self._size = 0
        reply = Reply(int(code), _enhanced(lines), lines)
        if len(lines) == 1 and len(line) < _SHORT:
            if len(_KNOWN) >= _MOST_KNOWN:
                _KNOWN.clear()
            _KNOWN[line] = reply
        return reply

    def _garbled(self, line: bytes) -> Garbled:
        self._broken = True
        self._lines.clear()
        self._rest = b""
        return Garbled(_decoded(line[:200]))
