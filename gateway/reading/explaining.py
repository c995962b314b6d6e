"""What the gateway would make of a file: the work behind `mail2campaign explain`, done in the reading process.

In: the bytes of a mail, a list or a Config file, and its name. Out: one JSON-ready dictionary (SPEC 10): `kind` is campaign,
list, config, bounce, complaint, autoreply, stop, mail or refused. Kind is told by content; a text is Config only when its
stem says so. Nothing is stored, sent or looked up. Raises nothing on any bytes that the parsers can read.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from typing import Any

from gateway.findings import gather
from gateway.intake import carriage, personal
from gateway.intake.choices import read_config
from gateway.letters import previews
from parsers import arf, dsn, mbox, mime, said, stopwords
from parsers import liste as lists
from parsers.autoreply import absence_note, automatic
from parsers.headers import first, read_fields
from parsers.liste import Liste, Unreadable
from parsers.mime import Message
from parsers.names import is_config
from parsers.parts import Part
from parsers.submission import Submission, split

Answer = dict[str, Any]
FAULTS = 100_000
_FIELD = re.compile(rb"[!-9;-~]{1,76}[ \t]*:")
_ENVELOPE = re.compile(rb">?From [^\r\n]{0,1000}\r?\n")  # the line that an mbox puts before a mail
_MAIL_FIELDS = frozenset(
    {
        *("from", "to", "subject", "date", "message-id", "received", "return-path", "mime-version", "content-type"),
        *("delivered-to", "reply-to", "sender", "x-mailer", "delivery-date", "x-original-to", "dkim-signature"),
    }
)
# A winmail.dat by itself is the mail that Outlook put into it ([MS-OXTNEF] 2.1.2).
_TNEF = b"\x78\x9f\x3e\x22"
_WINMAIL = b"Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: base64\r\n\r\n"
_SHEET = (b"\xd0\xcf\x11\xe0", b"PK\x03\x04", b"\x09\x08", b"\x09\x00", b"\x09\x02", b"\x09\x04")


def explain(data: bytes, name: str, request: Answer) -> Answer:
    """Tell what a file is and what would become of it."""
    if is_config(name):
        return _config(data, name, request)
    if data.startswith(_TNEF):
        data = _WINMAIL + b64encode(data)
    if looks_like_mail(data):
        return _mails(mbox.mails(data), request)
    return _list(data)


def looks_like_mail(data: bytes) -> bool:
    """True when the bytes begin with header fields of a mail, among them one that mails are known by."""
    if data.startswith(_SHEET) or b"\0" in data[:512]:
        return False
    head = _without_envelope(data.lstrip(b"\xef\xbb\xbf\r\n \t"))[:65_536]
    names: list[str] = []
    for line in re.split(rb"\r\n|\n|\r", head):
        if line[:1] in (b" ", b"\t") and names:
            continue
        if not _FIELD.match(line):
            break
        names.append(line.partition(b":")[0].strip().lower().decode("ascii"))
    return bool(_MAIL_FIELDS.intersection(names))


def _without_envelope(data: bytes) -> bytes:
    found = _ENVELOPE.match(data)
    return data[found.end() :] if found else data


def _mails(raws: tuple[bytes, ...], request: Answer) -> Answer:
    """One mail, or a box of several: what its bounces report, under the name of the first, where most are; else its first."""
    if len(raws) > 1:
        returned = [(raw, reports) for raw in raws if (reports := dsn.examine(raw))]
        if 2 * len(returned) >= len(raws):
            results = [_report(report) for _, reports in returned for report in reports if report.recipient]
            return {"kind": "bounce"} | _about(mime.read(returned[0][0])) | {"results": results}
    return _mail(raws[0], request)


def _mail(raw: bytes, request: Answer) -> Answer:
    """A mail that comes back, one that a machine wrote, or one of a person."""
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")  # line ends of old Macs
    complaint = arf.read(raw)
    if complaint is not None:
        return {"kind": "complaint", "results": [{"recipient": complaint.recipient, "type": complaint.type}]}
    message = mime.read(raw)
    reports = dsn.examine(raw)
    if reports is not None:
        named = [_report(report) for report in reports if report.recipient]
        return {"kind": "bounce"} | _about(message) | {"results": named}
    submission = split(message)
    if submission.lists:
        return _campaign(message, submission, request)
    fields, _ = read_fields(raw)
    if automatic(fields, first(fields, "return-path").strip() or "unknown@invalid") is not None:
        return {"kind": "autoreply"} | _about(message)
    if stopwords.asks_to_stop(message.subject, message.text, message.html):
        return {"kind": "stop"} | _about(message)
    if absence_note(said.read(message.text, message.html).words):
        return {"kind": "autoreply"} | _about(message)
    return {"kind": "mail"} | _about(message) | {"held": _reasons(submission)}


def _report(report: dsn.Report) -> Answer:
    return {
        "recipient": report.recipient,
        "status": report.status,
        "severity": report.severity.value,
        "reply": report.reply,
    }


def _about(message: Message) -> Answer:
    return {
        "subject": message.subject,
        "from": message.sender.address if message.sender else "",
        # pictures inside the text too: what the mail carries under a name, whatever a client shows of it
        "attachments": [part.filename for part in (*message.related, *message.attachments) if part.filename],
    }


def _campaign(message: Message, submission: Submission, request: Answer) -> Answer:
    """What intake would read of a campaign's mail."""
    answer = {"kind": "campaign"} | _about(message)
    choices = read_config(submission, message, request)
    held = _reasons(submission) + [str(reason["code"]) for reason in choices.held]
    if len(submission.lists) != 1:
        return answer | {"list": None, "config": _choices(submission, choices.as_json()), "held": [*held, "two_lists"]}
    found = _read_list(submission.lists[0].data)
    if isinstance(found, Liste):
        own = personal.check(found, submission.attachments)
        way = carriage.choose(choices.attachments, submission.attachments, found, own, request)
        _, problems = previews.compiled(message, submission, found, choices, request, way.links)
        held += [str(problem["code"]) for problem in (*own.held, *way.held, *problems)]
        if not found.lines.good:
            held.append("no_recipient")
        domains = gather.domains_of(found)
        answer["advice"] = gather.gathered(message, submission, found, choices, way, domains)["findings"]
    else:
        held.append("unreadable")
    return answer | {
        "list": _list(submission.lists[0].data),
        "config": _choices(submission, choices.as_json()),
        "held": list(dict.fromkeys(held)),
    }


