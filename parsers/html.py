"""Where things stand in an HTML body: runs of text, attributes, links, the end of the body. Positions only.

In: HTML as text with LF line ends. Out: a Page of offsets into that very text, so that whoever edits it leaves everything
else as it was, byte for byte (Outlook's conditional comments and VML too). A conditional comment's inside is looked at as
well, for merge tags, but its links are not links of the page: no other client would count them.
Raises nothing; logs nothing; one pass of a tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.entities import html5
from itertools import chain

from turbohtml import Token, TokenType, tokenize

MAX_LABEL = 200
NOT_FOLLOWED = "data-notrack"  # on an <a> or <area>, whatever its value: this link is left as it is
_RAW = {"script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext", "noscript"}
# Elements that a merge tag may be cut by; any other start or end tag separates words.
_INLINE = {
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd",
    "mark", "nobr", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr",
}  # fmt: skip
_OFFICE = ("o:", "st1:", "w:")  # Word's own marks in running text: o:p, st1:personname, w:prooferr
_SWALLOWING = _RAW | {"title", "textarea"}
_TAG_BEGINS = re.compile(r"<[A-Za-z/!?]")
_ATTRIBUTE = re.compile(
    r"[\s/]*(?:(>)|([^\s/>=][^\s/>=]*|=[^\s/>=]*)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"'][^\s>]*)))?)"
)
_CONDITIONAL = re.compile(r"\[if[^\]]{0,200}\]>(.*)<!\[endif\]\Z", re.DOTALL | re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[A-Za-z][A-Za-z0-9]{0,30};?)")
_BRACE = re.compile(r"\{|%7b|&#0*123|&#x0*7b|&lcub|&lbrace", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Run:
    """A run of character data; `joined`: only inline tags stand between it and the run before."""

    start: int
    end: int
    joined: bool
    in_link: bool


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute's raw value (without quotes); `link`: the href of an a or area of the page itself."""

    name: str
    start: int
    end: int
    quote: str  # '"', "'" or "" when the value stands bare
    link: bool
    label: str = ""
    followed: bool = True  # False where the author wrote data-notrack beside it


@dataclass(frozen=True, slots=True)
class Page:
    """The places of one HTML body."""

    runs: tuple[Run, ...]
    attributes: tuple[Attribute, ...]
    body_end: int  # before the last </body>, else before </html>, else the end
    base: str = ""  # what <base href> says


@dataclass(slots=True)
class _Scan:
    source: str
    in_comment: bool = False
    runs: list[Run] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)
    raw: str = ""
    joined: bool = False
    link: int = -1  # index in `attributes` of the open link
    label: list[str] = field(default_factory=list)
    ends: dict[str, int] = field(default_factory=dict)
    open_end: int = 0  # the end, or where something begins that is never closed: nobody would see what stands in it
    base: str = ""


def scan(source: str) -> Page:
    """Return the places of an HTML body."""
    found = _scan(source, 0, source, in_comment=False)
    end = found.ends.get("body", found.ends.get("html", found.open_end))
    return Page(tuple(found.runs), tuple(sorted(found.attributes, key=lambda one: one.start)), end, found.base)


def _scan(source: str, base: int, piece: str, in_comment: bool) -> _Scan:
    """Walk the tokens of `piece`, which stands at `base` in `source`."""
    state = _Scan(source, in_comment, open_end=base + len(piece))
    before, before_start = "", base
    for token, start, end in _placed(piece, base):
        if end == base + len(piece):
            state.open_end = min(end, _shut(source[start:end], start, token, before, before_start))
        before, before_start = token.tag or "" if token.type is TokenType.START_TAG else "", start
        if token.type is TokenType.TEXT:
            if not state.raw:
                state.runs.append(Run(start, end, state.joined, state.link >= 0))
                state.joined = True
                if state.link >= 0:
                    state.label.append(token.data or "")
        elif token.type is TokenType.START_TAG:
            _start_tag(state, token, start)
        elif token.type is TokenType.END_TAG:
            _end_tag(state, token.tag or "", start)
        elif token.type is TokenType.COMMENT and not in_comment:
            _comment(state, token.data or "", start)
    _close_link(state)
    return state


def _shut(text: str, start: int, token: Token, before: str, before_start: int) -> int:
    """Return where the last token begins to swallow what follows it, its end if it does not."""
    if token.type is TokenType.COMMENT:
        closing = ("-->", "--!>") if text.startswith("<!--") else (">",)
        return start + len(text) if text.rstrip().endswith(closing) else start
    if token.type is TokenType.TEXT and before in _SWALLOWING:
        return before_start
    at = _tag_end(text, token) if token.type in (TokenType.START_TAG, TokenType.END_TAG) else 0
    unfinished = _TAG_BEGINS.search(text, at)
    return start + (unfinished.start() if unfinished else len(text))


def _tag_end(text: str, token: Token) -> int:
    """Return where a tag ends in the text that begins with it."""
    at = len(token.tag or "") + (2 if token.type is TokenType.END_TAG else 1)
    while found := _ATTRIBUTE.match(text, at):
        at = found.end()
        if found.group(1):
            return at
    return len(text)


