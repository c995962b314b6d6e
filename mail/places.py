"""Values escaped for where they land: plain text, HTML, attributes, targets, header fields.

In: one value of a list's cell, or the default of its tag. Out: text that can do nothing there but be read. Controls
become blanks; line breaks stay where lines exist (text, HTML) and are blanks elsewhere. Raises nothing; logs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from html import escape
from urllib.parse import quote

from mail.fieldlines import clean
from parsers.fields import Field, Place, Segment

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LINE_END = re.compile(r"\r\n|\r|\u2028|\u2029|\x85")
PREFIXES = {Place.HTTP: "http://", Place.HTTPS: "https://"}
_SCHEME = re.compile(r"(?:https?://[^/?#\s]|mailto:[^\s])", re.IGNORECASE)
# Everything a URL may hold stays as it is, "%" too: the target is a URL already and must come out as exactly that.
_URL_SAFE = "!#$%&'()*+,/:;=?@[]~"


def in_text(value: str) -> str:
    """Return a value for a plain body; line ends become LF."""
    if value.isprintable():
        return value
    return _CONTROLS.sub(" ", _LINE_END.sub("\n", value))


def in_html(value: str) -> str:
    """Return a value for HTML content; line ends become `<br>`."""
    return escape(in_text(value)).replace("\n", "<br>\n")


def in_attribute(value: str) -> str:
    """Return a value for the inside of a quoted attribute."""
    return escape(clean(value))


def in_url(value: str) -> str:
    """Return a value as one component of a URL, everything reserved percent-encoded (RFC 3986 section 2.1)."""
    return quote(clean(value), safe="", errors="replace")


def whole_url(value: str) -> str:
    """Return a value that is a URL itself: only what no URL may hold is percent-encoded."""
    return quote(clean(value).strip(), safe=_URL_SAFE, errors="replace")


def resolved(target: tuple[Segment, ...], values: tuple[str, ...]) -> str | None:
    """Return a target for one person's values, ASCII only; None unless it comes out http(s) or mailto."""
    url = "".join(_segment(segment, values) for segment in target)
    return url if _SCHEME.match(url) else None


def _segment(segment: Segment, values: tuple[str, ...]) -> str:
    if isinstance(segment, str):
        return quote(segment, safe=_URL_SAFE + '"<>\\^`{|}', errors="replace")
    text = chosen(segment, values)
    if segment.place in PREFIXES:
        return _behind(PREFIXES[segment.place], text)
    return whole_url(text) if segment.place is Place.TARGET else in_url(text)


def _behind(scheme: str, value: str) -> str:
    """Return a value that stands behind a scheme: it may bring its own; nothing at all where it is blank."""
    url = whole_url(value)
    return url if _SCHEME.match(url) or not url else scheme + url


def chosen(field: Field, values: tuple[str, ...]) -> str:
    """Return a field's value, or its default where the value is blank or the row is short."""
    return chosen_value(values, field.index, field.default)


def chosen_value(values: tuple[str, ...], index: int, default: str) -> str:
    """Return the value of a column, or `default` where it is blank or the row is short."""
    text = values[index] if 0 <= index < len(values) else ""
    return text if text and not text.isspace() else default


def _target(value: str, scheme: str = "", html: bool = True) -> str:
    url = _behind(scheme, value)
    return (escape(url) if html else url) if _SCHEME.match(url) else ""


_ESCAPES: dict[Place, Callable[[str], str]] = {
    Place.TEXT: in_text,
    Place.HTML: in_html,
    Place.LABEL: in_html,
    Place.ATTRIBUTE: in_attribute,
    Place.URL: in_url,
    Place.HEADER: clean,
}


def escape_of(place: Place, html: bool) -> Callable[[str], str]:
    """Return how values are escaped for a place in an HTML or a plain body."""
    if place is Place.TARGET or place in PREFIXES:
        return partial(_target, scheme=PREFIXES.get(place, ""), html=html)
    return _ESCAPES[place]
