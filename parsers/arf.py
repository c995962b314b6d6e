"""Complaints that mailbox providers send back, and the tokens inside them.

In: the raw bytes of any mail: ARF (RFC 5965), Microsoft's JMRP form, Amazon's notifications. Out: a `Complaint`, or None for
a mail that is none. Whether it may act is decided by the caller: only a token of ours, found in the returned mail, is worth
anything. Raises nothing; at most 2 MB are read.
"""

from __future__ import annotations

import email
import quopri
import re
from base64 import b64decode
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
_JMRP_FROM, _JMRP_SUBJECT = (
    re.compile(r"@(?:hotmail|outlook|live)\.com\b"),
    re.compile(r"complaint about message from "),
)
_KIND = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]{0,60})")
_FIELDS = 8_000  # characters of a part in which the fields of a report stand
_RETURNED = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global")


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


def _tokens(message: Message, raw: bytes) -> tuple[str, ...]:
    """The tokens of a report, in what is written in base64 too."""
    coded = [part for part in message.walk() if str(part["Content-Transfer-Encoding"]).strip().lower() == "base64"]
    found = [*tokens_in(raw), *(one for part in coded[:MAX_TOKENS] for one in tokens_in(_plain(part).encode()))]
    return tuple(dict.fromkeys(found))[:MAX_TOKENS]


def _standard(message: Message, raw: bytes) -> Complaint | None:
    """RFC 5965, also where the report is nested, encoded, or in a part of another type."""
    if message.get_content_type() == "multipart/report" and message.get_param("report-type") == "delivery-status":
        return None
    parts = list(message.walk())
    at, fields = next(((at, found) for at, part in enumerate(parts) if (found := _report(part)) is not None), (0, None))
    named = _KIND.match(str(fields["Feedback-Type"])) if fields is not None else None
    if fields is None or named is None:
        return None
    recipient = _address(fields.get("Original-Rcpt-To") or fields.get("Removal-Recipient"))
    return Complaint(recipient or _address(_returned(parts[at:]).get("To")), named[1].lower(), _tokens(message, raw))


def _report(part: Message) -> Message | None:
    """The fields of a report; a part of another type must look like one at its beginning."""
    if part.get_content_type() == "message/feedback-report":
        fields = email.message_from_string(_plain(part))
        return fields if fields["Feedback-Type"] else None
    if part.get_content_type() not in ("text/plain", "application/octet-stream", "message/delivery-status"):
        return None
    fields = email.message_from_string(_plain(part).lstrip()[:_FIELDS])
    return fields if fields["Feedback-Type"] and (fields["Version"] or fields["User-Agent"]) else None


def _plain(part: Message) -> str:
    """The text of a part: of a message type too, whose content the standard library has already taken for a mail."""
    payload = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        return payload.decode("utf-8", "replace")
    inner = part.get_payload()
    if not isinstance(inner, list) or not inner or not isinstance(inner[0], Message):
        return str(inner)
    text = str(inner[0])
    encoding = str(part["Content-Transfer-Encoding"] or "").strip().lower()
    if encoding == "quoted-printable":
        return quopri.decodestring(text.encode("utf-8", "replace")).decode("utf-8", "replace")
    if encoding == "base64":
        return b64decode(re.sub(r"[^A-Za-z0-9+/]", "", text) + "==").decode("utf-8", "replace")
    return text


def _microsoft(message: Message, raw: bytes) -> Complaint | None:
    returned = _returned(list(message.walk()))
    recipient = _address(returned.get(_JMRP) or message.get(_JMRP))
    if not recipient and _JMRP_SUBJECT.match(str(message["Subject"])) and _JMRP_FROM.search(str(message["From"])):
        recipient = _address(returned.get("To"))
    return Complaint(recipient, "abuse", _tokens(message, raw)) if recipient else None


def _amazon(message: Message, raw: bytes) -> Complaint | None:
    payload = message.get_payload(decode=True) if message.get_content_type() == "text/plain" else None
    recipient, kind = (
        complained(payload[:100_000].decode("utf-8", "replace")) if isinstance(payload, bytes) else ("", "")
    )
    return Complaint(recipient, kind, _tokens(message, raw)) if recipient else None


def _returned(parts: list[Message]) -> Message:
    """The mail that was complained of, or an empty one."""
    for part in parts:
        if part.get_content_type() in _RETURNED:
            return email.message_from_string(_plain(part).lstrip())
    return Message()


def _address(value: object) -> str:
    found = parseaddr(str(value or ""))[1].strip("<>")[:320]
    return found if "@" in found else ""  # "Undisclosed Recipients"