def _placed(piece: str, base: int) -> Iterator[tuple[Token, int, int]]:
    """Yield tokens with their start and end offsets; the tokenizer gives lines (from 1) and columns (from 0)."""
    lines = [0, *(found.end() for found in re.finditer("\n", piece))]
    previous: tuple[Token, int] | None = None
    for token in chain(tokenize(piece), (None,)):
        start = len(piece) if token is None else min(lines[min(token.line, len(lines)) - 1] + token.col, len(piece))
        if previous is not None:
            yield previous[0], base + previous[1], base + start
        if token is not None:
            previous = (token, start)


def _start_tag(state: _Scan, token: Token, start: int) -> None:
    tag = token.tag or ""
    state.joined &= tag in _INLINE or tag.startswith(_OFFICE)
    if tag in _RAW:
        state.raw = state.raw or tag
    if tag == "a":
        _close_link(state)
    if tag == "base" and not state.in_comment:
        state.base = state.base or (token.attr("href") or "").strip()  # the first one counts
    if tag == "img" and state.link >= 0:
        state.label.append(token.attr("alt") or "")
    is_link = tag in ("a", "area") and not state.in_comment
    after = start + 1 + len(tag)
    if state.source[start : start + 1] != "<" or state.source[start + 1 : after].lower() != tag:
        return  # not where it should be: nothing there is touched
    if token.attrs:
        _attributes(state, after, is_link, tag == "a")


def _attributes(state: _Scan, at: int, is_link: bool, opens: bool) -> None:
    seen: set[str] = set()
    href = -1
    while found := _ATTRIBUTE.match(state.source, at):
        at = found.end()
        if found.group(1):
            break
        name = found.group(2).lower()
        group = next((number for number in (3, 4, 5) if found.group(number) is not None), 0)
        link = is_link and name == "href"
        if group and name not in seen and (link or _BRACE.search(found.group(group))):
            quote = ("", "", "", '"', "'", "")[group]
            state.attributes.append(Attribute(name, found.start(group), found.end(group), quote, link))
            href = len(state.attributes) - 1 if link else href
            if link and opens:
                state.link, state.label = href, []
        seen.add(name)
    if href >= 0 and NOT_FOLLOWED in seen:
        state.attributes[href] = replace(state.attributes[href], followed=False)


def _end_tag(state: _Scan, tag: str, start: int) -> None:
    state.joined &= tag in _INLINE or tag.startswith(_OFFICE)
    if tag == state.raw:
        state.raw = ""
    if tag == "a":
        _close_link(state)
    if tag in ("body", "html"):
        state.ends[tag] = start


def _close_link(state: _Scan) -> None:
    if state.link >= 0:
        label = " ".join("".join(state.label).split())[:MAX_LABEL]
        state.attributes[state.link] = replace(state.attributes[state.link], label=label)
    state.link = -1


def _comment(state: _Scan, data: str, start: int) -> None:
    inside = _CONDITIONAL.match(data)
    at = start + 4  # behind "<!--"
    if inside and _BRACE.search(data) and state.source[at : at + len(data)] == data:
        inner = _scan(state.source, at + inside.start(1), inside.group(1), in_comment=True)
        state.runs.extend(Run(run.start, run.end, run.joined, True) for run in inner.runs)
        state.attributes.extend(inner.attributes)
        state.joined = False


def has_brace(text: str) -> bool:
    """Say whether raw HTML can hold a merge tag at all (a brace, however written)."""
    return _BRACE.search(text) is not None


def decoded(raw: str, in_attribute: bool) -> tuple[str, list[int]]:
    """Return raw HTML text with its character references read, and each character's offset in `raw` (plus the end)."""
    out: list[str] = []
    places: list[int] = []
    at = 0
    for entity in chain(_ENTITY.finditer(raw), (None,)):
        stop = entity.start() if entity else len(raw)
        out.append(raw[at:stop])
        places.extend(range(at, stop))
        if entity:
            read = _reference(raw, entity, in_attribute)
            out.append(read)
            # What stays as it is keeps its own places; a reference is one place for all that it stands for.
            own = read == entity.group()
            places.extend(range(entity.start(), entity.end()) if own else [entity.start()] * len(read))
            at = entity.end()
    places.append(len(raw))
    return "".join(out), places


def _reference(raw: str, entity: re.Match[str], in_attribute: bool) -> str:
    text = entity.group()
    if text[1] == "#":
        number = int(text[3:].rstrip(";"), 16) if text[2] in "xX" else int(text[2:].rstrip(";"))
        windows = bytes((number,)).decode("cp1252", "replace") if 128 <= number < 160 else ""
        return windows or (chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd")
    if text[1:] in html5 and text.endswith(";"):
        return html5[text[1:]]
    # Without ";" only the old names count, and in an attribute not before "=" or a letter: "?a=1&copy=2" stays.
    for length in range(len(text) - 1, 1, -1):
        if text[1 : length + 1] in html5:
            follows = text[length + 1 :] or raw[entity.end() : entity.end() + 1]
            if in_attribute and follows[:1] and (follows[0] == "=" or follows[0].isalnum()):
                break
            return html5[text[1 : length + 1]] + text[length + 1 :]
    return text
