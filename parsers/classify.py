"""What the reply of a mail server means, and what follows for the recipient.

In: a `Reply` and the `Stage` it answers. Out: a `Verdict`: a class of the closed enum `ReplyClass` (each has one sentence
a language under `explain.CLASS`), a `Fate` that decides the next status (SPEC 7), and whether the address goes on the
suppression list. The rules are data (`reply_rules.toml` beside this file). Pure; never raises on any text.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

from parsers.replies import Reply, Stage


class ReplyClass(StrEnum):
    """Why a server answered as it did, or did not answer; the words are stored and translated."""

    ACCEPTED = "accepted"
    GREYLISTED = "greylisted"
    TEMPORARY = "temporary"
    THROTTLED = "throttled"
    MAILBOX_FULL = "mailbox_full"
    MAILBOX_DISABLED = "mailbox_disabled"
    MOVED = "moved"
    UNKNOWN_USER = "unknown_user"
    UNKNOWN_DOMAIN = "unknown_domain"
    NO_MAIL = "no_mail"
    REPUTATION = "reputation"
    AUTHENTICATION = "authentication"
    CONFIGURATION = "configuration"
    POLICY = "policy"
    CONTENT = "content"
    TOO_BIG = "too_big"
    PROTOCOL = "protocol"
    NOT_ENCODABLE = "not_encodable"
    REFUSED = "refused"
    NO_ROUTE = "no_route"
    NO_CONNECTION = "no_connection"
    NO_ANSWER = "no_answer"
    LOST_REPLY = "lost_reply"
    INSECURE = "insecure"


class Fate(StrEnum):
    """What becomes of the mail: the four answers a server can give (SPEC 7)."""

    ACCEPTED = "accepted"
    RETRY = "retry"
    MAILBOX_RETRY = "mailbox_retry"
    REFUSED = "refused"


INFRASTRUCTURE = frozenset(
    {
        ReplyClass.THROTTLED,
        ReplyClass.REPUTATION,
        ReplyClass.AUTHENTICATION,
        ReplyClass.CONFIGURATION,
        ReplyClass.POLICY,
        ReplyClass.PROTOCOL,
    }
)
_SOFT_CODES = frozenset({"4.2.1", "4.2.2"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """The meaning of one reply; `suppress` only where the server says that the address does not exist."""

    reply_class: ReplyClass
    fate: Fate
    suppress: bool


@dataclass(frozen=True, slots=True)
class _Rule:
    reply_class: ReplyClass
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None
    codes: tuple[str, ...]
    stages: frozenset[str]

    def fits(self, code: str, words: str, stage: Stage) -> bool:
        if not code.startswith(self.codes) or (self.stages and stage not in self.stages):
            return False
        return bool(self.pattern.search(words)) and not (self.unless and self.unless.search(words))


def _rules() -> tuple[_Rule, ...]:
    table = tomllib.loads(resources.files("parsers").joinpath("reply_rules.toml").read_text(encoding="utf-8"))
    return tuple(
        _Rule(
            ReplyClass(row["class"]),
            re.compile(row["pattern"], re.IGNORECASE),
            re.compile(row["not"], re.IGNORECASE) if "not" in row else None,
            tuple(row.get("codes", ("4", "5"))),
            frozenset(row.get("stages", ())),
        )
        for row in table["rule"]
    )


_RULES = _rules()
_ACCEPTED = Verdict(ReplyClass.ACCEPTED, Fate.ACCEPTED, suppress=False)

# RFC 3463, where no text says more: the first entry that begins the subject.detail of the enhanced code
_BY_ENHANCED = (
    ("1.10", ReplyClass.NO_MAIL),  # RFC 7505
    ("1.1", ReplyClass.UNKNOWN_USER),
    ("1.2", ReplyClass.UNKNOWN_DOMAIN),
    ("1.6", ReplyClass.MOVED),
    ("1.7", ReplyClass.CONFIGURATION),
    ("1.8", ReplyClass.CONFIGURATION),
    ("2.1", ReplyClass.MAILBOX_DISABLED),
    ("2.2", ReplyClass.MAILBOX_FULL),
    ("2.3", ReplyClass.TOO_BIG),
    ("3.4", ReplyClass.TOO_BIG),
    ("5.", ReplyClass.PROTOCOL),
    ("6.", ReplyClass.CONTENT),
    ("7.", ReplyClass.POLICY),
)


def classify(reply: Reply, stage: Stage) -> Verdict:
    """The verdict on `reply` at `stage`; only 2xx to the dot is acceptance, any other 2xx or 3xx means temporary."""
    if reply.code < 400:
        return _ACCEPTED if reply.code < 300 else Verdict(ReplyClass.TEMPORARY, Fate.RETRY, suppress=False)
    reply_class = _reply_class(reply, stage)
    if reply.code >= 500:
        return Verdict(reply_class, Fate.REFUSED, suppress=_names_nobody(reply_class, reply, stage))
    if _mailbox_trouble(reply, reply_class):
        return Verdict(reply_class, Fate.MAILBOX_RETRY, suppress=False)
    return Verdict(reply_class, Fate.RETRY, suppress=False)


def _mailbox_trouble(reply: Reply, reply_class: ReplyClass) -> bool:
    # SPEC 7: 4.2.1, 4.2.2, or a 4xx that says full; greylisting is deferred, also where it carries 4.2.x
    if reply_class is ReplyClass.GREYLISTED:
        return False
    return reply.enhanced in _SOFT_CODES or reply_class is ReplyClass.MAILBOX_FULL


def _names_nobody(reply_class: ReplyClass, reply: Reply, stage: Stage) -> bool:
    # a banner or MAIL refusal speaks of us, whatever its words; 552 is about room, whatever its enhanced code
    return reply_class is ReplyClass.UNKNOWN_USER and stage in (Stage.RCPT, Stage.DATA, Stage.DOT) and reply.code != 552


def _reply_class(reply: Reply, stage: Stage) -> ReplyClass:
    code, words = str(reply.code), reply.words
    for rule in _RULES:
        if rule.fits(code, words, stage):
            return rule.reply_class
    return _by_code(reply, stage)


def _by_code(reply: Reply, stage: Stage) -> ReplyClass:
    temporary = reply.code < 500
    detail = reply.enhanced[2:]
    for start, reply_class in _BY_ENHANCED:
        if detail == start or (start.endswith(".") and detail.startswith(start)):
            # a 4.1.1 says that the address could not be checked yet, not that it is unknown
            return ReplyClass.TEMPORARY if temporary and reply_class is not ReplyClass.MAILBOX_FULL else reply_class
    if temporary:
        return ReplyClass.TEMPORARY
    if stage in (Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS):
        return ReplyClass.REPUTATION  # RFC 5321 3.1: 554 instead of a greeting refuses the client, not a person
    if reply.code == 552:
        return ReplyClass.MAILBOX_FULL if stage is Stage.RCPT else ReplyClass.TOO_BIG
    if reply.code in (500, 501, 502, 503, 504, 555):
        return ReplyClass.PROTOCOL
    return ReplyClass.REFUSED
