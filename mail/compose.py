"""The MIME tree of the outgoing mail (RFC 2045, 2046, 2183, 2387), encoded once per campaign.

In: the two bodies as a function that writes them, inline parts and attachments. Out: the head's Content-Type and the
body's MIME lines around the bodies. multipart/mixed only with attachments, multipart/related only with inline parts,
always multipart/alternative. Raises nothing; logs nothing.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from mail.fieldlines import FOLD, clean, parameter
from mail.quoted import Encoder
from parsers.parts import Part

Writer = Callable[[Encoder], None]
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}").fullmatch
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,900}").fullmatch
_KEPT_PARAMETERS = ("charset", "method")  # of an attached text or calendar; the rest says how it came, not what it is
_TEXT = b"\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Frame:
    """The tree around the bodies: the head's Content-Type value, and the base64 parts behind the bodies."""

    content_type: str
    opening: bytes  # up to the text's first line
    middle: bytes
    closing: bytes
    ending: bytes = b""  # behind each person's own parts, where there are such
    outer: str = ""  # the delimiter of those parts


def frame(seed: str, related: tuple[Part, ...], attachments: tuple[Part, ...], personal: bool = False) -> Frame:
    """Return the tree; `seed` decides the boundaries, which must come out the same at every retry.

    `personal`: each person gets parts of their own, between `closing` and `ending`.
    """
    mark = "=_" + sha256(seed.encode("utf-8", "replace")).hexdigest()[:24]
    # "=_" cannot stand in quoted-printable or base64 text, so no boundary is ever found inside a part.
    mixed, inside, alternative = mark + "m", mark + "r", mark + "a"
    kinds = [("alternative", alternative, "")]
    if related:
        kinds.insert(0, ("related", inside, f';{FOLD}type="multipart/alternative"'))
    if attachments or personal:
        kinds.insert(0, ("mixed", mixed, ""))
    opening = b""
    for (_, outer, _), inner in pairwise(kinds):
        opening += f"--{outer}\r\nContent-Type: {_multipart(*inner)}\r\n\r\n".encode()
    opening += b"--" + alternative.encode() + _TEXT % b"plain"
    middle = b"\r\n--" + alternative.encode() + _TEXT % b"html"
    closing = f"\r\n--{alternative}--\r\n".encode()
    if related:
        closing += _parts(inside, related, inline=True)
    if personal:
        closing += b"".join([part_lines(mixed, part, inline=False) for part in attachments])
        return Frame(_multipart(*kinds[0]), opening, middle, closing, f"--{mixed}--\r\n".encode(), mixed)
    if attachments:
        closing += _parts(mixed, attachments, inline=False)
    return Frame(_multipart(*kinds[0]), opening, middle, closing)


def _multipart(kind: str, boundary: str, more: str) -> str:
    return f'multipart/{kind};{FOLD}boundary="{boundary}"{more}'


def _parts(boundary: str, parts: tuple[Part, ...], inline: bool) -> bytes:
    lines = [part_lines(boundary, part, inline) for part in parts]
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


def part_lines(boundary: str, part: Part, inline: bool) -> bytes:
    """Return the MIME lines of one part with the delimiter before it: ASCII, CRLF, canonical."""
    kind = _content_type(part)
    params = dict(part.params)
    kept = [(name, params[name]) for name in _KEPT_PARAMETERS if params.get(name) and kind.startswith("text/")]
    head = f"Content-Type: {kind}" + "".join(parameter(name, text) for name, text in kept)
    if part.filename:
        head += parameter("name", part.filename)
    head += "\r\nContent-Transfer-Encoding: base64\r\n"
    if part.content_id and _CONTENT_ID(part.content_id):
        head += (
            f"Content-ID:{FOLD}<{part.content_id}>\r\n"
            if len(part.content_id) > 60
            else f"Content-ID: <{part.content_id}>\r\n"
        )
    if inline and part.location:
        location = clean(part.location).replace(" ", "%20").encode("ascii", "replace").decode()
        head += f"Content-Location:{FOLD}{location}\r\n"
    head += f"Content-Disposition: {'inline' if inline else 'attachment'}"
    head += (parameter("filename", part.filename) if part.filename else "") + "\r\n\r\n"
    return f"--{boundary}\r\n{head}".encode("ascii", "replace") + base64_lines(part.data)


def _content_type(part: Part) -> str:
    # RFC 2046 section 5.2.1 allows no base64 for message/rfc822; as a plain file it opens just the same.
    if not _TYPE(part.content_type) or part.content_type.startswith(("message/", "multipart/")):
        return "application/octet-stream"
    return part.content_type


def base64_lines(data: bytes) -> bytes:
    """Return bytes in base64 lines of 76 characters, each closed by CRLF."""
    text = b64encode(data)
    return b"".join([text[at : at + 76] + b"\r\n" for at in range(0, len(text), 76)])
