"""HTML that Outlook hid inside compressed RTF ([MS-OXRTFCP], [MS-OXRTFEX]), as winmail.dat carries it.

In: a PidTagRtfCompressed value. Out: the HTML, None when there is none inside. The unpacked size is bounded.
Raises nothing; logs nothing.
"""

from __future__ import annotations

import re
from struct import unpack_from

from parsers.charsets import decode

MAX_SIZE = 20 * 1024 * 1024
_COMPRESSED, _PLAIN = 0x75465A4C, 0x414C454D
_DICTIONARY = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    + b"\r\n"
    + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
CODEPAGE = re.compile(rb"\\ansicpg(\d{3,5})")


def html_of(packed: bytes) -> str | None:
    """Return the HTML inside compressed RTF; None when the RTF was not made from HTML."""
    rtf = unpacked(packed)
    return _de_encapsulated(rtf) if rtf is not None and b"\\fromhtml1" in rtf[:1000] else None


def unpacked(packed: bytes) -> bytes | None:
    """Return the RTF of a compressed value (LZFu), cut at what can be read; None when it is none."""
    if len(packed) < 16:
        return None
    size, kind = unpack_from("<4xII", packed)
    if kind == _PLAIN:
        return packed[16 : 16 + min(size, MAX_SIZE)]
    if kind != _COMPRESSED:
        return None
    window = bytearray(_DICTIONARY.ljust(4096, b"\0"))
    put = len(_DICTIONARY)
    out = bytearray()
    at, limit = 16, min(size, MAX_SIZE)
    while at < len(packed) and len(out) < limit:
        flags, at = packed[at], at + 1
        for bit in range(8):
            if at >= len(packed) or len(out) >= limit:
                break
            if not flags >> bit & 1:
                chunk, at = packed[at : at + 1], at + 1
            else:
                word = int.from_bytes(packed[at : at + 2], "big")
                at += 2
                if word >> 4 == put:
                    return bytes(out)  # a reference to the write position ends the stream
                chunk = _copied(window, word >> 4, (word & 15) + 2, put)
            for byte in chunk:
                window[put] = byte
                put = (put + 1) & 4095
            out += chunk
    return bytes(out)


def _copied(window: bytearray, start: int, length: int, put: int) -> bytes:
    """Return a reference's bytes; it may run into what it is just writing."""
    out = bytearray()
    for index in range(length):
        place = (start + index) & 4095
        written = (place - put) & 4095
        out.append(out[written] if written < len(out) else window[place])
    return bytes(out)


def _de_encapsulated(rtf: bytes) -> str:
    """Return the HTML: what stands in `htmltag` groups, and the text between them that `htmlrtf` does not hide."""
    stated = CODEPAGE.search(rtf[:1000])
    charset = f"cp{int(stated.group(1))}" if stated else "cp1252"
    out: list[str] = []
    raw = bytearray()
    stack: list[tuple[bool, bool]] = []  # (hidden, skipped) of the groups around
    hidden = skipped = False
    skip_letters = 0
    for token in TOKEN.finditer(rtf):
        word, number, coded, symbol, brace, text = token.groups()
        if brace == b"{":
            stack.append((hidden, skipped))
            if len(stack) > 1000:
                break
        elif brace == b"}":
            hidden, skipped = stack.pop() if stack else (False, False)
        elif word == b"htmlrtf":
            hidden = number != b"0"
        elif word == b"htmltag":
            skipped = False
        elif symbol == b"*" or word in (b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pntext", b"mhtmltag"):
            skipped = True
        elif hidden or skipped:
            continue
        elif coded and skip_letters:
            skip_letters -= 1
        elif coded:
            raw.append(int(coded, 16))
        elif word == b"u" and number:
            out.append(decode(bytes(raw), charset))
            raw.clear()
            out.append(chr(int(number) % 65536) if not 0xD800 <= int(number) % 65536 < 0xE000 else "\ufffd")
            skip_letters = 1  # the letter behind it is for readers without Unicode
        elif text:
            raw += text[skip_letters:]
            skip_letters = 0
        else:
            raw += _LITERAL.get(symbol or word or b"", b"")
    out.append(decode(bytes(raw), charset))
    return "".join(out)


_LITERAL = {
    b"par": b"\r\n", b"line": b"\r\n", b"tab": b"\t", b"lquote": b"&lsquo;", b"rquote": b"&rsquo;", b"bullet": b"&bull;",
    b"ldblquote": b"&ldquo;", b"rdblquote": b"&rdquo;", b"endash": b"&ndash;", b"emdash": b"&mdash;", b"~": b"&nbsp;",
    b"_": b"&shy;", b"\\": b"\\", b"{": b"{", b"}": b"}",
}  # fmt: skip
