"""System mails: acknowledgements and answers to users (RFC 3834), made one at a time with the standard library.

In: who, subject, text, HTML, files, what is answered. Out: the bytes of a whole mail with CRLF, DKIM-signed by dkimpy itself
(our own signer serves the campaigns: two makers, so that a fault of one never silences the other). Raises ValueError only
for a key that dkimpy refuses; what comes from strangers (subjects, names) can make no header field. Logs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from mail.dkim import Signer, sign_with_dkimpy
from mail.fieldlines import FOLD, clean

_SIGNED = (
    "From", "To", "Subject", "Date", "Message-ID", "Reply-To", "In-Reply-To", "References", "Auto-Submitted",
    "MIME-Version", "Content-Type",
)  # fmt: skip
_ID = re.compile(r"<[!-;=?-~]{1,900}>").fullmatch
_POLICY = SMTP.clone(max_line_length=76, cte_type="7bit")


@dataclass(frozen=True, slots=True)
class File:
    """A file attached to a system mail."""

    filename: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Correspondent:
    """A name ("" for none) and an address."""

    name: str
    address: str


def build(
    to: Correspondent,
    from_: Correspondent,
    subject: str,
    text: str,
    html: str | None,
    attachments: tuple[File, ...],
    in_reply_to: str,
    references: str,
    reply_to: str,
    now: int,
    message_id: str,
    signer: Signer | None,
) -> bytes:
    """Return a signed system mail; `now` in milliseconds, `message_id` with its angle brackets ("" makes one)."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = _mailbox(from_)
    message["To"] = _mailbox(to)
    message["Subject"] = _line(subject)
    message["Date"] = format_datetime(datetime.fromtimestamp(now // 1000, UTC))
    message["Message-ID"] = _line(message_id) or make_msgid(domain=from_.address.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-replied"  # RFC 3834 section 5: no vacation note ever answers it
    if reply_to:
        message["Reply-To"] = _line(reply_to)
    message.set_content(_sound(text), cte="quoted-printable")
    if html is not None:
        message.add_alternative(_sound(html), subtype="html", cte="quoted-printable")
    for file in attachments:
        if file.content_type == "message/rfc822":
            _attach_message(message, file)
            continue
        kind, _, sub = (file.content_type if "/" in file.content_type else "application/octet-stream").partition("/")
        message.add_attachment(file.data, kind, sub, filename=_sound(_line(file.filename)))
    answered = [("In-Reply-To", _ids(in_reply_to)), ("References", _ids(f"{references} {in_reply_to}"))]
    thread = [(name, ids) for name, ids in answered if ids]
    # the library would write ids of more than a line (Exchange's are) as encoded words, which breaks the thread
    raw = b"".join(f"{name}: {ids}\r\n".encode() for name, ids in thread) + message.as_bytes()
    there = {*(name for name, _ in thread), *message.keys()}
    return raw if signer is None else sign_with_dkimpy(raw, signer, tuple(one for one in _SIGNED if one in there))


def _attach_message(message: EmailMessage, file: File) -> None:
    """Attach a mail as it is: RFC 2046 5.2.1 allows it no encoding, so it must be ASCII and end its lines by CRLF."""
    part = EmailMessage(policy=_POLICY)
    part["Content-Type"] = "message/rfc822"
    part["Content-Transfer-Encoding"] = "7bit"
    part.add_header("Content-Disposition", "attachment", filename=_sound(_line(file.filename)))
    part.set_payload(file.data.decode("ascii", "replace"))
    if message.get_content_type() != "multipart/mixed":
        message.make_mixed()
    message.attach(part)


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()  # no lone surrogates


def _line(text: str) -> str:
    return " ".join(clean(text).split())


def _ids(text: str) -> str:
    """Return the last message ids of a field, one a line: a thread may be longer than a header should be."""
    return FOLD.join([one for one in _line(text).split(" ") if _ID(one)][-20:])


def _mailbox(who: Correspondent) -> Address | str:
    local, _, domain = who.address.rpartition("@")
    try:
        return Address(display_name=_line(who.name), username=local, domain=domain)
    except (ValueError, IndexError):
        return _line(who.address)
