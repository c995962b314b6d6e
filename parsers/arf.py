"""Complaints that mailbox providers send back, and the tokens inside them.

In: the raw bytes of any mail: ARF (RFC 5965), Microsoft's JMRP form, Amazon's notifications. Out: a `Complaint`, or None for
a mail that is none. Whether it may act is decided by the caller: only a token of ours, found in the returned mail, is worth
anything. Raises nothing; at most 2 MB are read.
"""

from __future__ import annotations

import email
import re
from dataclasses import dataclass
from email.message import Message
from email.utils import parseaddr

from parsers.bounce_sns import complained
from parsers.tokens import LENGTH

MAX_BYTES = 2_000_000
MAX_TOKENS = 50
_DELIMITERS_MAX, _NESTED_MAX = 2_000, 60
_TOKEN = re.compile(rf"(?<![a-z0-9])[a-z2-7]{{{LENGTH}}}(?![a-z0-9])")
_JMRP = "x-hmxmroriginalrecipient"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a provider reports: who complained ("" when hidden), the feedback type, and what may be tokens of ours."""

    recipient: str
    type: str
    tokens: tuple[str, ...]


def read(raw: bytes) -> Complaint | None:
    """Return the complaint in a mail, or None."""
    if raw.count(b"\n--", 0, MAX_BYTES) > _DELIMITERS_MAX or raw.count(b"boundary", 0, MAX_BYTES) > _NESTED_MAX:
        return None  # no report has so many parts, and the standard library takes long over each
    try:
        message = email.message_from_bytes(raw[:MAX_BYTES])
        return _standard(message, raw) or _microsoft(message, raw) or _amazon(message, raw)
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return None  # the standard library trips over some broken mails


def tokens_in(raw: bytes) -> tuple[str, ...]:
    """Everything in a mail that has the form of a token, whatever transfer encoding cut it (RFC 2045 section 6.7)."""
    text = raw[:MAX_BYTES].decode("latin-1").replace("=\r\n", "").replace("=\n", "").lower()
    return tuple(dict.fromkeys(_TOKEN.findall(text)))[:MAX_TOKENS]


def _standard(message: Message, raw: bytes) -> Complaint | None:
    part = next((one for one in message.walk() if one.get_content_type() == "message/feedback-report"), None)
    if part is None or message.get_content_type() != "multipart/report":
        return None
    fields = _fields(part)
    kind = str(fields.get("Feedback-Type", "")).strip().lower()
    if not kind:
        return None
    recipient = _address(fields.get("Original-Rcpt-To") or fields.get("Removal-Recipient"))
    return Complaint(recipient or _address(_returned(message).get("To")), kind, tokens_in(raw))


def _microsoft(message: Message, raw: bytes) -> Complaint | None:
    returned = _returned(message)
    recipient = _address(returned.get(_JMRP) or message.get(_JMRP))
    return Complaint(recipient, "abuse", tokens_in(raw)) if recipient else None


def _amazon(message: Message, raw: bytes) -> Complaint | None:
    payload = message.get_payload(decode=True) if message.get_content_type() == "text/plain" else None
    recipient, kind = (
        complained(payload[:100_000].decode("utf-8", "replace")) if isinstance(payload, bytes) else ("", "")
    )
    return Complaint(recipient, kind, tokens_in(raw)) if recipient else None


def _fields(part: Message) -> Message:
    payload = part.get_payload()
    if isinstance(payload, list) and payload:
        inner = payload[0]
        if isinstance(inner, Message):
            return inner if inner.keys() else email.message_from_string(str(inner.get_payload()))
    return email.message_from_string(str(payload))


def _returned(message: Message) -> Message:
    """The mail that was complained of, or an empty one."""
    for part in message.walk():
        payload = part.get_payload()
        inner = payload[0] if isinstance(payload, list) and payload else None
        if part.get_content_type() == "message/rfc822" and isinstance(inner, Message):
            return inner
        if part.get_content_type() == "text/rfc822-headers":
            return email.message_from_string(str(payload))
    return Message()


def _address(value: object) -> str:
    found = parseaddr(str(value or ""))[1].strip("<>")[:320]
    return found if "@" in found else ""  # "Undisclosed Recipients"
