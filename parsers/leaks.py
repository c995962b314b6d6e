"""Lists among the files that a campaign would send: how many addresses a file holds.

In: the bytes of any attachment; out: the number of different addresses found, given up at a limit, in text, sheets of
every kind, zip archives (office files too), mails and what they hold. Bounded work; raises nothing, logs nothing.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator

from parsers import mime
from parsers.archive import Archive, BadArchive
from parsers.liste_text import decode
from parsers.liste_xls import OLE2
from parsers.sheet import Limits, TooMuch

_DEPTH_MAX = 3
_ENTRIES_MAX = 2000
_NESTED_MAX = 64 << 20
_SCAN_MAX = 256 << 20
_CHUNK = 1 << 20
# An address may lie across two chunks.
_OVERLAP = 320
_SIGNS_MAX = 500_000
_LIMITS = Limits(unpacked=_SCAN_MAX, ratio=1 << 30)
_LOCAL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+'&-"
_AFTER = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])")
# Their bytes are compressed: what looks like an address there is chance.
_NEVER = (
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"\x00\x00\x00",
    b"OggS",
    b"ID3",
    b"Rar!",
    b"7z\xbc\xaf",
)
_MAIL = re.compile(
    rb"(?:[A-Za-z][A-Za-z0-9-]{1,60}:[^\r\n]*\r?\n[ \t]?){0,60}?(?:From|Received|MIME-Version|Subject|Return-Path):",
    re.IGNORECASE,
)
_PACKED = (b"PK\x03\x04", b"\x1f\x8b")
_TNEF = b"\x78\x9f\x3e\x22"


def addresses_in(data: bytes, limit: int = 20) -> int:
    """How many different addresses a file holds, counted up to `limit`."""
    found: set[str] = set()
    _scan(data, found, limit, 0)
    return min(len(found), limit)


def _scan(data: bytes, found: set[str], limit: int, depth: int) -> None:
    """Add the addresses of one file, looking into what it packs."""
    if depth > _DEPTH_MAX or len(found) >= limit or data.startswith(_NEVER):
        return
    if data.startswith(b"PK"):
        _zipped(data, found, limit, depth)
    elif data.startswith(b"\x1f\x8b"):
        _scan(_inflated(data), found, limit, depth + 1)
    elif data.startswith((OLE2, _TNEF)) or data[:1] == b"\x09":
        _binary(data, found, limit)
    else:
        if _MAIL.match(data[:65536]):
            _mail(data, found, limit, depth)
        _texts((decode(data),), found, limit)


def _zipped(data: bytes, found: set[str], limit: int, depth: int) -> None:
    """Every part of an archive, as text piece by piece; packed files in it are opened in turn."""
    budget = _SCAN_MAX
    try:
        archive = Archive(data, _LIMITS)
        for name in archive.names()[:_ENTRIES_MAX]:
            for head, chunks in _entry(archive, name):
                if head.startswith((*_PACKED, OLE2)) or _MAIL.match(head):
                    _scan(b"".join(_capped(chunks, min(budget, _NESTED_MAX))), found, limit, depth + 1)
                elif not head.startswith(_NEVER):
                    _texts(_decoded(_capped(chunks, budget)), found, limit)
            if len(found) >= limit:
                return
    except TooMuch:
        # An archive that unpacks to more than can be looked through is no attachment to send to everybody.
        found.update(f"{number}@too-big.invalid" for number in range(limit))
    except BadArchive:
        return


def _entry(archive: Archive, name: str) -> Iterator[tuple[bytes, Iterator[bytes]]]:
    """The beginning of a part and all its chunks; damaged parts are passed over."""
    try:
        chunks = archive.chunks(name)
        head = next(chunks, b"")
    except BadArchive:
        return
    yield head, _chained(head, chunks)


def _chained(head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    try:
        yield from chunks
    except BadArchive:
        return


def _capped(chunks: Iterable[bytes], most: int) -> Iterator[bytes]:
    for chunk in chunks:
        if most <= 0:
            return
        yield chunk[:most]
        most -= len(chunk)


def _decoded(chunks: Iterator[bytes]) -> Iterator[str]:
    """Parts of archives as text: UTF-8 XML mostly, UTF-16 where it looks so."""
    wide = ""
    for number, chunk in enumerate(chunks):
        if number == 0:
            wide = _wide(chunk)
        yield chunk.decode(wide or "utf-8", "replace")


def _wide(chunk: bytes) -> str:
    if chunk.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16-le" if chunk[0] == 0xFF else "utf-16-be"
    return "utf-16-le" if chunk[1:400:2].count(0) > min(len(chunk), 400) // 3 else ""


def _binary(data: bytes, found: set[str], limit: int) -> None:
    """Old office files and TNEF: strings stand in them in one byte or two bytes a character, at any offset."""
    for start in range(0, len(data), _CHUNK):
        piece = data[start : start + _CHUNK + _OVERLAP]
        _texts((piece.decode("latin-1"),), found, limit)
        if b"@\0" in piece:
            for offset in (0, 1):
                _texts((piece[offset:].decode("utf-16-le", "replace"),), found, limit)
        if len(found) >= limit:
            return


def _mail(data: bytes, found: set[str], limit: int, depth: int) -> None:
    """A forwarded mail: its bodies, and its files in turn."""
    message = mime.read(data)
    _texts((message.text or "", message.html or ""), found, limit)
    for part in (*message.attachments, *message.related):
        _scan(part.data, found, limit, depth + 1)
        if len(found) >= limit:
            return


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(data, _NESTED_MAX)
    except zlib.error:
        return b""


def _texts(texts: Iterable[str], found: set[str], limit: int) -> None:
    """Add the addresses of a text that comes in pieces."""
    tail, signs = "", 0
    for text in texts:
        text = tail + text
        at = text.find("@")
        while at >= 0 and signs < _SIGNS_MAX:
            signs += 1
            head = text[max(at - 64, 0) : at]
            before = head[len(head.rstrip(_LOCAL)) :]
            after = _AFTER.match(text, at + 1, at + 256) if before else None
            if after is not None:
                found.add(f"{before}@{after[0]}".lower())
                if len(found) >= limit:
                    return
            at = text.find("@", at + 1)
        tail = text[-_OVERLAP:]
