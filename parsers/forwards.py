"""Who wrote a mail that somebody forwards: as an attachment, or below a heading in the text.

In: a Message. Out: the addresses of the forwarded mails' authors, in order (those of the first heading only, for further
headings stand above what that person answered), and the texts in which tokens of ours may stand. Pure; raises nothing;
bounded in mails, lines and addresses.
"""

from __future__ import annotations

import re

from parsers import mime
from parsers.address import parse
from parsers.mailboxes import mailboxes
from parsers.mime import Message
from parsers.parts import Part
from parsers.plain import html_to_text

MAILS = 20  # attached ones
LINES = 5_000
_LENGTH = 200_000
_HEAD_LINES = 8
_FROM = re.compile(
    r"^[\s>*_]{0,12}(?:from|de|von|van|expéditeur|da)[\s*_\u00a0\u202f]{0,4}:[\s*_]{0,4}(\S.{0,400})$", re.IGNORECASE
)
_FIELD = re.compile(
    r"^[\s>*_]{0,12}(?:sent|envoyé|envoyé le|date|gesendet|to|à|an|pour|destinataire|subject|objet|betreff|cc)"
    r"[\s*_\u00a0\u202f]{0,4}:",
    re.IGNORECASE,
)
_WROTE = re.compile(r"^[\s>]{0,12}(?:le|on|am)\b.{3,500}\b(?:a écrit|wrote|schrieb)\s{0,3}:?$", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>,;\"'@]{1,64}@[^\s<>,;\"'@]{1,190}")
_MAILTO = re.compile(r"\[(?:mailto:)?([^\s\[\]<>@]{1,64}@[^\s\[\]<>@]{1,190})\]", re.IGNORECASE)


def authors(message: Message) -> tuple[str, ...]:
    """The addresses of those whose mails are forwarded here; none when no heading names one."""
    inside = [mime.read(part.data) for part in _mails(message)]
    found = [one.sender.address for one in inside if one.sender is not None]
    if not found:
        found = _headed(_words(message))
    good = (parse(address) for address in found)
    return tuple(dict.fromkeys(one[0].address for one in good if len(one) == 1 and one[0].fault is None))


def texts(message: Message) -> tuple[str, ...]:
    """Everything that people or programs wrote in a mail and in those attached to it."""
    found = [_words(message), (message.html or "")[:_LENGTH]]
    for part in _mails(message):
        inner = mime.read(part.data)
        found += [part.data[:_LENGTH].decode("latin-1"), _words(inner), (inner.html or "")[:_LENGTH]]
    return tuple(one for one in found if one)


def _mails(message: Message) -> list[Part]:
    return [part for part in message.attachments if part.content_type == "message/rfc822"][:MAILS]


def _words(message: Message) -> str:
    if message.text and message.text.strip():
        return message.text[:_LENGTH]
    return html_to_text((message.html or "")[: 2 * _LENGTH])[:_LENGTH]


def _headed(text: str) -> list[str]:
    """The address in the first heading of a forwarded mail."""
    lines = text.split("\n")[:LINES]
    for at, line in enumerate(lines):
        if len(line) > 600:
            continue
        if _WROTE.match(line.strip()) and (named := _ADDRESS.findall(line)):
            return named[-1:]
        heading = _FROM.match(line)
        near = lines[max(0, at - 3) : at] + lines[at + 1 : at + _HEAD_LINES]
        if heading is None or sum(1 for one in near if len(one) < 600 and _FIELD.match(one)) < 2:
            continue  # "De : la part de Marie" in a letter is no heading
        linked = _MAILTO.search(heading[1])
        boxes = (linked[1],) if linked else tuple(box.address for box in mailboxes(heading[1])[:1])
        return list(boxes)
    return []
