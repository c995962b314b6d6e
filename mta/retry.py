"""What follows from the outcome of an attempt: the recipient's next event, and when to come back.

In: an outcome, the job it belongs to, the plans of the settings and the time. Out: a `Change` for store.events, or the
few facts that a notice needs. Pure. Give-up counts from the first attempt, and nothing expires without an attempt: the
last one is made when the time is up, not before (SPEC 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config.durations import Plan, milliseconds
from config.providers import Rule
from config.settings import Delivery
from mta.values import Answered, Contact, Insecure, Outcome, Unanswered, Undeliverable
from parsers.classify import Fate, ReplyClass, classify
from parsers.quick import quick
from parsers.replies import Stage
from store.states import Event
from store.values import Change, Job, NoticeJob

SUPPRESSED_AS = "hard_bounce"  # the reason that the suppression list shows

_EVENTS = {
    Fate.ACCEPTED: Event.ACCEPTED,
    Fate.RETRY: Event.TEMPFAILED,
    Fate.MAILBOX_RETRY: Event.MAILBOX_TEMPFAILED,
    Fate.REFUSED: Event.REFUSED,
}
_FINAL = frozenset({Event.ACCEPTED, Event.REFUSED})
_TEMPORARY = frozenset({Event.TEMPFAILED, Event.MAILBOX_TEMPFAILED})
_WAITING_FOR = {ReplyClass.MAILBOX_FULL: Event.MAILBOX_TEMPFAILED, ReplyClass.GREYLISTED: Event.TEMPFAILED}
# classes that say little: a rule that holds everywhere may say more
_VAGUE = frozenset({ReplyClass.REFUSED, ReplyClass.TEMPORARY, ReplyClass.POLICY, ReplyClass.PROTOCOL})
_BEFORE_ANY_MAIL = frozenset({Stage.CONNECT, Stage.BANNER, Stage.EHLO, Stage.STARTTLS, Stage.AUTH})
STRUCK = 2  # attempts that a server may refuse before any mail is named, and the mail is tried again


@dataclass(frozen=True, slots=True)
class Plans:
    """Waiting times of the settings, in milliseconds."""

    retry: Plan
    awaiting: Plan
    give_up_after: int


def plans(delivery: Delivery) -> Plans:
    """The waiting times that the settings ask for."""
    return Plans(delivery.retry_plan, delivery.awaiting_plan, milliseconds(delivery.give_up_after))


@quick
@dataclass(frozen=True, slots=True)
class Judgement:
    """An outcome understood: the event, its class, and whether the address is unknown for good."""

    event: Event
    reply_class: ReplyClass
    suppress: bool = False


_TAKEN = Judgement(Event.ACCEPTED, ReplyClass.ACCEPTED)


def _names_nobody(outcome: Answered) -> bool:
    reply, stage = outcome.reply, outcome.stage
    return 500 <= reply.code != 552 and stage in (Stage.RCPT, Stage.DATA, Stage.DOT)


@quick
@dataclass(frozen=True, slots=True)
class Ground:
    """What else is known of an attempt: the provider's rule that the reply fits (`own`: not one that holds everywhere),
    the provider's waits, the source that it left from, how many attempts there were before."""

    rule: Rule | None = None
    own: bool = False
    retry: Plan | None = None
    source_id: int | None = None
    attempts: int = 0


NOTHING = Ground()


