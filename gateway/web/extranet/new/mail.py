"""The mail that a draft is: made in pieces, from what was typed or from an uploaded message, with its files, list and
Config.

In: a draft, its shelf, the chosen sender. Out: pieces of a mail with CRLF, as the API makes them
(gateway.api.wrapping), with a Message-ID and a date that are the draft's own: sent twice, it is one message. An
uploaded message keeps its subject, content and files; From, To and Date are those of whoever sends it here. Raises
wrapping.Unfit. Blocks on the disk: call it in a thread.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from email.utils import format_datetime
from io import BytesIO
from typing import Any, BinaryIO, cast

from gateway.api.wrapping import Fields, Upload, fields, head_of, raw
from gateway.i18n import local
from gateway.web.extranet.new.choices import config
from gateway.web.extranet.new.shelf import Shelf, ending
from mail.fieldlines import mailbox
from store.drafts import Draft
from store.values import Sender

_KEPT = re.compile(rb"(?i)^(?:subject|mime-version|content-[a-z-]+|importance|thread-topic)[ \t]*:")


def pieces(draft: Draft, shelf: Shelf, sender: Sender, domain: str, word: str, test: str = "") -> Iterator[bytes]:
    """The whole mail, piece by piece; `word` names it."""
    typed, options = draft.fields, draft.fields.get("options", {})
    name = options.get("from_name") or sender.name
    message_id, boundary = f"<{word}@{domain}>", f"=_{word}"
    date = format_datetime(local("UTC", draft.changed_at))
    with contextlib.ExitStack() as opened:
        beside = [*_list(opened, typed, shelf), _file("Config.txt", config(options, test).encode())]
        files = [
            Upload(one["name"], one["type"], opened.enter_context(shelf.open(one))) for one in typed.get("files", ())
        ]
        if typed.get("source") == "eml":
            message = opened.enter_context(shelf.open(typed["eml"]))
            head = f"From: {mailbox(name, sender.address)}\r\nTo: mail@{domain}\r\nDate: {date}\r\n"
            head += f"Message-ID: {message_id}\r\n"
            renewed = _Renewed(head.encode("utf-8", "replace") + _head(message), message)
            yield from raw(cast(BinaryIO, renewed), [*files, *beside], boundary, message_id)
            return
        html = typed.get("body", "") if typed.get("format") == "html" else None
        text = None if html is not None else typed.get("body", "")
        made = Fields(name, sender.address, typed.get("subject", ""), text, html)
        yield from fields(made, f"mail@{domain}", [*files, *beside], boundary, message_id, date)


def _file(name: str, data: bytes) -> Upload:
    return Upload(name, "text/plain", BytesIO(data))


def _list(opened: contextlib.ExitStack, typed: Any, shelf: Shelf) -> list[Upload]:
    if typed.get("liste_source") == "pasted":
        return [_file("LISTE.txt", typed.get("pasted", "").encode())]
    known = typed.get("liste")
    if not known:
        return []
    file = opened.enter_context(shelf.open(known))
    return [Upload(f"LISTE{ending(known['name'])}", known["type"], file)]


def _head(message: BinaryIO) -> bytes:
    """What an uploaded message keeps of its header."""
    lines = re.split(rb"(?<=\n)(?![ \t])", head_of(message))
    return b"".join(line for line in lines if _KEPT.match(line)) + b"\r\n"


class _Renewed:
    """An uploaded message with another header, read as one file from its start."""

    def __init__(self, head: bytes, message: BinaryIO) -> None:
        self._head, self._message = head, message
        data = message.read(262_144)
        found = re.search(rb"\r?\n\r?\n", data)
        self._body = found.end() if found else len(data)
        self._at = 0

    def seek(self, at: int) -> int:
        self._at = at
        return at

    def read(self, size: int = -1) -> bytes:
        out = self._head[self._at : self._at + size] if size >= 0 else self._head[self._at :]
        behind = max(0, self._at - len(self._head))
        self._at += len(out)
        if size >= 0 and len(out) == size:
            return out
        self._message.seek(self._body + behind)
        more = self._message.read(size - len(out) if size >= 0 else -1)
        self._at += len(more)
        return out + more
