"""Delivery reports: which recipient a bounce speaks of, what the server said, and how bad that is.

In: the raw bytes of any mail. Out: a tuple of `Report`s, empty for a bounce that names nobody; None for a mail that is no
bounce: absence notes and changes of address, however their senders are called, and mails of people. Fields of RFC 3464 are
read first, then the words of the many programs that wrote none, then a bounce inside the bounce. Raises nothing, whatever the
bytes; at most 2 MB are read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from parsers import bounce_fields, bounce_gate, bounce_text
from parsers.bounce_judge import STATUS, Severity, judge, own_reply, severity
from parsers.bounce_notice import Notice
from parsers.bounce_notice import read as read_notice
from parsers.bounce_sns import bounced
from parsers.classify import ReplyClass

__all__ = ["Report", "Severity", "examine", "read"]
MAX_REPORTS = 100
_KEPT = 2_000
_ARRIVED = ("delivered", "relayed", "expanded", "deliverable")


@dataclass(frozen=True, slots=True)
class Report:
    """What a mail says of one recipient; `reply` is the remote server's text, `status` RFC 3463 or "" when unstated.

    `final` is False where the server only warns that it will try again: the reason is told, nothing has come of it yet.
    """

    recipient: str
    status: str
    severity: Severity
    reply: str
    reply_class: ReplyClass
    final: bool = True


def read(raw: bytes) -> tuple[Report, ...]:
    """Return every report of a mail, one a recipient."""
    return examine(raw) or ()


def examine(raw: bytes) -> tuple[Report, ...] | None:
    """Return the reports of a bounce, one a recipient ("" when it names nobody), or None for a mail that is none."""
    return _examine(raw, nested=False)


def _examine(raw: bytes, nested: bool) -> tuple[Report, ...] | None:
    notice = read_notice(raw)
    if told := bounced(notice.text):
        return tuple(
            _report(one.recipient, one.status, one.action, one.reply, (one.reply,)) for one in told[:MAX_REPORTS]
        )
    if not bounce_gate.is_bounce(notice):
        # a person forwards, as an attachment, what a server returned
        inner = _examine(notice.inner, nested=True) if not nested and bounce_gate.is_forward(notice) else None
        return inner if inner and inner[0].recipient else None
    fields = bounce_fields.stated(notice)[:MAX_REPORTS]
    if fields:
        return tuple(_of_fields(notice, one, len(fields) == 1) for one in fields)
    names = bounce_text.named(notice)[:MAX_REPORTS]
    if not nested and not any(one.certain for one in names):
        inner = _examine(notice.inner, nested=True)
        if inner and inner[0].recipient:
            return inner
    action = "relayed" if bounce_gate.is_arrival(notice) else "delayed" if bounce_gate.is_delay(notice) else ""
    if not names:
        return (_report("", _status(notice.text), action, _squeezed(notice.text), (), notice.text),)
    return tuple(_of_words(notice, one, action, len(names) == 1) for one in names)


def _of_fields(notice: Notice, one: bounce_fields.Stated, alone: bool) -> Report:
    near = _near(notice.text, one.recipient)
    reply = one.diagnostic or one.comment or _squeezed(near)
    status = _finest(one.status, one.diagnostic)
    whole = notice.text if alone else ""
    return _report(one.recipient, status, one.action, reply, (one.diagnostic, one.comment, near), whole)


def _of_words(notice: Notice, one: bounce_text.Named, action: str, alone: bool) -> Report:
    near = _near(notice.text, one.recipient)
    whole = notice.text if alone or not one.words.strip() else ""
    status = _status(one.words) or _status(near) or _status(whole)
    reply = _squeezed(one.words) or _squeezed(near) or _squeezed(whole)
    return _report(one.recipient, status, action, reply, (one.words, near), whole)


def _report(recipient: str, status: str, action: str, reply: str, texts: tuple[str, ...], whole: str = "") -> Report:
    if action in _ARRIVED or status.startswith("2"):
        return Report(recipient, status, Severity.NONE, reply[:_KEPT], ReplyClass.TEMPORARY)
    reply_class = judge(status, texts, whole)
    return Report(recipient, status, severity(reply_class), reply[:_KEPT], reply_class, action != "delayed")


def _finest(status: str, diagnostic: str) -> str:
    """The status that the server's own reply states, which is closer to the cause than the field."""
    found = _status(own_reply(diagnostic)) or _status(diagnostic)
    return found if found and not found.endswith(".0.0") else status or found


def _status(text: str) -> str:
    found = STATUS.search(text)
    return found[1] if found else ""


def _near(text: str, recipient: str) -> str:
    """The lines that name a recipient, and what follows the first of them."""
    if not recipient:
        return ""
    key = recipient.casefold()
    folded = text.casefold()
    at = folded.find(key)
    if at < 0 or len(folded) != len(text):
        return ""
    lines = [line for line in text.split("\n") if key in line.casefold()][:10]
    return "\n".join(lines) + "\n" + text[at + len(key) : at + len(key) + 600]


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" :<>")[:_KEPT]
