"""A whole mail from what a program sent: a raw message with its list beside it, or fields and files.

In: the parts of a form (files may be on the disk), names, a boundary. Out: pieces of a mail with CRLF, made one after the
other so that memory stays flat. The original's own fields stay above; what it was becomes the first part (RFC 2046 section
5.1). Raises `Unfit` for a raw message that is none. Blocks on the disk: call it in a thread.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from mail.fieldlines import mailbox, parameter, unstructured

_STEP = 57 * 1_024  # bytes at once: whole lines of base64
_HEAD = 262_144  # bytes of the largest header
_EMPTY = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"(?m)^([!-9;-~]+)[ \t]*:")
_BARE = re.compile(rb"(?<!\r)\n")


class Unfit(Exception):
    """A raw message that is no mail; the text is a code under api.*."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with the form."""

    name: str
    content_type: str
    file: BinaryIO


@dataclass(frozen=True, slots=True)
class Fields:
    """A message in fields."""

    from_name: str
    from_address: str
    subject: str
    text: str | None
    html: str | None


def head_of(message: BinaryIO) -> bytes:
    """The header of a raw message, with the blank line; the file stands at its start again."""
    message.seek(0)
    data = message.read(_HEAD)
    message.seek(0)
    end = _EMPTY.search(data)
    if end is None or _FIELD.match(data) is None:
        raise Unfit("raw_header")
    return _BARE.sub(b"\r\n", data[: end.end()])


def raw(message: BinaryIO, beside: Sequence[Upload], boundary: str, message_id: str) -> Iterator[bytes]:
    """A raw message; with files `beside` it, they and what it was become the parts of a new one."""
    head = head_of(message)
    fields = list(_fields(head))
    names = {name for name, _ in fields}
    if b"message-id" not in names:
        yield f"Message-ID: {message_id}\r\n".encode()
    if not beside:
        yield from _lines(message)
        return
    own = (b"mime-version", b"content-")
    yield b"".join(field for name, field in fields if not name.startswith(own))
    yield _mixed(boundary)
    yield b"".join(field for name, field in fields if name.startswith(b"content-")) + b"\r\n"
    yield from _body(message)
    yield from _files(beside, boundary)


def fields(
    message: Fields, to: str, files: Sequence[Upload], boundary: str, message_id: str, date: str
) -> Iterator[bytes]:
    """A message made of fields, with its files."""
    head = [
        f"From: {mailbox(message.from_name, message.from_address)}",
        f"To: {to}",
        f"Subject: {unstructured(message.subject)}",
        f"Date: {date}",
        f"Message-ID: {message_id}",
    ]
    yield "".join(f"{line}\r\n" for line in head).encode("utf-8", "replace") + _mixed(boundary)
    inner = boundary + "a"
    yield f'Content-Type: multipart/alternative; boundary="{inner}"\r\n\r\n'.encode()
    for kind, words in (("plain", message.text), ("html", message.html)):
        if words is not None:
            yield f"--{inner}\r\nContent-Type: text/{kind}; charset=utf-8\r\n".encode()
            yield b"Content-Transfer-Encoding: base64\r\n\r\n"
            yield _base64(words.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace"))
    yield f"--{inner}--\r\n".encode()
    yield from _files(files, boundary)


def _mixed(boundary: str) -> bytes:
    kind = f'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'
    return f"{kind}--{boundary}\r\n".encode()


def _files(files: Sequence[Upload], boundary: str) -> Iterator[bytes]:
    for one in files:
        kind = one.content_type if re.fullmatch(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+", one.content_type) else ""
        if not kind or kind.startswith(("multipart/", "message/")):
            kind = "application/octet-stream"
        head = f"\r\n--{boundary}\r\nContent-Type: {kind}{parameter('name', one.name)}\r\n"
        head += f"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment{parameter('filename', one.name)}"
        yield f"{head}\r\n\r\n".encode("ascii", "replace")
        one.file.seek(0)
        while piece := one.file.read(_STEP):
            yield _base64(piece)
    yield f"\r\n--{boundary}--\r\n".encode()


def _base64(data: bytes) -> bytes:
    text = b64encode(data)
    return b"".join(text[at : at + 76] + b"\r\n" for at in range(0, len(text), 76))


def _fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The fields of a header, folded as they are; a line that belongs to none is left out."""
    for line in re.split(rb"(?<=\n)(?![ \t])", head):
        named = _FIELD.match(line)
        if named is not None:
            yield named[1].lower(), line


def _body(message: BinaryIO) -> Iterator[bytes]:
    message.seek(0)
    data = message.read(_HEAD)
    end = _EMPTY.search(data)
    message.seek(end.end() if end else 0)
    yield from _lines(message)


def _lines(message: BinaryIO) -> Iterator[bytes]:
    """What is left of a file, its bare line feeds as CRLF; Unfit for a NUL, which no mail may hold (RFC 5322 section 4)."""
    last = b""
    while piece := message.read(_STEP):
        if b"\0" in piece:
            raise Unfit("raw_nul")
        # a CR at the end of the piece before belongs to the LF at the start of this one
        joined = last + piece
        last = joined[-1:] if joined.endswith(b"\r") else b""
        yield _BARE.sub(b"\r\n", joined[: len(joined) - len(last)])
    yield last
