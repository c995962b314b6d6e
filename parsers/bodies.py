"""One text and one HTML body out of the body pieces of a mail; inline parts told from attachments.

In: pieces and parts of parsers.parts. Out: a Body (each side None when the mail has none), related parts, attachments.
format=flowed (RFC 3676) is undone. Raises nothing; logs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from parsers.charsets import decode, html_label
from parsers.parts import Part, Piece
from parsers.plain import html_to_text, text_to_html

_FLOWED_MAX = 2_000_000  # nobody writes more; unflowing takes many times the memory of the text
_CID = re.compile(r"cid:([^\"'\s>)]{1,998})", re.IGNORECASE)
_BODY_OPEN = re.compile(r"<body[^>]{0,4000}>", re.IGNORECASE)
_BODY_CLOSE = re.compile(r"</body\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Body:
    """The bodies of a mail with LF line ends; None where the mail has none of that kind."""

    text: str | None
    html: str | None


def join_bodies(
    pieces: list[Piece], parts: list[Part], packed: Body
) -> tuple[Body, tuple[Part, ...], tuple[Part, ...]]:
    """Return the bodies, the parts that the HTML shows inside, and the other parts; `packed` fills missing bodies."""
    own = _join(pieces)
    body = Body(own.text if own.text is not None else packed.text, own.html if own.html is not None else packed.html)
    shown = {unquote(found).lower() for found in _CID.findall(body.html or "")}
    related: list[Part] = []
    others: list[Part] = []
    for part in parts:
        inside = part.content_id.lower() in shown if part.content_id else False
        inside |= bool(part.location) and part.location in (body.html or "")
        (related if inside and part.inline_candidate else others).append(part)
    return body, tuple(related), tuple(others)


def _join(pieces: list[Piece]) -> Body:
    """Join what belongs one below the other; blank pieces are artefacts.

    Apple Mail cuts its text around each file; mailing lists and anti-virus gateways add a footer of their own.
    """
    pieces = [piece for piece in pieces if piece.data.strip()]
    groups: dict[int, dict[str, str]] = {}
    for piece in pieces:
        sides = groups.setdefault(piece.group, {})
        read = _read_plain(piece) if piece.kind == "plain" else _read_html(piece)
        sides[piece.kind] = _joined(sides[piece.kind], read, piece.kind) if piece.kind in sides else read
    kept = list(groups.values())
    text: str | None = None
    html: str | None = None
    if any("plain" in sides for sides in kept):
        text = "\n".join(sides["plain"] if "plain" in sides else html_to_text(sides["html"]) for sides in kept)
    if any("html" in sides for sides in kept):
        for sides in kept:
            more = sides["html"] if "html" in sides else text_to_html(sides["plain"])
            html = more if html is None else _joined(html, more, "html")
    return Body(text, html)


def _joined(before: str, more: str, kind: str) -> str:
    if kind == "plain":
        return f"{before}\n{more}"
    opened, closed = _BODY_OPEN.search(more), _BODY_CLOSE.search(more)
    inner = more[opened.end() if opened else 0 : closed.start() if closed else len(more)]
    end = _BODY_CLOSE.search(before)
    at = end.start() if end else len(before)
    return f"{before[:at]}<br>\n{inner}{before[at:]}"


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff").replace("\0", "")


def _read_html(piece: Piece) -> str:
    params = dict(piece.params)
    return _lf(decode(piece.data, params.get("charset") or html_label(piece.data)))


def _read_plain(piece: Piece) -> str:
    params = dict(piece.params)
    text = _lf(decode(piece.data, params.get("charset")))
    if params.get("format", "").lower() == "flowed" and len(text) <= _FLOWED_MAX:
        text = unflow(text, delsp=params.get("delsp", "").lower() == "yes")
    return text


def unflow(text: str, delsp: bool) -> str:
    """Undo format=flowed (RFC 3676 section 4.2): soft lines joined, stuffed blanks removed, quote marks kept."""
    out: list[list[str]] = []
    flowing = False  # the line before was soft
    depth_before = 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content[1:] if content.startswith(" ") else content
        soft = content.endswith(" ") and content != "-- "
        if soft and delsp:
            content = content[:-1]
        if flowing and depth == depth_before and content != "-- ":
            out[-1].append(content)
        else:
            out.append([f"{'>' * depth} {content}" if depth else content])
        flowing, depth_before = soft, depth
    return "\n".join("".join(pieces) for pieces in out)
