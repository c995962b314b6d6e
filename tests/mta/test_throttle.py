"""The window of connections moves by fractions, as worked out by hand; dead sites are left alone, longer each time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mta.throttle import COHORTS, LONGEST, Throttle


def windows(throttle: Throttle, steps: str) -> list[int]:
    """`+` an answer, `-` a failure; the window after each."""
    seen = []
    for step in steps:
        if step == "+":
            throttle.succeeded()
        else:
            throttle.failed(0.0)
        seen.append(throttle.window)
    return seen


def test_a_failure_acts_at_once_and_then_a_whole_cohort_is_needed() -> None:
    # at 4: the first failure takes one away, the credit of a cohort (1 - 1/4) is used up by the next ones of 1/3 each:
    # 0.75 -> 0.42 -> 0.08 -> below zero
    assert windows(Throttle(4), "----") == [3, 3, 3, 2]


def test_answers_bring_it_back_by_a_cohort_for_each_step() -> None:
    throttle = Throttle(4)
    assert windows(throttle, "-") == [3]
    # 3 x 1/3 makes 4; there it is whole again
    assert windows(throttle, "+++") == [3, 3, 4]
    assert throttle.whole
    throttle = Throttle(3)
    assert windows(throttle, "----") == [2, 2, 1, 1]
    # from 1: one answer makes 2, two more make 3
    assert windows(throttle, "+++") == [2, 2, 3]


def test_failures_and_answers_in_turn_wear_it_down_slowly() -> None:
    # -1/4 takes one (credit 0.75); +1/3; -1/3 (0.42); +1/3; -1/3 (0.08); +1/3 makes the step up: back at 4
    assert windows(Throttle(4), "-+-+-+") == [3, 3, 3, 3, 3, 4]


def test_a_site_is_dead_after_so_many_failed_cohorts() -> None:
    throttle = Throttle(2)
    died = [throttle.failed(100.0, cohort=True) for _ in range(int(COHORTS))]
    assert died == [False] * (int(COHORTS) - 1) + [True]
    assert (throttle.dead_until, throttle.window) == (160.0, 1)
    assert not throttle.failed(150.0, cohort=True), "what ends meanwhile was under way before"
    assert [throttle.failed(160.0) for _ in range(int(COHORTS))][-1], "one connection is a cohort now"
    assert throttle.dead_until == 160.0 + 120.0


def test_one_answer_forgets_the_failed_cohorts() -> None:
    throttle = Throttle(1)
    for _ in range(int(COHORTS) - 1):
        throttle.failed(0.0)
    throttle.succeeded()
    assert throttle.whole and not throttle.failed(0.0)


def test_the_wait_is_doubled_up_to_a_quarter_of_an_hour() -> None:
    throttle, waits = Throttle(1), []
    for _ in range(7):
        throttle.die(0.0)
        waits.append(throttle.dead_until)
    assert waits == [60, 120, 240, 480, LONGEST, LONGEST, LONGEST]


def test_a_new_limit_is_kept_and_a_whole_window_follows_it() -> None:
    throttle = Throttle(20)
    throttle.bound(2)
    assert throttle.window == 2 and throttle.whole
    throttle.failed(0.0)
    throttle.bound(20)
    assert throttle.window == 1 and not throttle.whole
    windows(throttle, "+" * 500)
    assert throttle.window == 20


@given(st.integers(1, 40), st.text("+-", max_size=300))
def test_it_never_leaves_its_bounds(limit: int, steps: str) -> None:
    assert all(1 <= window <= limit for window in windows(Throttle(limit), steps))
