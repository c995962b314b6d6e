"""Advice on the HTML body: tags left open with their places, styles elsewhere, weight, images, links.

In: the HTML as the user sent it. Out: findings. Pure; raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.findings.finding import Finding, Where
from mail.suffixes import organisation
from parsers.html import decoded, scan
from parsers.markup import Flaw, Kind, check
from parsers.plain import html_to_text

_CLIPPED = 102_400  # bytes of HTML after which Gmail cuts a mail off
_LITTLE = 80  # characters of text beside images
_LENGTH = 1_000_000  # characters that are looked at
_IMAGE = re.compile(r"<img\b[^<>]{0,5000}>", re.IGNORECASE)
_ALT = re.compile(r"\balt\s*=", re.IGNORECASE)
_TINY = re.compile(r"\b(?:width|height)\s*=\s*[\"']?[01](?:px)?[\"'\s/>]", re.IGNORECASE)
_CODES = {
    Kind.UNCLOSED: "html_unclosed",
    Kind.STRAY: "html_stray",
    Kind.QUOTE: "html_quote",
    Kind.COMMENT: "html_comment",
    Kind.CSS: "html_css",
    Kind.ACTIVE: "html_active",
}
_SHORTENERS_TEXT = "bit.ly tinyurl.com goo.gl ow.ly is.gd t.ly cutt.ly rebrand.ly shorturl.at rb.gy urlz.fr"
_SHORTENERS = frozenset(_SHORTENERS_TEXT.split())
_LITERAL = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9a-f:]*:[0-9a-f:]*\]?", re.IGNORECASE)
_SHOWN = re.compile(r"\s*(?:https?://)?((?:[a-z0-9-]{1,63}\.){1,5}[a-z]{2,24})(?:[/?#]\S*)?\s*", re.IGNORECASE)


def of_page(html: str) -> list[Finding]:
    """Everything that can be told from an HTML body."""
    page = html[:_LENGTH].replace("\r\n", "\n")
    flaws = check(page) if len(html) <= _LENGTH else ()  # where it was cut is no flaw of its own
    return [*(_flaw(one) for one in flaws), *_weight(html), *_images(page), *_links(page)]


def _flaw(flaw: Flaw) -> Finding:
    return Finding(_CODES[flaw.kind], Where.HTML, {"what": " ".join(flaw.what[:200].split())}, flaw.line, flaw.column)


def _weight(page: str) -> list[Finding]:
    size = len(page.encode("utf-8", "replace"))
    return [Finding("html_heavy", Where.HTML, {"n": size // 1024})] if size > _CLIPPED else []


def _images(page: str) -> Iterator[Finding]:
    images = [one for one in _IMAGE.findall(page) if not _TINY.search(one)]
    if not images:
        return
    if len("".join(html_to_text(page).split())) < _LITTLE:
        yield Finding("images_only", Where.HTML)
    bare = sum(not _ALT.search(one) for one in images)
    if 2 * bare > len(images):
        yield Finding("images_alt", Where.HTML, {"n": bare})


def _links(page: str) -> list[Finding]:
    found: dict[str, Finding] = {}
    for link in scan(page).attributes:
        if not link.link:
            continue
        target = decoded(page[link.start : link.end], in_attribute=True)[0].strip()
        code, host = _fault(target, link.label)
        if code:
            place = page.count("\n", 0, link.start) + 1, link.start - page.rfind("\n", 0, link.start)
            values = {"host": host[:100], "label": link.label[:80]}
            found.setdefault(f"{code} {host}", Finding(code, Where.HTML, values, *place))
    return list(found.values())


def _fault(target: str, label: str) -> tuple[str, str]:
    try:
        parts = urlsplit(target)
        host = (parts.hostname or "").lower()
    except ValueError:
        return "", ""
    if parts.scheme.lower() not in ("http", "https") or "{" in host or "%7b" in host or not host:
        return "", ""
    if _LITERAL.fullmatch(host):
        return "link_literal", host
    if host in _SHORTENERS:
        return "link_short", host
    shown = _SHOWN.fullmatch(label)
    if shown and organisation(shown[1]) != organisation(host) and "@" not in label:
        return "link_other", host  # a label that is one address above a target that is another: what phishing does
    return "", ""
