"""Advice on the message itself: subject, bodies, unsubscribing, files.

In: the user's mail as read, its attachments, whether it is marketing, its language. Out: findings. Pure; raises nothing.
"""

from __future__ import annotations

import re

from gateway.findings.finding import Finding, Where
from gateway.findings.page import of_page
from parsers.mime import Message
from parsers.plain import html_to_text
from parsers.submission import Submission

_SUBJECT = 70  # characters that most lists of mails show
_HEAVY = 2_000_000  # bytes of files and images a recipient
_LETTERS = 12  # capitals in a shorter subject may be a name
_REPLY = re.compile(r"\s*(?:re|rép|fwd?|tr)\s*:", re.IGNORECASE)
_MARKS = re.compile(r"[!?]{2}|[€$]{2}")
_OWN_PLACE = re.compile(r"\{\{\s*(?:d[ée]s(?:abonnement|inscription|abonner)|unsubscribe)\s*(?:\||\}\})", re.IGNORECASE)
_FOREIGN = re.compile(r"\bd[ée]s?abonn|\bd[ée]sinscri|\bunsubscrib|\bopt[ -]?out\b", re.IGNORECASE)
_EXECUTABLE = re.compile(
    r"\.(?:exe|com|scr|pif|bat|cmd|vbs?|js|jse|wsf|hta|ps1|msi|jar|lnk|iso|img|cpl|reg|docm|xlsm|pptm|one)$",
    re.IGNORECASE,
)
_ADDRESS_BOOK = re.compile(
    r"carnet d.adresses|address book|liste blanche|exp[ée]diteurs? (?:sûrs?|autoris)|safe senders?", re.I
)
_BODY = 200_000  # characters of text that are looked at


def of_message(
    message: Message, submission: Submission, marketing: bool, unsubscribe: bool, heaviest: int | None = None
) -> list[Finding]:
    """Everything that can be told from the mail alone; `heaviest`: each person gets files of their own, so many bytes."""
    found = [*of_subject(message.subject), *_bodies(message)]
    if marketing and unsubscribe:
        found += _unsubscribe(message)
    return [*found, *_files(submission, heaviest)]


def asks_for_address_book(message: Message) -> bool:
    """Whether a mail asks its readers to put the sender into their address book."""
    return bool(_ADDRESS_BOOK.search(_words(message)))


def of_subject(subject: str) -> list[Finding]:
    """What a subject does to its mail."""
    if not subject.strip():
        return [Finding("subject_empty", Where.SUBJECT)]
    found: list[Finding] = []
    if len(subject) > _SUBJECT:
        found.append(Finding("subject_long", Where.SUBJECT, {"n": len(subject)}))
    letters = [char for char in re.sub(r"\{\{[^{}]*\}\}", "", subject) if char.isalpha()]
    if len(letters) >= _LETTERS and sum(map(str.isupper, letters)) > 0.7 * len(letters):
        found.append(Finding("subject_capitals", Where.SUBJECT))
    if _MARKS.search(subject) or subject.count("!") > 2:
        found.append(Finding("subject_marks", Where.SUBJECT))
    if _REPLY.match(subject):
        found.append(Finding("subject_reply", Where.SUBJECT))
    return found


def _bodies(message: Message) -> list[Finding]:
    if message.html is None:
        return []
    found = [] if message.text is not None else [Finding("no_text", Where.TEXT)]
    return found + of_page(message.html)


def _unsubscribe(message: Message) -> list[Finding]:
    bodies = f"{message.html or ''}\n{message.text or ''}"
    if _OWN_PLACE.search(bodies):
        return []
    code = "unsubscribe_foreign" if _FOREIGN.search(_words(message)) else "unsubscribe_added"
    return [Finding(code, Where.MESSAGE)]


def _words(message: Message) -> str:
    return (message.text or html_to_text((message.html or "")[: 5 * _BODY]))[:_BODY]


def _files(submission: Submission, heaviest: int | None) -> list[Finding]:
    names = [part.filename for part in submission.attachments if _EXECUTABLE.search(part.filename)]
    found = [Finding("files_refused", Where.FILES, {"files": ", ".join(names[:5])[:200]})] if names else []
    weight = sum(len(part.data) for part in (*submission.attachments, *submission.related))
    if heaviest is not None:
        weight = heaviest
    if weight > _HEAVY:
        return [*found, Finding("weight", Where.FILES, {"size": round(weight / 1e6, 1)})]
    if submission.attachments and heaviest is None and not names:
        found.append(Finding("files_attached", Where.FILES, {"n": len(submission.attachments)}))
    return found
