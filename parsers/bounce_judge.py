"""How bad a bounce is: what its words and its status mean for the address.

In: the RFC 3463 status and the texts that speak of one recipient, the closest first. Out: a `ReplyClass` and a `Severity`.
Sentences of mail programs in many languages come first (`bounce_rules.toml`), then the rules for SMTP replies
(`reply_rules.toml`), then the status alone. Severity is hard only where the address or its domain does not exist, has moved
or takes no mail; policy where content, reputation, authentication or configuration was refused; soft for everything else.
Pure; raises nothing on any text.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

from parsers.classify import ReplyClass, classify
from parsers.replies import Stage, make

_KEPT = 2_000
STATUS = re.compile(r"(?<![\d.])([45]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_CODE = re.compile(r"(?<![\d.\w-])([45]\d\d)(?=[\s-]+(?:\S|$))")
# IronPort and Amazon put their own guess before the reply: 5.1.0 - Unknown address error 550-'5.7.1 Access denied'
_INNER_REPLY = re.compile(r"^[45]\.\d\.\d - [A-Za-z ]{1,60} ([45]\d\d)-'(.{1,1500})'")
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
# classes that a text alone decides; the others may come from a code that says little
_VAGUE = frozenset({ReplyClass.TEMPORARY, ReplyClass.REFUSED, ReplyClass.PROTOCOL, ReplyClass.ACCEPTED})


_ZOHO_REPLY = re.compile(r"\bERROR_CODE ?:([45]\d\d), ERROR_CODE ?:(.{1,1500})")
# which command was refused, as transcripts and programs write it; Yahoo looks its users up after DATA only
_AT_RCPT = re.compile(
    r"rcpt|no such user!|not like recipient|5\.1\.1\b|recipient address rejected|mailbox not found"
    r"|n.t have an? .{1,80} account",
    re.IGNORECASE,
)
_AT_DATA = re.compile(
    r">>> data\b|(?:in reply to|after|smtp command|response to) (?:the )?(?:end of )?\(?(?:data|message|dot)\b|final data:",
    re.IGNORECASE,
)
_OF_SOMETHING_ELSE = frozenset({"5.2.0", "5.2.1", "5.3.0", "5.7.1"})  # RFC 3463: of mailbox, system, policy; no address


class Severity(StrEnum):
    """How bad a report is; `none` is no failure: delivered, relayed, expanded."""

    HARD = "hard"
    SOFT = "soft"
    POLICY = "policy"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class _Rule:
    reply_class: ReplyClass
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None

    def fits(self, words: str) -> bool:
        return self.pattern.search(words) is not None and not (self.unless and self.unless.search(words))


def _rules() -> tuple[_Rule, ...]:
    table = tomllib.loads(resources.files("parsers").joinpath("bounce_rules.toml").read_text(encoding="utf-8"))
    return tuple(
        _Rule(
            ReplyClass(row["class"]),
            re.compile("|".join(f"(?:{one})" for one in row["patterns"]), re.IGNORECASE),
            re.compile(row["not"], re.IGNORECASE) if "not" in row else None,
        )
        for row in table["rule"]
    )


_RULES = _rules()


def judge(status: str, texts: tuple[str, ...], whole: str = "") -> ReplyClass:
    """Tell why a delivery failed.

    `texts` speak of the recipient, the closest first; `status` may be ""; `whole` is all that the report says, which is asked
    only where neither told.
    """
    vague: ReplyClass | None = None
    for text in texts:
        found, sure = _spoken(text, status)
        if sure:
            return ReplyClass.REFUSED if found is ReplyClass.UNKNOWN_USER and _doubtful(status, texts) else found
        vague = vague or (found if text.strip() else None)
    by_status = _by_status(status)
    if by_status not in _VAGUE:
        return by_status
    found, sure = _spoken(whole, status)
    return found if sure else vague or by_status


def _doubtful(status: str, texts: tuple[str, ...]) -> bool:
    """True where "user unknown" is contradicted: RCPT was accepted, or the status speaks of a mailbox or a policy.

    The filters of Japanese carriers, and of some gateways, say it after DATA of mails that a living person does not want.
    """
    words = re.sub(r"\s+", " ", " ".join(texts)[: 4 * _KEPT])
    if _AT_RCPT.search(words):
        return False
    return status in _OF_SOMETHING_ELSE or _AT_DATA.search(words) is not None


def own_reply(words: str) -> str:
    """The remote server's reply in words that put a guess of the sender's own before it."""
    inner = _INNER_REPLY.search(words) or _ZOHO_REPLY.search(words)
    return f"{inner[1]} {inner[2]}" if inner else words


def severity(reply_class: ReplyClass) -> Severity:
    """How bad a failure of this class is."""
    if reply_class in _HARD:
        return Severity.HARD
    return Severity.POLICY if reply_class in _POLICY else Severity.SOFT


def _spoken(text: str, status: str) -> tuple[ReplyClass, bool]:
    """What a text says, and whether it says it clearly."""
    words = own_reply(re.sub(r"\s+", " ", text[: 4 * _KEPT]).strip()[:_KEPT])
    if not words:
        return ReplyClass.REFUSED, False
    for rule in _RULES:
        if rule.fits(words):
            return rule.reply_class, True
    said = STATUS.search(words)
    exact = status if status and not status.endswith(".0.0") and (not said or said[1].endswith(".0.0")) else ""
    # a delivery that was given up after 4xx replies is permanent now, but its reason stays what the replies said
    found = classify(make(_code(words), f"{exact} {words}" if exact else words), Stage.RCPT).reply_class
    return found, found not in _VAGUE


def _code(words: str) -> int:
    stated = _CODE.search(words)
    code = int(stated[1]) if stated else 550
    return code if code >= 500 else 550


def _by_status(status: str) -> ReplyClass:
    if not status or status.endswith(".0.0"):
        return ReplyClass.REFUSED
    return classify(make(550, f"5{status[1:]} ."), Stage.RCPT).reply_class
