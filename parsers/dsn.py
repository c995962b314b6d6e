"""Delivery reports: which recipient a bounce speaks of, what the server said, and how bad that is.

In: the raw bytes of any mail. Out: a tuple of `Report`s, empty for a mail that reports nothing. RFC 3464 parts are read
first, then flufl.bounce finds the addresses in reports that are only text. Severity is hard only where the address or its
domain does not exist, has moved or takes no mail; policy where content, reputation, authentication or configuration was
refused; soft for everything else. Raises nothing, whatever the bytes; at most 2 MB are read.
"""

from __future__ import annotations

import email
import logging
import re
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum

from flufl.bounce import all_failures

from parsers.classify import ReplyClass, classify
from parsers.replies import Stage, make

# flufl.bounce logs a traceback for each detector that trips over a broken mail; its answer is what counts here
logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
MAX_BYTES = 2_000_000
MAX_REPORTS = 100
_KEPT = 2_000
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_CODE = re.compile(r"(?<![\d.])([45]\d\d)(?=[\s-]+(?:\S|$))")
_HARD = frozenset({ReplyClass.UNKNOWN_USER, ReplyClass.UNKNOWN_DOMAIN, ReplyClass.MOVED, ReplyClass.NO_MAIL})
_POLICY = frozenset(
    {
        ReplyClass.REPUTATION,
        ReplyClass.AUTHENTICATION,
        ReplyClass.CONFIGURATION,
        ReplyClass.POLICY,
        ReplyClass.CONTENT,
        ReplyClass.PROTOCOL,
    }
)


class Severity(StrEnum):
    """How bad a report is; `none` is no failure: delayed, delivered, relayed, expanded."""

    HARD = "hard"
    SOFT = "soft"
    POLICY = "policy"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail says of one recipient; `reply` is the remote server's text, `status` RFC 3463 or "" when unstated."""

    recipient: str
    status: str
    severity: Severity
    reply: str
    reply_class: ReplyClass


def read(raw: bytes) -> tuple[Report, ...]:
    """Return every report of a mail, one a recipient."""
    try:
        message = email.message_from_bytes(raw[:MAX_BYTES])
        return _from_status(message) or _from_text(message)
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return ()  # the standard library and flufl trip over some broken mails


def _from_status(message: Message) -> tuple[Report, ...]:
    """Read the message/delivery-status part (RFC 3464 section 2)."""
    blocks = [
        block
        for part in message.walk()
        if part.get_content_type() in ("message/delivery-status", "message/global-delivery-status")
        for block in _blocks(part)
    ]
    found: dict[str, Report] = {}
    for block in blocks[: MAX_REPORTS + 1]:
        recipient = _typed(_field(block, "Original-Recipient")) or _typed(_field(block, "Final-Recipient"))
        if recipient or _field(block, "Action"):
            found.setdefault(
                recipient.casefold(), _report(block, _typed(_field(block, "Final-Recipient")) or recipient)
            )
    return tuple(found.values())


def _blocks(part: Message) -> list[Message]:
    tree = part.get_payload()
    if isinstance(tree, list):
        return [block for block in tree if isinstance(block, Message)]
    # a status part in base64, or of the type message/global-delivery-status, is no tree for the standard library
    payload = part.get_payload(decode=True)
    text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
    return [
        email.message_from_string(block) for block in re.split(r"\r?\n\s*\r?\n", text)[:MAX_REPORTS] if block.strip()
    ]


def _field(block: Message, name: str) -> str:
    return re.sub(r"\s+", " ", str(block.get(name, ""))).strip()


def _typed(value: str) -> str:
    """The address behind `rfc822;`."""
    bare = value.rpartition(";")[2].strip().strip("<>").strip()
    return bare[:320]


def _report(block: Message, recipient: str) -> Report:
    action = _field(block, "Action").lower().partition(" ")[0]
    diagnostic = _field(block, "Diagnostic-Code")
    words = diagnostic.partition(";")[2].strip() if ";" in diagnostic[:20] else diagnostic
    status = (_STATUS.search(_field(block, "Status")) or _STATUS.search(words) or [""])[0]
    return _judged(recipient, status, words[:_KEPT], action)


def _judged(recipient: str, status: str, words: str, action: str) -> Report:
    if action in ("delayed", "delivered", "relayed", "expanded") or status.startswith("2"):
        return Report(recipient, status, Severity.NONE, words, ReplyClass.TEMPORARY)
    said = _STATUS.search(words)
    exact = status if not said or said[0].endswith(".0.0") else said[0]
    stated = _CODE.search(words)
    code = int(stated[1]) if stated else (400 if exact.startswith("4") else 550)
    # a delivery that was given up after 4xx replies is permanent now, but its reason stays what the replies said
    reply = make(code, words if _STATUS.search(words) or not exact else f"{exact} {words}")
    reply_class = classify(reply, Stage.RCPT).reply_class
    return Report(recipient, status, _severity(reply_class, code, status), words, reply_class)


def _severity(reply_class: ReplyClass, code: int, status: str) -> Severity:
    if reply_class in _HARD:
        return Severity.HARD if code >= 500 or status.startswith("5") else Severity.SOFT
    return Severity.POLICY if reply_class in _POLICY else Severity.SOFT


def _from_text(message: Message) -> tuple[Report, ...]:
    """Ask flufl.bounce for the addresses of a report that is only text, and judge the text around each."""
    temporary, permanent = all_failures(message)
    text = _visible(message)
    reports = []
    for address in sorted({*permanent, *temporary})[:MAX_REPORTS]:
        recipient = address.decode("utf-8", "replace")
        words = _around(text, recipient)
        status = (_STATUS.search(words) or [""])[0]
        delayed = "" if address in permanent else "delayed"
        reports.append(_judged(recipient, status, words, delayed))
    return tuple(reports)


def _visible(message: Message) -> str:
    """The text of the report itself: up to the returned mail."""
    for part in message.walk():
        if part.get_content_maintype() == "text":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                return payload[:50_000].decode("utf-8", "replace")
    return ""


def _around(text: str, recipient: str) -> str:
    """What is said right behind a recipient, up to the next address or blank block."""
    at = text.casefold().find(recipient.casefold())
    behind = text[at + len(recipient) if at >= 0 else 0 :][:1_200]
    said = re.split(r"\n\s*-{3,}|\n\s*\n\s*\n", behind)[0]
    return re.sub(r"\s+", " ", said).strip(" :<>")[:_KEPT]
