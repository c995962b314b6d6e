"""Whether a mail is a bounce at all, and whether it only warns.

In: a `Notice`. Out: yes or no. A mail with delivery-status fields is one; any other must sound like one (its words, or its
subject) and come from a machine that returns mail, or sound like one in both; and must not be the absence note of a person,
which some servers send from the null sender too. Pure; raises nothing.
"""

from __future__ import annotations

import re
import tomllib
from importlib import resources

from parsers.bounce_judge import STATUS
from parsers.bounce_notice import Notice
from parsers.bounce_text import ADDRESS
from parsers.headers import first, text

_DAEMON = re.compile(
    r"mail(?:er)?[-_. ]?daemon|mdaemon|post-?m(?:a|ä)ster|mail ?delivery (?:system|subsystem|service)"
    r"|delivery (?:system|subsystem|status)|mail (?:system|administrator|deliver\w* system)"
    r"|system administrator|internet mail|microsoft exchange|^\s*<>\s*$|\bndr@|\bdsn@|bounce[sd]?@|antivirus|anti-virus",
    re.IGNORECASE,
)
_RETURNER = re.compile(r"\bmailer-daemon@|mail delivery (?:system|subsystem)", re.IGNORECASE)
_CODE = re.compile(r"(?<![\d.])[45]\d\d(?= )")


def _joined(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in patterns), re.IGNORECASE)


_WORDS = tomllib.loads(resources.files("parsers").joinpath("bounce_texts.toml").read_text(encoding="utf-8"))
_FAILURE, _SUBJECT = _joined(_WORDS["failure"]), _joined(_WORDS["subject"])
_DELAY, _FINAL, _PERSON = _joined(_WORDS["delay"]), _joined(_WORDS["final"]), _joined(_WORDS["person"])
_HEAD = 6_000  # characters of a report in which it says what it is


def is_bounce(notice: Notice) -> bool:
    """Tell whether a mail reports a delivery."""
    if any(
        ("final-recipient" in one or "original-recipient" in one) and ("action" in one or "status" in one)
        for one in notice.blocks
    ):
        return notice.stated or _sounds(notice)
    if first(notice.fields, "x-failed-recipients"):
        return True
    return _sounds(notice)


def is_delay(notice: Notice) -> bool:
    """Tell whether a report only warns that the server will try again."""
    words = text(first(notice.fields, "subject")) + "\n" + notice.text[:_HEAD]
    return _DELAY.search(words) is not None and _FINAL.search(words) is None


def _sounds(notice: Notice) -> bool:
    subject = text(first(notice.fields, "subject"))[:500]
    head = notice.text[:_HEAD]
    said, titled = _FAILURE.search(head) is not None, _SUBJECT.search(subject) is not None
    machine = _machine(notice)
    surely = machine and titled and (said or STATUS.search(head) is not None or _CODE.search(head) is not None)
    if _PERSON.search(subject) or (_PERSON.search(head) and not surely):
        return False
    if machine and _RETURNER.search(text(first(notice.fields, "from"))) and ADDRESS.search(head):
        return True  # in whatever language: nobody else writes from that address, and it names somebody
    if machine:
        return said or titled
    answers = first(notice.fields, "in-reply-to") or first(notice.fields, "references")
    return said and titled and not answers


def _machine(notice: Notice) -> bool:
    sender = text(first(notice.fields, "from"))
    path = next((value.strip() for name, value in notice.fields if name == "return-path"), None)
    daemon = _DAEMON.search(sender) is not None or sender == ""
    null = path in ("<>", "") or (path is not None and _DAEMON.search(path) is not None)
    return daemon or null or notice.kind.startswith("multipart/report")
