"""What is wrong with the HTML of a mail, each with line and column: tags left open, styles that mail clients will not load.

In: HTML as text with LF line ends. Out: `Flaw`s in the order of the page. HTML allows much to be left out (`</p>`, `</td>`,
`</li>` …) and mail clients mend crossed bold and italic: neither is a flaw; what is inside Outlook's conditional comments is
Outlook's own. Raises nothing; logs nothing; one pass of a tokenizer, bounded in depth and in what it tells.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from enum import StrEnum

from turbohtml import Token, TokenType, tokenize

from parsers.markup_rules import (
    ACTIVE,
    FOREIGN,
    FORMAT,
    IMPLIED,
    KEEPING,
    NO_SCOPE,
    OPTIONAL,
    SCOPE,
    TABLE,
    TABLE_SCOPE,
    VOID,
)

MOST = 50  # flaws told
_TOKENS = 40_000  # looked at: ten times those of a heavy newsletter
_DEPTH = 5_000  # open elements remembered
_LENGTH = 2_000_000  # characters looked at
_FAR = 80  # open elements among which one is looked for
_MARK = "\ufffem2c"
_END = f" <!--{_MARK}-->"  # whether the tokenizer comes out at the end of the page as it should
_TAG = re.compile(r"<[/!]?([A-Za-z][A-Za-z0-9:]{0,30})")
_IMPORT = re.compile(r"@import\s+(?:url\()?\s*[\"']?([^\"')\s;]{1,500})", re.IGNORECASE)
_FONT_HOSTS = r"(?:fonts\.googleapis\.com|fonts\.bunny\.net|use\.typekit\.net|fonts\.gstatic\.com)"
_FONTS = re.compile(rf"(?:https?:)?//{_FONT_HOSTS}/", re.IGNORECASE)  # fonts that are not loaded give way: no harm


class Kind(StrEnum):
    """What a flaw is."""

    UNCLOSED = "unclosed"
    STRAY = "stray"  # an end tag that closes nothing
    QUOTE = "quote"  # a quotation mark or tag left open has swallowed what follows
    COMMENT = "comment"  # a comment left open hides the rest
    CSS = "css"  # a style sheet elsewhere
    ACTIVE = "active"  # a script, a form …


@dataclass(frozen=True, slots=True)
class Flaw:
    """One flaw; `line` and `column` count from 1; `what` is the tag or the address of the style sheet."""

    kind: Kind
    what: str
    line: int
    column: int


@dataclass(slots=True)
class _Open:
    tag: str
    line: int
    column: int


@dataclass(slots=True)
class _Check:
    open: list[_Open] = field(default_factory=list)
    count: Counter[str] = field(default_factory=Counter)  # of the open tags
    flaws: list[Flaw] = field(default_factory=list)
    style: bool = False


def check(html: str) -> tuple[Flaw, ...]:
    """Return the flaws of an HTML body, MOST at most."""
    state, source, last = _Check(), html[:_LENGTH], None
    for at, token in enumerate(tokenize(source + _END)):
        if len(state.flaws) >= MOST or at >= _TOKENS:
            break
        if _swallowed(token):
            state.flaws.append(Flaw(Kind.QUOTE, token.tag or "", token.line, token.col + 1))
            break
        if not _is_end(token):
            _token(state, token)
        last = token
    else:
        state.flaws += _lost(state.open) + _cut(source, last)
    return tuple(sorted(state.flaws, key=lambda one: (one.line, one.column))[:MOST])


def _token(state: _Check, token: Token) -> None:
    tag = token.tag or ""
    match token.type:
        case TokenType.START_TAG:
            _start(state, token, tag)
        case TokenType.END_TAG:
            state.style = False
            _end(state, token, tag)
        case TokenType.TEXT if state.style:
            state.flaws += [Flaw(Kind.CSS, url, token.line, token.col + 1) for url in _imports(token.data or "")]
        case _:
            pass


def _start(state: _Check, token: Token, tag: str) -> None:
    at = token.line, token.col + 1
    attributes = {name.lower(): value or "" for name, value in token.attrs or ()}
    state.flaws += [Flaw(kind, what, *at) for kind, what in _faults(tag, attributes)]
    state.style = tag == "style"
    if tag in VOID or ":" in tag or (token.self_closing and any(one.tag in FOREIGN for one in state.open[-20:])):
        return  # Word's <o:p> and VML close as they like
    _imply(state, tag)
    if len(state.open) < _DEPTH:
        _open(state, _Open(tag, *at))


def _faults(tag: str, attributes: dict[str, str]) -> Iterator[tuple[Kind, str]]:
    """What is wrong with a start tag by itself."""
    if any("</" in value or "<a " in value for value in attributes.values()):
        yield Kind.QUOTE, tag
    href = attributes.get("href", "")[:500]
    if tag == "link" and "stylesheet" in attributes.get("rel", "").lower() and not _FONTS.match(href):
        yield Kind.CSS, href
    data = tag == "script" and attributes.get("type", "").lower().endswith("json")  # schema.org for mail runs nowhere
    if tag in ACTIVE and not data:
        yield Kind.ACTIVE, tag


def _imply(state: _Check, tag: str) -> None:
    """Close what a start tag closes without being asked."""
    for starts, closed, scope in IMPLIED:
        if tag in starts and (found := _find(state, closed, scope)) is not None:
            _close(state, found, keep=closed <= KEEPING)


def _end(state: _Check, token: Token, tag: str) -> None:
    if tag in VOID or ":" in tag:
        return
    scope = TABLE_SCOPE if tag in TABLE else NO_SCOPE if tag in ("table", "body", "html") else SCOPE
    found = _find(state, {tag}, scope)
    if found is None:
        if tag != "p" and len(state.open) < _DEPTH:  # every client mends a lone </p>
            state.flaws.append(Flaw(Kind.STRAY, tag, token.line, token.col + 1))
    elif tag in FORMAT and any(one.tag not in FORMAT for one in state.open[found + 1 :]):
        state.count[state.open.pop(found).tag] -= 1  # <b><div></b>: the division goes on
    else:
        _close(state, found, keep=tag not in TABLE and tag not in ("table", "body", "html"))


def _find(state: _Check, tags: Set[str], scope: Set[str]) -> int | None:
    """The place of the innermost open element among `tags`, not looked for behind one of `scope`."""
    if not any(state.count[tag] for tag in tags):
        return None
    for at in range(len(state.open) - 1, max(-1, len(state.open) - _FAR), -1):
        if state.open[at].tag in tags:
            return at
        if state.open[at].tag in scope:
            return None
    return None


def _close(state: _Check, at: int, keep: bool) -> None:
    """Close the element at a place and all above it; `keep`: bold and the like go on behind it, as clients have it."""
    kept = [one for one in state.open[at + 1 :] if keep and one.tag in FORMAT]
    state.flaws += _lost([one for one in state.open[at + 1 :] if not (keep and one.tag in FORMAT)])
    for one in state.open[at:]:
        state.count[one.tag] -= 1
    del state.open[at:]
    for one in kept:
        _open(state, one)


def _open(state: _Check, element: _Open) -> None:
    state.open.append(element)
    state.count[element.tag] += 1


def _lost(open_: list[_Open]) -> list[Flaw]:
    return [Flaw(Kind.UNCLOSED, one.tag, one.line, one.column) for one in open_ if one.tag not in OPTIONAL]


def _is_end(token: Token) -> bool:
    return token.type is TokenType.COMMENT and token.data == _MARK


def _swallowed(token: Token) -> bool:
    """Whether a tag that the page does not end has taken the mark behind the page for its attributes."""
    return any(_MARK in name or _MARK in (value or "") for name, value in token.attrs or ())


def _imports(css: str) -> Iterator[str]:
    return (found[1] for found in _IMPORT.finditer(css) if not _FONTS.match(found[1]))


def _cut(source: str, last: Token | None) -> list[Flaw]:
    """Whether the page ends inside a comment or a tag; `last` is the last token of it and of the mark behind it."""
    if last is None:
        return _broken_off(source, 0)
    if last.type is TokenType.COMMENT:
        return [] if _is_end(last) else [Flaw(Kind.COMMENT, "<!--", last.line, last.col + 1)]
    if last.type is TokenType.TEXT and (last.data or "").endswith(f"{_MARK}-->"):
        return []  # inside a style or title that was left open, which is told already
    lines = source.split("\n")
    start = sum(len(line) + 1 for line in lines[: last.line - 1]) + last.col
    return _broken_off(source, start + (last.type is not TokenType.TEXT))


def _broken_off(source: str, start: int) -> list[Flaw]:
    found = _TAG.search(source, start)
    if found is None:
        return []
    line = source.count("\n", 0, found.start()) + 1
    column = found.start() - (source.rfind("\n", 0, found.start()) + 1) + 1
    return [Flaw(Kind.QUOTE, found[1].lower(), line, column)]
