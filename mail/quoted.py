"""Quoted-printable (RFC 2045 section 6.7) in segments: constants encoded once, values spliced between them.

In: constants, slots (values of any length, or tokens of a known width) and raw MIME lines, in order. Out: a Segments
value: byte constants around slots. By construction, whatever the values say: lines of at most 76 characters, ASCII, CRLF
only, no blank at a line's end, no line that begins with a dot, and a relaxed canonical form (RFC 6376 section 3.4.4)
that is known per constant. Raises nothing; logs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_MAX = 75  # characters before a soft break's "="
SOFT = b"=\r\n"
_UNSAFE = re.compile(rb"[^ -<>-~\t]")
_UNSAFE_VALUE = re.compile(rb"[^ -<>-~]|(?<= ) ")
_BLANKS = re.compile(rb"[ \t]+")
_HEX = tuple(b"=%02X" % byte for byte in range(256))
_CODED = tuple(bytes((byte,)) if 32 <= byte < 127 and byte != 61 else _HEX[byte] for byte in range(256))
# What needs no care at all, in HTML neither: most first names, figures and towns.
PLAIN = re.compile(r"(?!\.)(?:[!#-%(-;?-~]| (?! )){1,75}").fullmatch


@dataclass(frozen=True, slots=True)
class Segments:
    """Constants with slots between them (`constants[0] slot constants[1] slot … constants[-1]`)."""

    constants: tuple[bytes, ...]
    canonical: tuple[bytes, ...]  # the same in relaxed form; the very same object where nothing differs
    slots: tuple[int, ...]

    @property
    def is_canonical(self) -> bool:
        """Say whether the wire form is the relaxed form, so that one joining serves both."""
        return self.constants is self.canonical


def value(text: str) -> bytes:
    """Return a value for a slot of unknown width: encoded, canonical, and closed by a soft break unless it is empty."""
    if PLAIN(text):
        return b"%s=\r\n" % text.encode()
    if not text:
        return b""
    if "\n" not in text and "  " not in text:
        coded = b"".join([_CODED[byte] for byte in text.encode("utf-8", "replace")])
        if len(coded) <= _MAX and coded[0] != 46:
            return coded + SOFT
    lines = []
    for line in text.encode("utf-8", "replace").split(b"\n"):
        coded = _UNSAFE_VALUE.sub(lambda found: _HEX[found.group()[0]], line)
        lines.append(b"".join(_wrapped(coded, 0)))
    closed = [_without_end_blank(line) for line in lines[:-1]]
    return b"\r\n".join([*closed, lines[-1]]) + SOFT


def _without_end_blank(line: bytes) -> bytes:
    """Encode a blank at a line's end; a soft break first where that would make the line too long."""
    if not line.endswith(b" "):
        return line
    full = len(line) - (line.rfind(b"\n") + 1) + 2 > _MAX + 1
    return line[:-1] + (SOFT if full else b"") + b"=20"


def _wrapped(coded: bytes, column: int) -> Iterator[bytes]:
    """Yield encoded text of one line in pieces, soft breaks between them; the first piece begins at `column`."""
    at, size = 0, len(coded)
    while True:
        if column == 0 and coded[at : at + 1] == b".":
            # A dot at a line's start would need stuffing in SMTP (RFC 5321 section 4.5.2).
            yield b"=2E"
            at, column = at + 1, 3
        if column + size - at <= _MAX:
            yield coded[at:]
            return
        cut = at + _MAX - column
        if coded[cut - 1 : cut] == b"=" and cut - 1 >= at:
            cut -= 1
        elif coded[cut - 2 : cut - 1] == b"=" and cut - 2 >= at:
            cut -= 2
        yield coded[at:cut]
        yield SOFT
        at, column = cut, 0


@dataclass(slots=True)
class Encoder:
    """Takes constants and slots in order; `finish` gives the segments."""

    _done: list[bytes] = field(default_factory=list)
    _slots: list[int] = field(default_factory=list)
    _current: list[bytes] = field(default_factory=list)
    _pending: list[str] = field(default_factory=list)
    _column: int = 0

    def text(self, text: str) -> None:
        """Add constant text; LF is a line end, everything else is encoded as it stands."""
        self._pending.append(text)

    def slot(self, number: int, width: int | None = None) -> None:
        """Add a slot: of `width` characters that need no encoding and begin with no dot, or of a `value`."""
        self._flush(line_end=False)
        if (width is None and self._column) or (width is not None and self._column + width > _MAX):
            self._current.append(SOFT)
            self._column = 0
        self._column = self._column + width if width is not None else 0
        self._done.append(b"".join(self._current))
        self._current = []
        self._slots.append(number)

    def raw(self, lines: bytes) -> None:
        """Add MIME lines as they are; encoded content ends before them, so they begin with CRLF and end with it."""
        self._flush(line_end=True)
        self._current.append(lines)
        self._column = 0

    def finish(self) -> Segments:
        """Return the segments of all that was added."""
        self._flush(line_end=True)
        constants = (*self._done, b"".join(self._current))
        canonical = tuple(_BLANKS.sub(b" ", constant) for constant in constants)
        return Segments(constants, constants if canonical == constants else canonical, tuple(self._slots))

    def _flush(self, line_end: bool) -> None:
        lines = "".join(self._pending).split("\n")
        self._pending.clear()
        for index, line in enumerate(lines):
            last = index == len(lines) - 1
            self._line(line.encode("utf-8", "replace"), ends=line_end or not last)
            if not last:
                self._current.append(b"\r\n")
                self._column = 0

    def _line(self, line: bytes, ends: bool) -> None:
        if not line:
            return
        blank = b""
        if ends and line[-1:] in (b" ", b"\t"):
            line, blank = line[:-1], _HEX[line[-1]]
        for piece in _wrapped(_UNSAFE.sub(lambda found: _HEX[found.group()[0]], line) + blank, self._column):
            self._current.append(piece)
            self._column = 0 if piece == SOFT else self._column + len(piece)