def judge(outcome: Outcome, ground: Ground = NOTHING) -> Judgement:
    """The event that an outcome stands for, before any time limit."""
    if isinstance(outcome, Answered):
        if outcome.reply.code < 300 and outcome.stage is Stage.DOT:
            return _TAKEN
        if outcome.stage is not Stage.DOT and outcome.reply.code < 400:
            return Judgement(Event.TEMPFAILED, ReplyClass.PROTOCOL)  # a yes that promises nothing
        verdict = classify(outcome.reply, outcome.stage)
        event, reply_class, suppress = _EVENTS[verdict.fate], verdict.reply_class, verdict.suppress
        if ground.rule is not None and (ground.own or ground.rule.action.seconds or reply_class in _VAGUE):
            reply_class = ReplyClass(ground.rule.reply_class)
            suppress = reply_class is ReplyClass.UNKNOWN_USER and (suppress or _names_nobody(outcome))
            if event in _TEMPORARY:
                event = _WAITING_FOR.get(reply_class, event)
        if outcome.stage in _BEFORE_ANY_MAIL and event is Event.REFUSED and ground.attempts < STRUCK:
            event = Event.TEMPFAILED  # it refused us, not this mail: one refusal must not cancel all that wait
        return Judgement(event, reply_class, suppress)
    if isinstance(outcome, Undeliverable):
        return Judgement(Event.REFUSED, outcome.reply_class)
    if isinstance(outcome, Insecure):
        return Judgement(Event.TEMPFAILED, ReplyClass.INSECURE)  # we know that it was not sent: deferred, not awaiting
    return Judgement(Event.UNANSWERED, _silence(outcome))


def _silence(outcome: Unanswered) -> ReplyClass:
    if outcome.stage is Stage.DNS:
        return ReplyClass.NO_ROUTE
    if outcome.stage is Stage.CONNECT:
        return ReplyClass.NO_CONNECTION
    return ReplyClass.NO_ANSWER if outcome.why == "timeout" else ReplyClass.LOST_REPLY


def next_attempt(job: Job | NoticeJob, event: Event, plans: Plans, now: int, retry: Plan | None = None) -> int | None:
    """When to try again (UTC ms), by the provider's own waits if any; None when the event is final or time is up."""
    if event in _FINAL:
        return None
    plan = plans.awaiting if event is Event.UNANSWERED else retry or plans.retry
    deadline = (now if job.first_attempt_at is None else job.first_attempt_at) + plans.give_up_after
    delay = plan.delay(job.attempts + 1)
    if delay is None or now >= deadline:
        return None
    return min(now + delay, deadline)


def change(
    job: Job, outcome: Outcome, contact: Contact, plans: Plans, worker: int, now: int, ground: Ground = NOTHING
) -> Change:
    """The change of a recipient after one attempt that ended at `now`."""
    verdict = judge(outcome, ground)
    due = next_attempt(job, verdict.event, plans, now, ground.retry)
    event = verdict.event if due is not None or verdict.event in _FINAL else Event.EXPIRED
    detail = story(outcome, contact, verdict.reply_class)
    if ground.rule is not None and verdict.reply_class == ground.rule.reply_class:
        detail["rule"] = ground.rule.id
    return Change(
        recipient_id=job.id,
        event=event,
        at=now,
        owner=worker,
        next_attempt_at=due,
        detail=detail,
        suppress=SUPPRESSED_AS if verdict.suppress else "",
        source_id=ground.source_id,
    )


def story(outcome: Outcome, contact: Contact, reply_class: ReplyClass) -> dict[str, Any]:
    """The history row of an attempt (keys as the store keeps them)."""
    reply, code, stage = "", 0, Stage.DNS
    if isinstance(outcome, Answered):
        reply, code, stage = outcome.reply.text, outcome.reply.code, outcome.stage
    elif isinstance(outcome, Unanswered):
        stage = outcome.stage
    elif isinstance(outcome, Insecure):
        stage = Stage.STARTTLS
    detail: dict[str, Any] = {
        "reply": reply, "code": code, "host": contact.host, "ip": contact.ip, "local": contact.local, "tls": contact.tls,
        "stage": stage, "class": reply_class,
    }  # fmt: skip
    if contact.certificate is not None:
        detail["certificate"] = contact.certificate
    if not isinstance(outcome, Answered):
        detail["why"] = outcome.why
    if isinstance(outcome, Insecure):
        detail["asked_by"] = outcome.by
    return detail
