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
from parsers.bounce_text import ADDRESS, named
from parsers.headers import first, text

_DAEMON = re.compile(
    r"mail(?:er)?[-_. ]?daemon|mdaemon|post-?m(?:a|ä)ster|mail ?delivery (?:system|subsystem|service)"
    r"|delivery (?:system|subsystem|status)|mail (?:system|administrator|deliver\w* system)"
    r"|system administrator|internet mail|microsoft exchange|^\s*<>\s*$|\bndr@|\bdsn@|bounce[sd]?@|antivirus|anti-virus",
    re.IGNORECASE,
)
_RETURNER = re.compile(r"\bmailer-daemon@|mail delivery (?:system|subsystem)", re.IGNORECASE)
_FORWARD = re.compile(r"\s*\[?(?:fwd?|fw|tr|wg|rv|enc|i|vs|doorst)\s*:", re.IGNORECASE)
_CODE = re.compile(r"(?<![\d.])[45]\d\d(?= )")


def _joined(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in patterns), re.IGNORECASE)


_WORDS = tomllib.loads(resources.files("parsers").joinpath("bounce_texts.toml").read_text(encoding="utf-8"))
_FAILURE, _SUBJECT = _joined(_WORDS["failure"]), _joined(_WORDS["subject"])
_DELAY, _FINAL, _PERSON = _joined(_WORDS["delay"]), _joined(_WORDS["final"]), _joined(_WORDS["person"])
_ONLY_DELAY, _ARRIVED = _joined(_WORDS["only_delay"]), _joined(_WORDS["arrived"])
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
    return _DELAY.search(words) is not None and (_FINAL.search(words) is None or _ONLY_DELAY.search(words) is not None)


def is_forward(notice: Notice) -> bool:
    """Tell whether a mail forwards another, by its subject."""
    return _FORWARD.match(text(first(notice.fields, "subject"))) is not None and bool(notice.returned)


def is_arrival(notice: Notice) -> bool:
    """Tell whether a report without fields says that the mail was delivered, or handed to a server that reports nothing."""
    return _ARRIVED.search(notice.text[:_HEAD]) is not None and _FINAL.search(notice.text[:_HEAD]) is None


def _sounds(notice: Notice) -> bool:
    subject = text(first(notice.fields, "subject"))[:500]
    head = notice.text[:_HEAD]
    said = _FAILURE.search(head) is not None or _ARRIVED.search(head) is not None
    titled = _SUBJECT.search(subject) is not None
    machine = _machine(notice)
    surely = machine and titled and (said or STATUS.search(head) is not None or _CODE.search(head) is not None)
    if _PERSON.search(subject) or (_PERSON.search(head) and not surely):
        return False
    if machine and _RETURNER.search(text(first(notice.fields, "from"))) and ADDRESS.search(head):
        return True  # in whatever language: nobody else writes from that address, and it names somebody
    if machine:
        return said or titled
    answers = first(notice.fields, "in-reply-to") or first(notice.fields, "references")
    if not said or not titled or answers:
        return False
    # "we could not deliver on time" is a letter: a report names who failed, or what the server said
    return bool(STATUS.search(head) or _CODE.search(head) or notice.returned) or any(
        one.certain for one in named(notice)
    )


def _machine(notice: Notice) -> bool:
    sender = text(first(notice.fields, "from"))
    path = next((value.strip() for name, value in notice.fields if name == "return-path"), None)
    daemon = _DAEMON.search(sender) is not None or sender == ""
    null = path in ("<>", "") or (path is not None and _DAEMON.search(path) is not None)
    return daemon or null or notice.kind.startswith("multipart/report")
