"""What follows from the outcome of an attempt: the recipient's next event, and when to come back.

In: an outcome, the job it belongs to, the plans of the settings and the time. Out: a `Change` for store.events, or the
few facts that a notice needs. Pure. Give-up counts from the first attempt, and nothing expires without an attempt: the
last one is made when the time is up, not before (SPEC 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.durations import Plan, milliseconds
from config.settings import Delivery
from mta.values import Answered, Contact, Insecure, Outcome, Unanswered, Undeliverable
from parsers.classify import Fate, ReplyClass, classify
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


@dataclass(frozen=True, slots=True)
class Plans:
    """Waiting times of the settings, in milliseconds."""

    retry: Plan
    awaiting: Plan
    give_up_after: int


def plans(delivery: Delivery) -> Plans:
    """The waiting times that the settings ask for."""
    return Plans(delivery.retry_plan, delivery.awaiting_plan, milliseconds(delivery.give_up_after))


@dataclass(frozen=True, slots=True)
class Judgement:
    """An outcome understood: the event, its class, and whether the address is unknown for good."""

    event: Event
    reply_class: ReplyClass
    suppress: bool = False


def judge(outcome: Outcome) -> Judgement:
    """The event that an outcome stands for, before any time limit."""
    if isinstance(outcome, Answered):
        if outcome.stage is not Stage.DOT and outcome.reply.code < 400:
            return Judgement(Event.TEMPFAILED, ReplyClass.PROTOCOL)  # a yes that promises nothing
        verdict = classify(outcome.reply, outcome.stage)
        return Judgement(_EVENTS[verdict.fate], verdict.reply_class, verdict.suppress)
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


def next_attempt(job: Job | NoticeJob, event: Event, plans: Plans, now: int) -> int | None:
    """When to try again (UTC ms); None when the event is final or the time of the mail is up."""
    if event in _FINAL:
        return None
    plan = plans.awaiting if event is Event.UNANSWERED else plans.retry
    deadline = (now if job.first_attempt_at is None else job.first_attempt_at) + plans.give_up_after
    delay = plan.delay(job.attempts + 1)
    if delay is None or now >= deadline:
        return None
    return min(now + delay, deadline)


def change(job: Job, outcome: Outcome, contact: Contact, plans: Plans, worker: int, now: int) -> Change:
    """The change of a recipient after one attempt that ended at `now`."""
    verdict = judge(outcome)
    due = next_attempt(job, verdict.event, plans, now)
    event = verdict.event if due is not None or verdict.event in _FINAL else Event.EXPIRED
    return Change(
        recipient_id=job.id,
        event=event,
        at=now,
        owner=worker,
        next_attempt_at=due,
        detail=story(outcome, contact, verdict.reply_class),
        suppress=SUPPRESSED_AS if verdict.suppress else "",
    )


def story(outcome: Outcome, contact: Contact, reply_class: ReplyClass) -> Mapping[str, Any]:
    """The history row of an attempt (keys as the store keeps them)."""
    detail: dict[str, Any] = {"reply": "", "code": 0, "host": contact.host, "ip": contact.ip, "local": contact.local}
    detail |= {"tls": contact.tls, "stage": Stage.DNS.value, "class": reply_class.value}
    if contact.certificate is not None:
        detail["certificate"] = contact.certificate
    if isinstance(outcome, Answered):
        detail |= {"reply": outcome.reply.text, "code": outcome.reply.code, "stage": outcome.stage.value}
    elif isinstance(outcome, Insecure):
        detail |= {"stage": Stage.STARTTLS.value, "why": outcome.why, "asked_by": outcome.by}
    elif isinstance(outcome, Unanswered):
        detail |= {"stage": outcome.stage.value, "why": outcome.why}
    else:
        detail["why"] = outcome.why
    return detail
