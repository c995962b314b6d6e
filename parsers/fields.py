"""Merge tags: `{{Nom}}`, `{{Prénom|cher client}}`, `\\{{` for two literal braces, `{{désabonnement}}`, `{{consentement}}`.

In: a text (a subject, a plain body, a decoded piece of HTML) and the names of the list's columns. Out: segments, constant
texts and fields in order, or every tag that names no column or is not closed (the campaign is then held).
Values are put in once, by the one who renders: nothing that a value says is ever read as a tag again.
Raises nothing; logs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from parsers.columns import canonical

UNSUBSCRIBE = -1  # a field's index when it is the place of the unsubscribe link
CONSENT = -2  # the same for the page where a person says whether they may be followed
_CONSENT = ("consentement", "consent")  # a column of the list that bears such a name goes first
_RESERVED = ("désabonnement", "désinscription", "désabonner", "unsubscribe")
# A tag may be cut by a line end that a client's wrapping put into it; the name itself holds no brace.
# Nor do the marks that nobody sees, which editors put between its braces, hide it.
_VOID = r"[\u00ad\u200b-\u200f\u2060\ufeff]{0,8}"
_OPEN, _CLOSE = rf"\{{{_VOID}\{{", rf"\}}{_VOID}\}}"
TAG = re.compile(rf"\\({_OPEN})|{_OPEN}([^{{}}]{{1,400}}){_CLOSE}|({_OPEN})")
# The same in a link's target, where clients percent-encode braces.
URL_TAG = re.compile(
    r"\\(\{\{)|(?:\{\{|%7[Bb]%7[Bb])((?:(?!%7[Dd])[^{}]){1,400})(?:\}\}|%7[Dd]%7[Dd])|(\{\{|%7[Bb]%7[Bb])"
)
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")
_BLANKS = re.compile(r"\s+")


class Place(StrEnum):
    """Where a value lands, which says how it is escaped."""

    TEXT = "text"  # a plain body
    HTML = "html"  # between tags
    ATTRIBUTE = "attribute"  # inside an attribute's quotes
    URL = "url"  # inside a target: percent-encoded
    LABEL = "label"  # between tags, but inside a link already
    TARGET = "target"  # the beginning of a target: it brings its own scheme
    HTTP = "http"  # behind "http://" (which clients put before what they take for an address): a host, or a whole URL
    HTTPS = "https"  # the same behind "https://"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Field:
    """One merge field: a column's index (UNSUBSCRIBE, CONSENT for pages of ours) and what stands there when it is empty."""

    index: int
    default: str
    place: Place


@dataclass(frozen=True, slots=True)
class BadTag:
    """A tag that cannot be filled, as the user wrote it; `closed` is False when its end is missing."""

    text: str
    closed: bool = True


Segment = str | Field
Lookup = Mapping[str, int]


def lookup(columns: tuple[str, ...]) -> Lookup:
    """Return the index of each column by its canonical name; of two columns of one name the first counts."""
    found = {canonical(name): UNSUBSCRIBE for name in _RESERVED}
    asked = {canonical(name): CONSENT for name in _CONSENT}
    own: dict[str, int] = {}
    for index, name in enumerate(columns):
        own.setdefault(canonical(name), index)
    return {**asked, **own, **found}


def resolve(inner: str, known: Lookup, place: Place) -> Field | None:
    """Return the field that the inside of a tag names, None when no column has that name."""
    name, _, default = _BLANKS.sub(" ", _INVISIBLE.sub("", inner)).partition("|")
    index = known.get(canonical(name))
    return None if index is None or not name.strip() else Field(index, default.strip(), place)


_SCHEMES = {"http://": Place.HTTP, "https://": Place.HTTPS}


def as_target(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Return the segments of a target with the place of the column that it begins with, if it does.

    "http://" before a column is part of that column's place, and a lone "/" behind it is a client's addition too.
    """
    if segments and isinstance(segments[0], Field):
        return (replace(segments[0], place=Place.TARGET), *segments[1:])
    if len(segments) > 1 and isinstance(segments[0], str) and isinstance(segments[1], Field):
        place = _SCHEMES.get(segments[0].lower())
        if place is not None:
            return (replace(segments[1], place=place), *(segments[2:] if segments[2:] != ("/",) else ()))
    return segments


def split(source: str, known: Lookup, place: Place) -> tuple[tuple[Segment, ...], tuple[BadTag, ...]]:
    """Return a text as segments, and the tags in it that cannot be filled."""
    out: list[Segment] = []
    bad: list[BadTag] = []
    at = 0
    for tag in TAG.finditer(source):
        _constant(out, source[at : tag.start()])
        at = tag.end()
        found = resolve(tag.group(2), known, place) if tag.group(2) else None
        if tag.group(1):
            _constant(out, "{{")
        elif found:
            out.append(found)
        else:
            bad.append(bad_tag(source, tag))
    _constant(out, source[at:])
    return tuple(out), tuple(bad)


def bad_tag(source: str, tag: re.Match[str]) -> BadTag:
    """Return what to show the user of a tag that cannot be filled: the whole tag, or the text where one was opened."""
    if tag.group(2) is not None:
        return BadTag(_BLANKS.sub(" ", tag.group()))
    return BadTag(_BLANKS.sub(" ", source[tag.start() : tag.start() + 40]), closed=False)


def _constant(out: list[Segment], text: str) -> None:
    if not text:
        return
    if out and isinstance(out[-1], str):
        out[-1] += text
    else:
        out.append(text)
