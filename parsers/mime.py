"""A user's mail as it came from any client, read into frozen values.

In: the raw bytes of a mail (RFC 5322, 2045-2049, 2183, 2231, 3676), however broken. Out: a Message: the decoded headers
that the gateway needs, one text and one HTML body, inline parts and attachments, and what must be said about it
(signed, encrypted, cut short). Raises nothing, whatever the bytes; depth, parts and headers are bounded by the limits
below; logs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from parsers import tnef
from parsers.bodies import Body, join_bodies
from parsers.headers import Fields, Mailbox, first, milliseconds, read_fields, text, words
from parsers.mailboxes import mailboxes
from parsers.parts import MAX_PARTS, Part, Tree, file_name, read_tree, start_of

# OpenPGP in the text itself (RFC 9580 section 6.2): sent on, it would be a riddle to all
_ARMOUR, _ARMOUR_WITHIN = re.compile(r"^-----BEGIN PGP MESSAGE-----[ \t]*$", re.MULTILINE), 65_536
_TNEF_TYPES = ("application/ms-tnef", "application/vnd.ms-tnef")


@dataclass(frozen=True, slots=True)
class Message:
    """One mail; texts are decoded, line ends in bodies are LF, `date` is milliseconds since the epoch."""

    subject: str
    sender: Mailbox | None  # From
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    date: int | None
    message_id: str
    in_reply_to: str
    references: str
    importance: str
    content_language: str
    auto_submitted: str
    precedence: str
    list_id: str
    return_path: str
    text: str | None
    html: str | None
    related: tuple[Part, ...]  # shown inside the HTML by cid: or their location
    attachments: tuple[Part, ...]
    signed: bool  # S/MIME or OpenPGP: the signature is dropped
    encrypted: bool  # nothing of it can be read
    truncated: bool  # a limit was reached: some parts are missing
    fields: Fields  # every header field, undecoded, lower-case names

    def header(self, name: str) -> str:
        """Return the decoded text of the first header field of this lower-case name, "" when absent."""
        return text(first(self.fields, name))


def read(raw: bytes) -> Message:
    """Return any bytes as a Message."""
    if b"\n" not in raw and b"\r" in raw:
        raw = raw.replace(b"\r", b"\n")
    fields, _ = read_fields(raw, start_of(raw))
    tree = read_tree(raw)
    parts, inside = _unpacked(tree.parts)
    body, related, attachments = join_bodies(tree.bodies, parts, inside)
    return _message(fields, tree, body, related, attachments)


def _unpacked(parts: list[Part]) -> tuple[list[Part], Body]:
    """Put the files of a winmail.dat in its place; its bodies serve where the mail itself has none."""
    out: list[Part] = []
    inside = Body(None, None)
    for part in parts:
        packed = part.content_type in _TNEF_TYPES or part.filename.lower() == "winmail.dat"
        found = tnef.read(part.data) if packed else None
        if found is None:
            out.append(part)
            continue
        inside = Body(inside.text or found.text, inside.html or found.html)
        for file in found.files[: MAX_PARTS - len(out)]:
            kind = file.content_type or "application/octet-stream"
            own = bool(file.content_id)
            name = file_name(file.filename)
            out.append(Part(name, kind, file.content_id, file.data, "attachment", inline_candidate=own))
    return out, inside


def _message(
    fields: Fields, tree: Tree, body: Body, related: tuple[Part, ...], attachments: tuple[Part, ...]
) -> Message:
    senders = mailboxes(first(fields, "from"))
    return Message(
        subject=text(first(fields, "subject")),
        sender=senders[0] if senders else None,
        to=_all(fields, "to"),
        cc=_all(fields, "cc"),
        reply_to=_all(fields, "reply-to"),
        date=milliseconds(first(fields, "date")),
        message_id=first(fields, "message-id")[:998],
        in_reply_to=first(fields, "in-reply-to")[:998],
        references=first(fields, "references")[-8000:],
        importance=_importance(fields),
        content_language=text(first(fields, "content-language"))[:60],
        auto_submitted=text(first(fields, "auto-submitted")).lower(),
        precedence=text(first(fields, "precedence")).lower(),
        list_id=text(words(first(fields, "list-id"))),
        return_path=first(fields, "return-path"),
        text=body.text,
        html=body.html,
        related=related,
        attachments=attachments,
        signed=tree.signed,
        encrypted=tree.encrypted or _ARMOUR.search((body.text or "")[:_ARMOUR_WITHIN]) is not None,
        truncated=tree.truncated,
        fields=fields,
    )


def _all(fields: Fields, name: str) -> tuple[Mailbox, ...]:
    return tuple(box for known, value in fields if known == name for box in mailboxes(value))[:1000]


def _importance(fields: Fields) -> str:
    """Return high, normal, low or "": Importance (RFC 2156), else what Priority or X-Priority of old clients say."""
    stated = first(fields, "importance").strip().lower()
    if stated in ("high", "normal", "low"):
        return stated
    priority = first(fields, "x-priority").strip()[:1]
    old = {"1": "high", "2": "high", "3": "normal", "4": "low", "5": "low"}.get(priority, "")
    return old or {"urgent": "high", "non-urgent": "low"}.get(first(fields, "priority").strip().lower(), "")
