"""Where the list of a mail without one may be: behind a link to a shared file, in an archive, in an attached mail.

In: a Message whose attachments hold no LISTE. Out: a `Place` with the name to tell, or None. Nothing is fetched or sent:
what is found here only makes the answer say what to do. Bounded work; raises nothing, logs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from parsers import mime
from parsers.archive import Archive, BadArchive
from parsers.mime import Message
from parsers.names import is_liste
from parsers.parts import Part
from parsers.sheet import Limits, TooMuch

# Hosts on which office programs put a file instead of attaching it, and the name people know them by.
_SERVICES = (
    ("1drv.ms", "OneDrive"), ("onedrive.live.com", "OneDrive"), ("sharepoint.com", "OneDrive"),
    ("drive.google.com", "Google Drive"), ("docs.google.com", "Google Drive"), ("dropbox.com", "Dropbox"),
    ("icloud.com", "iCloud"), ("wetransfer.com", "WeTransfer"), ("we.tl", "WeTransfer"), ("box.com", "Box"),
    ("kdrive.infomaniak.com", "kDrive"), ("swisstransfer.com", "SwissTransfer"), ("grosfichiers.com", "GrosFichiers"),
    ("smash.com", "Smash"), ("fromsmash.com", "Smash"), ("filesender.renater.fr", "FileSender"),
)  # fmt: skip
_HOST = re.compile(r"https?://([a-z0-9.-]{1,253})(/[^\s\"'<>]{1,2000})?", re.IGNORECASE)
_LINKS_MAX = 2_000
_TEXT_MAX = 2_000_000
_DEPTH_MAX = 2


class Where(StrEnum):
    """Where the list may be."""

    LINKED = "linked"  # a shared file; the name is that of the service
    PACKED = "packed"  # an archive; the name is the archive's
    FORWARDED = "forwarded"  # an attached mail; the name is its subject


@dataclass(frozen=True, slots=True)
class Place:
    """Where the list may be, and the name of what holds it."""

    where: Where
    name: str


def find(message: Message) -> Place | None:
    """Return where the list may be, the surest place first."""
    for part in message.attachments:
        if part.data.startswith(b"PK") and any(map(is_liste, _packed(part.data))):
            return Place(Where.PACKED, part.filename)
        if part.content_type == "message/rfc822" and (subject := _forwarded(part, 1)) is not None:
            return Place(Where.FORWARDED, part.filename or subject)
    service = _service(message)
    return Place(Where.LINKED, service) if service else None


def _packed(data: bytes) -> list[str]:
    try:
        return Archive(data, Limits(ratio=1 << 30)).names()
    except (BadArchive, TooMuch):
        return []


def _forwarded(part: Part, depth: int) -> str | None:
    """The subject of an attached mail that holds a list, at any depth."""
    inner = mime.read(part.data)
    if any(is_liste(one.filename) for one in inner.attachments):
        return inner.subject
    mails = [one for one in inner.attachments if one.content_type == "message/rfc822"]
    return (
        inner.subject if depth < _DEPTH_MAX and any(_forwarded(one, depth + 1) is not None for one in mails) else None
    )


def _service(message: Message) -> str:
    """The service that a link to a shared file names; "" without any."""
    text = f"{(message.html or '')[:_TEXT_MAX]}\n{(message.text or '')[:_TEXT_MAX]}"
    for number, found in enumerate(_HOST.finditer(text)):
        if number == _LINKS_MAX:
            break
        host = found[1].lower()
        for known, name in _SERVICES:
            # a home page in somebody's signature is no file
            if (host == known or host.endswith(f".{known}")) and len(unquote(found[2] or "")) > 8:
                return name
    return ""
