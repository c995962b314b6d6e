"""What comes back: bounces, complaints and STOP mails become events of their recipients.

In: the envelope of a mail whose address (bounce+TOKEN, stop+TOKEN) or content (fbl@) names a recipient by a token that we
signed, and the facts that the reading process found in it. Out: the change to write, or None for a mail that changes
nothing: delayed, delivered or absence notes, an unknown token. `settle` also logs it (bounce_read, complaint_read,
stop_read, mail_ignored). Raises nothing of its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from config.logging import log
from parsers import arf, dsn
from parsers.autoreply import Automatic, automatic
from parsers.classify import ReplyClass
from parsers.headers import read_fields
from parsers.tokens import Keyring, Purpose, verify
from store.spool import Envelope
from store.states import Event
from store.values import Change

INSIDE = (Purpose.FEEDBACK, Purpose.BOUNCE, Purpose.STOP, Purpose.UNSUBSCRIBE, Purpose.MESSAGE_ID, Purpose.OPEN)
_COMPLAINTS = ("abuse", "fraud", "virus", "other")
_WRONG_ADDRESS = (ReplyClass.UNKNOWN_USER, ReplyClass.NO_MAIL, ReplyClass.MOVED)


@dataclass(frozen=True, slots=True)
class Returned:
    """What a returned mail means: a change to apply, and the line to log."""

    change: Change
    event: Literal["bounce_read", "complaint_read", "stop_read"]
    detail: dict[str, object]


def facts(raw: bytes) -> dict[str, Any]:
    """What a returned mail says, as JSON; runs in the reading process, for strangers wrote it."""
    fields, _ = read_fields(raw)
    complaint = arf.read(raw)
    return {
        "kind": "return",
        "complaint": {"type": complaint.type, "tokens": complaint.tokens} if complaint else None,
        # a warning that the server will try again changes nothing, whatever it names as the reason
        "reports": [
            asdict(report) for report in dsn.read(raw) if report.final and report.severity is not dsn.Severity.NONE
        ],
        "automatic": automatic(fields, "a@b") in (Automatic.AUTO_SUBMITTED, Automatic.REPORT),
    }


def settle(keyring: Keyring, ref: str, envelope: Envelope, found: dict[str, Any]) -> Change | None:
    """Log what one returned mail said; None when nothing follows from it."""
    returned = read(keyring, envelope, found)
    if returned is None:
        log("mail_ignored", ref=ref, kind=envelope.kind, peer=envelope.peer)
        return None
    _log(returned)
    return returned.change


def _log(returned: Returned) -> None:
    recipient, detail = returned.change.recipient_id, returned.detail
    match returned.event:
        case "bounce_read":
            log("bounce_read", recipient=recipient, status=detail["status"], source=detail["source"])
        case "complaint_read":
            log("complaint_read", recipient=recipient, type=detail["type"])
        case "stop_read":
            log("stop_read", recipient=recipient, way=detail["way"])


def read(keyring: Keyring, envelope: Envelope, found: dict[str, Any]) -> Returned | None:
    """Tell what one mail of kind bounce, stop or fbl means."""
    if envelope.kind == "fbl":
        return _complaint(keyring, envelope, found)
    if envelope.token is None:
        return None
    if envelope.kind == "stop":
        return _stop(envelope, envelope.token, found)
    return _bounce(envelope, envelope.token, found)


def _bounce(envelope: Envelope, recipient: int, found: dict[str, Any]) -> Returned | None:
    """A report on the one recipient whose token the address bears (VERP: the token is the truth, not the text)."""
    if found["complaint"] is not None:
        return _complained(envelope, recipient, found["complaint"]["type"])
    reports = found["reports"]
    if not reports:
        return None
    worst = next((one for one in reports if one["severity"] == dsn.Severity.HARD), reports[0])
    hard = worst["severity"] == dsn.Severity.HARD
    status, reply_class = worst["status"], worst["reply_class"]
    detail = {"reply": worst["reply"][:2_000], "status": status, "source": "dsn", "class": reply_class}
    change = Change(
        recipient,
        Event.REPORT_HARD if hard else Event.REPORT_SOFT,
        envelope.received_at,
        detail=detail,
        suppress="hard_bounce" if hard and reply_class in _WRONG_ADDRESS else "",
    )
    return Returned(change, "bounce_read", {"status": status, "source": "dsn"})


def _stop(envelope: Envelope, recipient: int, found: dict[str, Any]) -> Returned | None:
    # a bounce or an absence note that a STOP address got is nobody's wish to leave
    if not envelope.mail_from or found["automatic"]:
        return None
    change = Change(recipient, Event.UNSUBSCRIBE, envelope.received_at, detail={"why": "mailto"})
    return Returned(change, "stop_read", {"way": "mailto"})


def _complaint(keyring: Keyring, envelope: Envelope, found: dict[str, Any]) -> Returned | None:
    complaint = found["complaint"]
    for text in complaint["tokens"] if complaint else ():
        for purpose in INSIDE:
            if (number := verify(keyring, purpose, text)) is not None:
                return _complained(envelope, number[0], complaint["type"])
    return None


def _complained(envelope: Envelope, recipient: int, kind: str) -> Returned | None:
    if kind in ("opt-out", "opt-out-list"):
        change = Change(recipient, Event.UNSUBSCRIBE, envelope.received_at, detail={"why": "opt-out", "source": "arf"})
        return Returned(change, "stop_read", {"way": "arf"})
    if kind not in _COMPLAINTS:
        return None  # not-spam, auth-failure, dmarc: about us, not from the recipient
    change = Change(recipient, Event.COMPLAIN, envelope.received_at, detail={"why": kind, "source": "arf"})
    return Returned(change, "complaint_read", {"type": kind})
