"""Advice on the message itself: subject, bodies, weight, files.

In: the user's mail as read, its attachments, the choices for the campaign. Out: findings. Pure; raises nothing.
"""

from __future__ import annotations

from gateway.findings.finding import Finding, Where
from parsers.mime import Message
from parsers.submission import Submission

_SUBJECT = 70  # characters that most lists of mails show
_HEAVY = 2_000_000  # bytes of files and images a recipient


def of_message(message: Message, submission: Submission) -> list[Finding]:
    """Everything that can be told from the mail alone."""
    return [*_subject(message.subject), *_bodies(message), *_weight(submission)]


def _subject(subject: str) -> list[Finding]:
    if not subject.strip():
        return [Finding("subject_empty", Where.SUBJECT)]
    found: list[Finding] = []
    if len(subject) > _SUBJECT:
        found.append(Finding("subject_long", Where.SUBJECT, {"n": len(subject)}))
    return found


def _bodies(message: Message) -> list[Finding]:
    if message.html is not None and message.text is None:
        return [Finding("no_text", Where.TEXT)]
    return []


def _weight(submission: Submission) -> list[Finding]:
    weight = sum(len(part.data) for part in (*submission.attachments, *submission.related))
    return [weight_finding(weight)] if weight > _HEAVY else []


def weight_finding(weight: int) -> Finding:
    """That files and images of so many bytes go to each recipient."""
    return Finding("weight", Where.FILES, {"n": round(weight / 1e6)})
