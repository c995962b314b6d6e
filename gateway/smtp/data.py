"""The bytes between DATA and the final dot: found strictly, refused whole when a line end was bent.

In: the chunks of a connection as they arrive. Out: a `Received` with the mail's bytes as the client meant them (dots
unstuffed) and what follows the dot, or the `Flaw` for which it must be refused. Only CRLF.CRLF ends a mail
(RFC 5321 section 4.1.1.4): a bare CR or LF anywhere makes it a `Flaw.BARE`, so that nothing can be smuggled past a next
hop that reads line ends otherwise. Pure; raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MAX_LINE = 100_000  # RFC 5322 allows 998; programs send whole HTML pages on one line, and we rewrite every line anyway
MAX_HEAD = 256_000
MAX_HEADERS = 1_000
_DOT = b".\r\n"
_END = b"\r\n" + _DOT


class Flaw(Enum):
    """Why a mail cannot be taken as it was sent."""

    BARE = "bare"
    TOO_BIG = "too_big"
    NO_ROOM = "no_room"
    NUL = "nul"
    LONG_LINE = "long_line"
    HEADERS = "headers"


@dataclass(frozen=True, slots=True)
class Received:
    """One mail as it came: `stuffed` still has its dots doubled; `rest` is what the client sent behind the dot."""

    stuffed: bytes
    flaw: Flaw | None
    rest: bytes


class DataReader:
    """Collects one mail chunk by chunk; holds at most `limit` bytes (what exceeds is counted and dropped)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0  # bytes seen so far
        self.flaw: Flaw | None = None
        self._chunks: list[bytes] = []
        self._tail = b"\r\n"  # the line of DATA itself ends one: a dot right behind it is the end of an empty mail

    def feed(self, chunk: bytes) -> Received | None:
        """Take the next bytes; the mail once its end was seen, else None."""
        window = self._tail + chunk
        at = window.find(_END)
        if at < 0:
            self._keep(chunk, self._tail, ended=False)
            self._tail = window[-4:]
            return None
        cut = at + len(_END) - len(self._tail)  # index in chunk just behind the end
        self._keep(chunk[:cut], self._tail, ended=True)
        return Received(self._whole(), self.flaw, chunk[cut:])

    def spoil(self, flaw: Flaw) -> None:
        """Drop what was collected and remember why; reading goes on up to the final dot."""
        self.flaw = self.flaw or flaw
        self._chunks = []

    def _whole(self) -> bytes:
        """The mail without the line of its final dot, which is cut off first: no third copy of a big mail."""
        chunks, self._chunks = self._chunks, []
        left = len(_DOT)
        while chunks and left:
            last = chunks.pop()
            if len(last) > left:
                chunks.append(last[:-left])
            left -= min(left, len(last))
        return b"".join(chunks)

    def _keep(self, part: bytes, before: bytes, ended: bool) -> None:
        self.size += len(part)
        if self.flaw is None and self.size > self.limit:
            self.spoil(Flaw.TOO_BIG)
        if self.flaw is None and _bare(part, before, ended):
            self.spoil(Flaw.BARE)
        if self.flaw is None:
            self._chunks.append(part)


def _bare(part: bytes, before: bytes, ended: bool) -> bool:
    """True when `part` holds a CR or LF that is not half of a CRLF; a CR at its end may still get its LF."""
    pending = before.endswith(b"\r")
    if pending and part and not part.startswith(b"\n"):
        return True
    pairs = part.count(b"\r\n")
    feeds = part.count(b"\n") - (1 if pending and part.startswith(b"\n") else 0)
    returns = part.count(b"\r") - (1 if part.endswith(b"\r") and not ended else 0)
    return feeds != pairs or returns != pairs


def unstuff(stuffed: bytes) -> bytes:
    """Take away the dot that the client put before each line that begins with one (RFC 5321 section 4.5.2)."""
    body = stuffed.replace(b"\r\n.", b"\r\n")
    return body[1:] if body.startswith(b".") else body


def inspect(raw: bytes) -> Flaw | None:
    """Judge a whole mail: NUL bytes, lines above 100,000 bytes, a head above 256 KB or of more than 1,000 fields."""
    if b"\0" in raw:
        return Flaw.NUL
    end = raw.find(b"\r\n\r\n")
    head = raw[: end + 2] if end >= 0 else raw[: MAX_HEAD + 1]
    if len(head) > MAX_HEAD or head.count(b"\r\n") - head.count(b"\r\n ") - head.count(b"\r\n\t") > MAX_HEADERS:
        return Flaw.HEADERS
    return Flaw.LONG_LINE if _long_line(raw) else None


def _long_line(raw: bytes) -> bool:
    # leaps from one line end to the last one within reach: a handful of steps per megabyte
    at = 0
    while len(raw) - at > MAX_LINE:
        end = raw.rfind(b"\n", at, at + MAX_LINE + 2)
        if end < 0:
            return True
        at = end + 1
    return False
