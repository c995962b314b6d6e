"""What follows from an outcome: event, next attempt, expiry; a table over the life of a mail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.durations import plan
from config.providers import Action, ActionKind, Rule
from mta.retry import STRUCK, Ground, Plans, change, judge
from mta.values import Answered, Contact, Outcome, Unanswered, Undeliverable
from parsers.classify import ReplyClass
from parsers.replies import Stage, make
from store.states import Event, Status
from store.values import Job, Tracked

NOW = 1_790_000_000_000
HOUR, DAY = 3_600_000, 86_400_000
PLANS = Plans(plan("5m, 15m, 30m, 1h, 2h, 4h*"), plan("4h*"), 3 * DAY)
CONTACT = Contact("mx.dest.test", "192.0.2.1", "198.51.100.1", "TLSv1.3 X")


def job(attempts: int = 0, first: int | None = None) -> Job:
    return Job(7, 1, "a@dest.test", "", (), Tracked.NONE, Status.QUEUED, attempts, first)


def told(code: int, text: str, stage: Stage = Stage.RCPT) -> Answered:
    return Answered(make(code, text), stage)


@pytest.mark.parametrize(
    ("outcome", "event", "suppress"),
    [
        (told(250, "ok", Stage.DOT), Event.ACCEPTED, ""),
        (told(450, "4.2.0 greylisted"), Event.TEMPFAILED, ""),
        (told(452, "4.2.2 full"), Event.MAILBOX_TEMPFAILED, ""),
        (told(550, "5.1.1 no such user"), Event.REFUSED, "hard_bounce"),
        (told(552, "5.2.2 full"), Event.REFUSED, ""),
        (told(550, "5.7.1 listed at spamhaus"), Event.REFUSED, ""),
        (told(554, "no", Stage.BANNER), Event.TEMPFAILED, ""),  # refuses us, not the mail
        (Unanswered(Stage.CONNECT, "refused"), Event.UNANSWERED, ""),
        (Unanswered(Stage.DOT, "lost"), Event.UNANSWERED, ""),
        (Unanswered(Stage.DNS, "timeout"), Event.UNANSWERED, ""),
        (Undeliverable(ReplyClass.UNKNOWN_DOMAIN, "NXDOMAIN"), Event.REFUSED, ""),
    ],
)
def test_event_of_an_outcome(outcome: Outcome, event: Event, suppress: str) -> None:
    made = change(job(), outcome, CONTACT, PLANS, 3, NOW)
    assert (made.event, made.suppress, made.owner, made.at) == (event, suppress, 3, NOW)


def attempts(outcome: Outcome) -> list[int]:
    """Hours at which a mail is tried whose every attempt ends so; the last change must be EXPIRED."""
    hours, now, count = [], NOW, 0
    while True:
        hours.append((now - NOW) / HOUR)
        made = change(job(count, NOW if count else None), outcome, CONTACT, PLANS, 3, now)
        count += 1
        if made.next_attempt_at is None:
            assert made.event is Event.EXPIRED
            return hours
        now = made.next_attempt_at


def test_temporary_refusals_follow_the_plan_for_three_days() -> None:
    hours = attempts(told(450, "later"))
    assert hours[:8] == pytest.approx([0, 5 / 60, 20 / 60, 50 / 60, 110 / 60, 230 / 60, 470 / 60, 710 / 60])
    assert hours[-1] == 72


def test_silence_is_tried_every_four_hours_for_three_days() -> None:
    assert attempts(Unanswered(Stage.DOT, "timeout")) == [4 * n for n in range(19)]


def test_nothing_expires_without_an_attempt_after_a_long_stop() -> None:
    late = change(job(1, NOW - 9 * DAY), told(250, "ok", Stage.DOT), CONTACT, PLANS, 3, NOW)
    assert late.event is Event.ACCEPTED
    assert change(job(1, NOW - 9 * DAY), told(450, "x"), CONTACT, PLANS, 3, NOW).event is Event.EXPIRED


def test_plan_that_ends_gives_up_then() -> None:
    short = Plans(plan("1m, 2m"), plan("1m"), DAY)
    assert change(job(1, NOW), told(450, "x"), CONTACT, short, 3, NOW).next_attempt_at == NOW + 120_000
    assert change(job(2, NOW), told(450, "x"), CONTACT, short, 3, NOW).event is Event.EXPIRED


def test_the_story_keeps_the_exact_reply() -> None:
    reply = told(550, "5.1.1 unknown\nsecond line")
    assert change(job(), reply, CONTACT, PLANS, 3, NOW).detail == {
        "reply": "550-5.1.1 unknown\n550 second line",
        "code": 550,
        "host": "mx.dest.test",
        "ip": "192.0.2.1",
        "local": "198.51.100.1",
        "tls": "TLSv1.3 X",
        "stage": "rcpt",
        "class": "unknown_user",
    }
    silent = change(job(), Unanswered(Stage.CONNECT, "timeout"), Contact(), PLANS, 3, NOW).detail
    assert (silent["stage"], silent["why"], silent["class"]) == ("connect", "timeout", "no_connection")


@given(st.integers(0, 40), st.integers(0, 5 * DAY), st.integers(400, 499))
def test_waiting_never_ends_later_than_the_time_of_the_mail(count: int, age: int, code: int) -> None:
    made = change(job(count, NOW - age), told(code, "x"), CONTACT, PLANS, 3, NOW)
    if made.next_attempt_at is None:
        assert age >= 3 * DAY and made.event is Event.EXPIRED
    else:
        assert NOW < made.next_attempt_at <= NOW - age + 3 * DAY


def test_a_yes_before_the_dot_promises_nothing() -> None:
    assert judge(told(250, "ok", Stage.RCPT)).event is Event.TEMPFAILED


def test_a_server_that_refuses_us_again_and_again_is_believed_at_last() -> None:
    banner = told(554, "no", Stage.BANNER)
    found = [judge(banner, Ground(attempts=n)).event for n in range(4)]
    assert found == [Event.TEMPFAILED] * STRUCK + [Event.REFUSED] * 2


def rule(reply_class: str, seconds: int = 0) -> Rule:
    kind = ActionKind.PAUSE_SITE if seconds else ActionKind.NONE
    return Rule("r", "x", reply_class, Action(kind, seconds), alert=False, fr="", en="", source="ours")


@pytest.mark.parametrize(
    ("outcome", "ground", "expected"),
    [
        # a provider's own rule is the meaning; one that holds everywhere only where nothing better is known
        (told(550, "5.1.1 OFR_103"), Ground(rule("reputation"), own=True), (Event.REFUSED, "reputation", "")),
        (told(550, "5.1.1 no such user"), Ground(rule("content")), (Event.REFUSED, "unknown_user", "hard_bounce")),
        (told(550, "no"), Ground(rule("content")), (Event.REFUSED, "content", "")),
        (told(550, "5.1.1 blocked"), Ground(rule("reputation", 60)), (Event.REFUSED, "reputation", "")),
        (told(550, "5.0.0 x"), Ground(rule("unknown_user"), own=True), (Event.REFUSED, "unknown_user", "hard_bounce")),
        (told(552, "5.1.1 x"), Ground(rule("unknown_user"), own=True), (Event.REFUSED, "unknown_user", "")),
        (told(451, "x"), Ground(rule("mailbox_full"), own=True), (Event.MAILBOX_TEMPFAILED, "mailbox_full", "")),
        (told(450, "4.2.2 x"), Ground(rule("greylisted"), own=True), (Event.TEMPFAILED, "greylisted", "")),
    ],
)
def test_what_a_rule_of_the_provider_changes(
    outcome: Outcome, ground: Ground, expected: tuple[Event, str, str]
) -> None:
    made = change(job(), outcome, CONTACT, PLANS, 3, NOW, ground)
    assert (made.event, made.detail["class"], made.suppress) == expected
    assert ("rule" in made.detail) == (made.detail["class"] == ground.rule.reply_class)  # type: ignore[union-attr]


def test_a_provider_has_waits_of_its_own_and_the_source_is_kept() -> None:
    ground = Ground(retry=plan("2h*"), source_id=7)
    made = change(job(), told(450, "4.2.0 greylisted"), CONTACT, PLANS, 3, NOW, ground)
    assert (made.next_attempt_at, made.source_id) == (NOW + 7_200_000, 7)
