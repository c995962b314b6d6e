"""The words of a Rich Text mail of Outlook that was not made from HTML: all that its winmail.dat says.

In: a PidTagRtfCompressed value. Out: the text with LF line ends, links written behind their words; None when there is
none. Layout (fonts, colours, pictures) is lost. One pass, bounded by the size of the unpacked RTF. Raises nothing; logs
nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from parsers.charsets import decode
from parsers.rtf import CODEPAGE, TOKEN, unpacked

_SKIPPED = frozenset(
    (
        b"fonttbl",
        b"colortbl",
        b"stylesheet",
        b"info",
        b"pict",
        b"object",
        b"header",
        b"footer",
        b"listtable",
        b"pntext",
        b"mmathPr",
    )
)
_SIGNS = {
    b"par": "\n", b"line": "\n", b"sect": "\n", b"page": "\n", b"row": "\n", b"cell": "\t", b"tab": "\t",
    b"lquote": "\u2018", b"rquote": "\u2019", b"ldblquote": "\u201c", b"rdblquote": "\u201d", b"bullet": "\u2022",
    b"endash": "\u2013", b"emdash": "\u2014", b"~": "\u00a0", b"_": "\u2011", b"\\": "\\", b"{": "{", b"}": "}",
}  # fmt: skip
_LINK = re.compile(r'HYPERLINK\s+"?([^"\s\\]{4,2000})', re.IGNORECASE)
_DEPTH_MAX = 1000
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class _State:
    """What a group inherits: whether it is passed over, an instruction of a field, or the words of a link."""

    skipped: bool = False
    instruction: bool = False
    after: int = 1  # letters for readers without Unicode behind each \\u (RTF 1.9.1, \\uc)


@dataclass(slots=True)
class _Text:
    charset: str
    out: list[str] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)
    told: list[str] = field(default_factory=list)  # the instruction of the field at hand

    def flush(self) -> None:
        if self.raw:
            self.out.append(decode(bytes(self.raw), self.charset))
            self.raw.clear()

    def put(self, text: str) -> None:
        self.flush()
        self.out.append(text)


def text_of(packed: bytes) -> str | None:
    """Return the words of a compressed RTF; None when it holds none."""
    rtf = unpacked(packed)
    if rtf is None or not rtf.lstrip().startswith(b"{\\rtf"):
        return None
    stated = CODEPAGE.search(rtf[:1000])
    text = _Text(f"cp{int(stated.group(1))}" if stated else "cp1252")
    stack: list[_State] = []
    state, skip = _State(), 0
    for token in TOKEN.finditer(rtf):
        word, number, coded, symbol, brace, words = token.groups()
        if brace == b"{":
            stack.append(state)
            if len(stack) > _DEPTH_MAX:
                break
        elif brace == b"}":
            after = stack.pop() if stack else _State()
            _close(text, state, after)
            state = after
        elif word in _SKIPPED or symbol == b"*":
            state = replace(state, skipped=True)
        elif word == b"fldinst":
            state = replace(state, skipped=False, instruction=True)
        elif word == b"uc" and number:
            state = replace(state, after=max(min(int(number), 8), 0))
        elif state.skipped:
            continue
        elif word == b"u" and number:
            _take(text, state, _letter(int(number)))
            skip = state.after
        elif coded or words:
            plain = bytes([int(coded, 16)]) if coded else words
            cut = min(skip, len(plain))
            skip -= cut
            _bytes(text, state, plain[cut:])
        elif (sign := _SIGNS.get(word or symbol or b"")) is not None:
            _take(text, state, sign)
    text.flush()
    whole = "".join(text.out).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    found = _BLANK_LINES.sub("\n\n", whole).strip("\n\0 ")
    return f"{found}\n" if found else None


def _letter(number: int) -> str:
    return chr(number % 65536 or 0xFFFD)  # one half of a pair, too: joined at the end


def _take(text: _Text, state: _State, sign: str) -> None:
    if state.instruction:
        text.told.append(sign)
    else:
        text.put(sign)


def _bytes(text: _Text, state: _State, plain: bytes) -> None:
    if state.instruction:
        text.told.append(plain.decode("latin-1"))
    else:
        text.raw += plain


def _close(text: _Text, state: _State, after: _State) -> None:
    """A group ends; behind the words of a link stands where it leads, unless they say so themselves."""
    if state.instruction or not text.told or after.instruction or after.skipped:
        return
    text.flush()
    link = _LINK.search("".join(text.told)[:4000])
    text.told.clear()
    if link and link[1] not in "".join(text.out[-20:]):
        text.out.append(f" <{link[1]}>")
