"""Bodies cut into items: constants, merge fields and link targets, ready to be compiled once per campaign.

In: a plain or HTML body and the columns' lookup. Out: items in order, and the tags that cannot be filled. In HTML a tag is
found also when Word cut it apart with spans, wrote its braces as references or put NBSP and soft hyphens into it; the
markup that stood inside it stays, so that elements remain balanced. All else is left as it was, byte for byte.
A relative link under <base href> is a link like any other: many mail programs ignore the base, and then it leads nowhere.
Raises nothing; logs nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urljoin

from parsers.fields import (
    CONSENT,
    TAG,
    UNSUBSCRIBE,
    URL_TAG,
    BadTag,
    Field,
    Lookup,
    Place,
    Segment,
    as_target,
    bad_tag,
    resolve,
    split,
)
from parsers.html import Attribute, Page, Run, decoded, has_brace, scan
from parsers.plain import trimmed

_URL_ATTRIBUTES = {"href", "src", "background", "action", "formaction", "cite", "poster", "data", "longdesc", "srcset"}
_HTTP = re.compile(r"\s*https?://", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_BEHIND_PATH = re.compile(r"[?#]")
_NOT_IN_URLS = re.compile(r"[\t\n\r]")
_ENCODED = re.compile(r"%7B%7B(?:(?!%7D).){1,400}%7D%7D", re.IGNORECASE)
_TEXT_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)  # tags are out by then: braces are letters


@dataclass(frozen=True, slots=True)
class Target:
    """A link's target: as it stands in the body (with quotes when bare ones had to be added), and as a browser reads it."""

    body: tuple[Segment, ...]
    target: tuple[Segment, ...]
    label: str
    bare: bool  # it stood without quotes
    followed: bool = True  # False where the author said data-notrack


@dataclass(frozen=True, slots=True)
class BodyEnd:
    """The place where the page's body ends: a footer and the pixel go here."""


Item = str | Field | Target | BodyEnd
_Edit = tuple[int, int, tuple[Item, ...]]


def html_items(source: str, known: Lookup) -> tuple[tuple[Item, ...], tuple[BadTag, ...]]:
    """Return an HTML body as items, with one BodyEnd."""
    page = scan(source)
    edits: list[_Edit] = [(page.body_end, page.body_end, (BodyEnd(),))]
    bad: list[BadTag] = []
    for group in _groups(page):
        if any(has_brace(source[run.start : run.end]) for run in group):
            edits.extend(_text_edits(source, group, known, bad))
    for attribute in page.attributes:
        edits.extend(_attribute_edits(source, attribute, page.base, known, bad))
    return _applied(source, sorted(edits, key=lambda edit: (edit[0], edit[1]))), tuple(bad)


def _applied(source: str, edits: list[_Edit]) -> tuple[Item, ...]:
    items: list[Item] = []
    at = 0
    for start, end, new in edits:
        if start < at:  # overlaps can only come from markup that no browser reads as one thing
            items.extend(one for one in new if isinstance(one, BodyEnd))
            continue
        if start > at:
            items.append(source[at:start])
        items.extend(new)
        at = end
    if at < len(source):
        items.append(source[at:])
    return tuple(items)


def _groups(page: Page) -> Iterator[list[Run]]:
    group: list[Run] = []
    for run in page.runs:
        if group and not run.joined:
            yield group
            group = []
        group.append(run)
    if group:
        yield group


def _text_edits(source: str, group: list[Run], known: Lookup, bad: list[BadTag]) -> Iterator[_Edit]:
    """Yield the edits of the tags in runs that belong together: the field where a tag begins, its other pieces removed."""
    text = ""
    begins: list[int] = []  # where each run begins in `text`
    places: list[int] = []  # where each character stands in `source`
    stops: list[int] = []
    for run in group:
        read, offsets = decoded(source[run.start : run.end], in_attribute=False)
        begins.append(len(text))
        text += read
        places.extend(run.start + offset for offset in offsets[:-1])
        stops.extend(run.start + offset for offset in offsets[1:])
    begins.append(len(text))
    for tag in TAG.finditer(text):
        index = bisect_right(begins, tag.start()) - 1
        if tag.group(1):
            yield places[tag.start()], stops[tag.start()], ()
            continue
        found = resolve(tag.group(2), known, Place.HTML) if tag.group(2) else None
        if found is None:
            bad.append(bad_tag(text, tag))
            continue
        new: tuple[Item, ...] = (
            Field(found.index, found.default, Place.LABEL if group[index].in_link else Place.HTML),
        )
        while index < len(group) and begins[index] < tag.end():
            first, last = max(begins[index], tag.start()), min(begins[index + 1], tag.end())
            if first < last:
                yield places[first], stops[last - 1], new
                new = ()
            index += 1


