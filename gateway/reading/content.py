"""What one mail asks for, read to the last line of its list: the work of the reading process.

In: the raw mail and a request: the gateway's own domains, the clock, the account's zone, legal name and address, limits.
Out: JSON-ready dictionaries: one summary (headers, options, what is wrong, links, domains, previews), then the lines of the
list in chunks. Nothing is decided about the account here. Raises nothing on any mail that parsers can read.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

from gateway.findings import gather
from gateway.intake import carriage, personal
from gateway.intake.choices import read_config
from gateway.letters import previews
from gateway.reading import pieces
from gateway.reading.answers_read import corrected
from mail.template import Compiled
from parsers import elsewhere, mime
from parsers import liste as lists
from parsers.address import key
from parsers.autoreply import automatic
from parsers.elsewhere import Where
from parsers.headers import read_fields
from parsers.liste import Line, Liste, Unreadable
from parsers.mime import Message
from parsers.sheet import Limits, UnreadableReason
from parsers.submission import Submission, split

CHUNK_LINES = 2_000  # also the rows of one transaction: each costs a sync of the disk
CHUNK_CHARACTERS = 3_000_000
_DOMAINS = 200_000
_HINTS = 20
_OTHERS = 20
BAD_LINK = "bad_link"
_SHEETS = (".xls", ".xlsx", ".xlsm", ".ods", ".csv", ".tsv", ".txt")  # what may be a list under another name

Answer = dict[str, Any]


def read(raw: bytes, request: Answer) -> Iterator[Answer]:
    """Yield the summary of a mail, then its lines; a mail that cannot become a campaign has no lines."""
    message = mime.read(raw)
    submission = split(message)
    if "reply" in request:
        submission = corrected(submission, request["reply"])
    summary = _headers(raw, message, submission, request["domain"])
    del raw  # like the attachment below: with a list of a million lines they are 70 MB beside its lines
    liste, refusal = _liste(message, submission, request)
    message, submission = replace(message, attachments=()), replace(submission, lists=())
    if answers_us(message, request["domain"]):  # it quotes our letter, whose links decide: nobody may get that
        liste, refusal = None, {"code": "is_reply"}
    choices = read_config(submission, message, request)
    summary |= {"choices": choices.as_json(), "held": [*_held(submission), *choices.held], "refused": refusal}
    if liste is None:
        yield summary
        return
    own = personal.check(liste, submission.attachments)
    way = carriage.choose(choices.attachments, submission.attachments, liste, own, request)
    compiled, problems = previews.compiled(message, submission, liste, choices, request, way.links)
    named = {"columns": ", ".join(liste.columns)[:500]}
    summary["held"] += [
        *own.held,
        *way.held,
        *(one | named if one["code"] == "unknown_column" else one for one in problems),
    ]
    # a mail whose documents are not all there has no preview
    samples = [] if own.held else previews.samples(compiled, liste)
    domains = gather.domains_of(liste)
    summary |= gather.gathered(message, submission, liste, choices, way, domains)
    if request.get("specimen"):
        summary["specimen"] = gather.specimen(None if own.held else compiled, liste)
    linked = submission.attachments if way.links else ()
    summary |= _about(liste, compiled, samples, domains) | _documents(liste, own) | {"carriage": way.as_json()}
    yield summary | pieces.announced(choices.locale, linked)
    yield from pieces.pieces(linked)
    yield from _chunks(liste, compiled)


def _headers(raw: bytes, message: Message, submission: Submission, domain: str) -> Answer:
    body = raw[read_fields(raw)[1] :]
    sender = message.sender
    address = sender.address if sender else ""
    # without Message-ID the Date tells two mails of the same content apart
    named = message.message_id or message.header("date")
    parts = "\0".join((address.casefold(), named)).encode("utf-8", "replace")
    others = [box.address for box in (*message.to, *message.cc) if not box.address.lower().endswith(f"@{domain}")]
    return {
        "kind": "summary",
        "subject": message.subject,
        "from_name": sender.name if sender else "",
        "from_address": address,
        "reply_to": message.reply_to[0].address if message.reply_to else "",
        "message_id": message.message_id,
        "message_key": hashlib.sha256(parts + b"\0" + body).hexdigest(),
        "date": message.date,
        "automatic": automatic(message.fields, address, by_subject=not submission.lists) is not None,
        "others": others[:_OTHERS],
        "notices": [notice.value for notice in submission.notices],
        "attachments": [part.filename for part in submission.attachments],
    }


def answers_us(message: Message, domain: str) -> bool:
    """Whether a mail to mail@ replies to (or forwards) one of our own letters."""
    named = f"{message.header('in-reply-to')} {message.header('references')}".lower()
    return f"@{domain}>" in named


def _liste(message: Message, submission: Submission, request: Answer) -> tuple[Liste | None, Answer | None]:
    """The list, or why there is no campaign at all (SPEC 1 and 2)."""
    names = [part.filename for part in submission.lists]
    if len(names) > 1:
        return None, {"code": "two_lists", "files": names[:_OTHERS]}
    if not names:
        place = elsewhere.find(message)
        if place is not None:
            return None, {"code": f"list_{place.where}", "files": [place.name]}
        named = [part.filename for part in submission.attachments if part.filename.lower().endswith(_SHEETS)]
        return None, {"code": "list_misnamed", "files": named[:3]} if named else {"code": "no_list"}
    limits = Limits(lines=request["max_lines"])
    found = lists.read(submission.lists[0].data, own_domains=frozenset(request["own_domains"]), limits=limits)
    if isinstance(found, Unreadable):
        place = elsewhere.find(message) if found.reason is UnreadableReason.EMPTY else None
        if place is not None and place.where is Where.LINKED:  # Outlook attaches a shared file as an empty one
            return None, {"code": "list_linked", "files": [place.name]}
        return None, {"code": "unreadable", "reason": found.reason.value, "detail": found.detail, "files": names}
    return found, None


def _held(submission: Submission) -> list[Answer]:
    return [{"code": held.reason.value, "text": held.filename} for held in submission.held]


def _about(liste: Liste, compiled: Compiled | None, samples: list[Answer], domains: Counter[str]) -> Answer:
    hints = [[line.label, line.address, line.hint] for line in liste.lines.hinted()]
    links = compiled.links if compiled else ()
    return {
        "columns": liste.columns,
        "address_column": liste.address_column,
        "lines": len(liste.lines),
        "has_suivi": liste.suivi_column is not None,
        "domains": [domain for domain, _ in domains.most_common(_DOMAINS)],
        "hints": hints[:_HINTS],
        "hint_count": len(hints),
        "links": [
            {"index": one.index, "part": one.part, "target": one.target, "merged": one.merged, "label": one.label}
            for one in links
        ],
        "samples": samples,
    }


def _documents(liste: Liste, own: personal.Personal) -> Answer:
    """Each person's own files: the column, and how many get none."""
    if liste.pj_column is None:
        return {}
    return {"documents": liste.pj_column, "without_file": own.without}


def _chunks(liste: Liste, compiled: Compiled | None) -> Iterator[Answer]:
    lines: list[Answer] = []
    characters = 0
    for line in liste.lines:
        lines.append(_line(line, liste.suivi_column, compiled))
        characters += sum(map(len, chain(line.values, (line.address, line.name))))
        if len(lines) == CHUNK_LINES or characters > CHUNK_CHARACTERS:
            yield {"kind": "lines", "lines": lines}
            lines, characters = [], 0
    if lines:
        yield {"kind": "lines", "lines": lines}


def _line(line: Line, suivi: int | None, compiled: Compiled | None) -> Answer:
    fault, detail = (line.fault.value, line.detail) if line.fault else ("", "")
    if not fault and compiled is not None and (target := compiled.line_faults(line.values)) is not None:
        fault, detail = BAD_LINK, target[:200]
    return {
        "number": line.number,
        "part": line.part,
        "address": line.address[:320],
        "key": "" if fault else key(line.address),
        "name": line.name,
        "values": line.values,
        "fault": fault,
        "detail": detail,
        "suivi": line.values[suivi] if suivi is not None else "",
    }