def _choices(submission: Submission, choices: Answer) -> Answer | None:
    return choices if submission.configs else None


def _reasons(submission: Submission) -> list[str]:
    return [f"{held.reason.value}: {held.filename}" if held.filename else held.reason.value for held in submission.held]


def _config(data: bytes, name: str, request: Answer) -> Answer:
    """A Config file by itself: what it sets, and what in it would hold a campaign."""
    part = Part(name, "application/octet-stream", "", data)
    message = mime.read(b"")
    submission = replace(split(message), configs=(part,), held=())
    choices = read_config(submission, message, request)
    return {"kind": "config", "config": choices.as_json(), "held": [dict(reason) for reason in choices.held]}


def _read_list(data: bytes) -> Liste | Unreadable:
    return lists.read(data, strict=False)


def _list(data: bytes) -> Answer:
    """A list by itself; a sheet or text that can be read is always a list, also without an address."""
    found = _read_list(data)
    if isinstance(found, Unreadable):
        return {"kind": "refused", "reason": f"{found.reason.value}: {found.detail}".rstrip(": ")}
    faults = [{"line": line.label, "fault": line.fault.value} for line in found.lines if line.fault is not None]
    return {
        "kind": "list",
        "table": lists.table(data),
        "columns": list(found.columns),
        "lines": len(found.lines),
        "recipients": found.lines.good,
        "faults": faults[:FAULTS],
    }