def _attribute_edits(source: str, attribute: Attribute, base: str, known: Lookup, bad: list[BadTag]) -> Iterator[_Edit]:
    raw = source[attribute.start : attribute.end]
    text, places = decoded(raw, in_attribute=True)
    is_url = attribute.name in _URL_ATTRIBUTES
    body, target = _value(raw, text, places, is_url, known, bad)
    fields = [part for part in target if isinstance(part, Field)]
    quotes = ('"',) if not attribute.quote and fields else ()
    if (page := _page(fields)) is not None and is_url:
        # The user's own link to a page of ours, also where a client wrote "http://" in front of the tag.
        yield attribute.start, attribute.end, (*quotes, Field(page, "", Place.ATTRIBUTE), *quotes)
        return
    if is_url and (own := as_target(target)) != target:
        # what stood before the column goes with it, from the body too
        target, body = own, (*own[:1], *body[2 : 2 + len(own) - 1])
    leading = bool(target) and isinstance(target[0], Field)
    if attribute.link and base:
        target = _absolute(base, target)
    if attribute.link and (leading or (target and isinstance(target[0], str) and _HTTP.match(target[0]))):
        whole = Target((*quotes, *body, *quotes), target, attribute.label, not attribute.quote, attribute.followed)
        yield attribute.start, attribute.end, (whole,)
    elif fields or body != (raw,):
        yield attribute.start, attribute.end, (*quotes, *body, *quotes)


def _absolute(base: str, target: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Return a relative target as <base href> makes it; anchors, and all that names a scheme, stay as they are."""
    first = target[0] if target else ""
    if (
        not isinstance(first, str)
        or not first
        or first.startswith("#")
        or _SCHEME.match(first)
        or not _HTTP.match(base)
    ):
        return target
    cut = _BEHIND_PATH.search(first)
    path, rest = (first[: cut.start()], first[cut.start() :]) if cut else (first, "")
    try:
        return (urljoin(_BEHIND_PATH.split(base, maxsplit=1)[0], path) + rest, *target[1:])
    except ValueError:  # a base that is no address (RFC 3986)
        return target


def _value(
    raw: str, text: str, places: list[int], is_url: bool, known: Lookup, bad: list[BadTag]
) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    """Return an attribute's value as segments, raw (constants as in the source) and as read."""
    body: list[Segment] = []
    read: list[Segment] = []
    at = 0

    def constant(start: int, end: int) -> None:
        if start < end:
            body.append(raw[places[start] : places[end]])
            plain = _NOT_IN_URLS.sub("", text[start:end]) if is_url else text[start:end]
            read.append(plain.lstrip() if is_url and not read else plain)
            if not read[-1]:
                read.pop()

    for tag in (URL_TAG if is_url else TAG).finditer(text):
        constant(at, tag.start())
        at = tag.end()
        if tag.group(1):
            at = tag.start() + 1  # the backslash alone goes
            constant(at, tag.end())
            at = tag.end()
            continue
        inner = unquote(tag.group(2)) if tag.group(2) and is_url else tag.group(2)
        place = Place.ATTRIBUTE if not is_url else Place.URL if read else Place.TARGET
        found = resolve(inner, known, place) if inner else None
        if found is None:
            bad.append(bad_tag(text, tag))
            constant(tag.start(), tag.end())
            continue
        body.append(found)
        read.append(found)
    constant(at, len(text))
    if read and isinstance(read[-1], str) and is_url:
        read[-1] = read[-1].rstrip()
    return tuple(body), tuple(read)


def text_items(source: str, known: Lookup) -> tuple[tuple[Item, ...], tuple[BadTag, ...]]:
    """Return a plain body as items; web addresses in it are targets."""
    # clients percent-encode the braces of tags in the text's addresses as they do in those of the HTML
    plain = _TEXT_URL.sub(
        lambda url: _ENCODED.sub(lambda tag: unquote(tag.group()), url.group()), source.replace("\0", "")
    )
    segments, bad = split(plain, known, Place.TEXT)
    fields = iter([one for one in segments if isinstance(one, Field)])
    # Each field is one NUL while addresses are looked for, so that blanks in its name do not end them.
    flat = "".join(one if isinstance(one, str) else "\0" for one in segments)
    items: list[Item] = []
    at = 0
    for found in _TEXT_URL.finditer(flat):
        start, end = found.start(), found.start() + len(trimmed(found.group()))
        items.extend(_refilled(flat[at:start], fields, Place.TEXT))
        target = as_target(tuple(_refilled(flat[start:end], fields, Place.URL)))
        page = _page([one for one in target if isinstance(one, Field)])
        own = Target(target, target, "", bare=False) if page is None else Field(page, "", Place.TEXT)
        items.append(own)
        at = end
    items.extend(_refilled(flat[at:], fields, Place.TEXT))
    return tuple(items), bad


def _page(fields: list[Field]) -> int | None:
    """The page of ours that a target names, None where it is the author's own."""
    return next((one.index for one in fields if one.index in (UNSUBSCRIBE, CONSENT)), None)


def _refilled(flat: str, fields: Iterator[Field], place: Place) -> Iterator[Segment]:
    """Yield a piece of the flattened text with its fields back in their places (they come in order)."""
    for index, piece in enumerate(flat.split("\0")):
        if index:
            old = next(fields)
            yield Field(old.index, old.default, place)
        if piece:
            yield piece
