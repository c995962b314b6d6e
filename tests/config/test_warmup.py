"""The calendar of the warm-up, its hours, its shares, and how an address goes up and comes back."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import warmup
from config.warmup import DAY, HOUR, Answers, Standing, Used

RULES = warmup.load()
TODAY = 20_000
MIDNIGHT = TODAY * DAY


def test_the_calendar_is_the_one_of_the_contract() -> None:
    told = [warmup.allowance(RULES, step) for step in range(17)]
    thousands = [5, 10, 20, 40, 70, 100, 150, 250, 350, 500, 650, 800, 950]
    assert told == [50, 100, 500, 1_000, *(n * 1_000 for n in thousands)]


@pytest.mark.parametrize(
    ("volume", "count"),
    [(0, 1), (9_999, 1), (10_000, 2), (60_000, 2), (60_001, 3), (150_000, 3), (150_001, 4), (200_000, 4), (320_000, 4),
     (320_001, 5), (400_000, 5), (550_000, 6), (550_001, 7), (650_000, 7), (650_001, 8), (1_050_000, 11)],
)  # fmt: skip
def test_advice_follows_the_table(volume: int, count: int) -> None:
    assert warmup.advised(RULES, volume) == count


@given(st.integers(0, 40), st.integers(0, 23))
def test_a_day_opens_by_the_hour_and_ends_at_its_allowance(step: int, hour: int) -> None:
    total = warmup.allowance(RULES, step)
    now, before = warmup.opened(RULES, total, hour), warmup.opened(RULES, total, hour - 1) if hour else 0
    assert before <= now <= total
    assert now - before <= warmup.part(RULES, total)
    assert warmup.opened(RULES, total, 23) == total


def test_hours_outside_the_window_open_nothing() -> None:
    rules = dataclasses.replace(RULES, first_hour=6, last_hour=18)
    assert warmup.grant(rules, 4, Used(), "", 10, MIDNIGHT + 5 * HOUR) == (0, MIDNIGHT + 6 * HOUR)
    assert warmup.grant(rules, 4, Used(), "", 10, MIDNIGHT + 18 * HOUR) == (0, MIDNIGHT + DAY + 6 * HOUR)
    assert warmup.grant(rules, 4, Used(), "", 10, MIDNIGHT + 6 * HOUR)[0] == 10


def test_what_was_not_used_stays_open_but_no_hour_sends_it_all() -> None:
    total, part = warmup.allowance(RULES, 4), warmup.part(RULES, warmup.allowance(RULES, 4))
    granted, again = warmup.grant(RULES, 4, Used(), "", total, MIDNIGHT + 20 * HOUR + 7)
    assert (granted, again) == (4 * part, MIDNIGHT + 21 * HOUR)


def test_one_provider_gets_its_share_only_and_no_provider_all() -> None:
    noon = MIDNIGHT + 23 * HOUR
    assert warmup.grant(RULES, 0, Used(29, 0, 29), "orange", 5, noon) == (1, MIDNIGHT + DAY)
    assert warmup.grant(RULES, 0, Used(30, 0, 30), "free", 5, noon)[0] == 0, "its 30 are spent"
    assert warmup.grant(RULES, 0, Used(30, 0, 0), "free", 50, noon)[0] == 20
    assert warmup.grant(RULES, 0, Used(30, 0, 0), "", 50, noon)[0] == 20
    assert warmup.cap(dataclasses.replace(RULES, shares={"orange": 0.1}), "orange", 50) == 5


@given(
    st.integers(0, 20), st.integers(0, DAY - 1), st.integers(1, 10_000), st.sampled_from(["", "orange"]),
    st.integers(0, 1_000_000), st.integers(0, 1_000_000), st.integers(0, 1_000_000),
)  # fmt: skip
def test_never_more_than_asked_and_open_and_a_refusal_says_when(
    step: int, at: int, wanted: int, provider: str, total: int, hour: int, own: int
) -> None:
    used = Used(max(total, hour, own), hour, own)
    granted, again = warmup.grant(RULES, step, used, provider, wanted, MIDNIGHT + at)
    assert 0 <= granted <= wanted
    assert used.total + granted <= max(used.total, warmup.allowance(RULES, step))
    assert (again == 0) if granted == wanted else (MIDNIGHT + at < again <= MIDNIGHT + DAY)


@given(st.integers(0, 15), st.lists(st.tuples(st.integers(1, 50_000), st.sampled_from(["", "a", "b"])), max_size=40))
def test_a_day_of_asking_grants_exactly_the_allowance(step: int, asked: list[tuple[int, str]]) -> None:
    total, spent, own = warmup.allowance(RULES, step), 0, dict.fromkeys(("", "a", "b"), 0)
    for hour in range(24):
        this_hour = 0
        for wanted, provider in [*asked, (1_000_000, "")]:
            used = Used(spent, this_hour, own[provider] if provider else spent)
            granted, _ = warmup.grant(RULES, step, used, provider, wanted, MIDNIGHT + hour * HOUR)
            spent, this_hour, own[provider] = spent + granted, this_hour + granted, own[provider] + granted
        assert spent == warmup.opened(RULES, total, hour)
    assert spent == total
    assert max(own["a"], own["b"]) <= warmup.cap(RULES, "a", total)


def test_a_day_counts_when_half_of_it_was_used() -> None:
    standing = Standing(step=3, step_day=TODAY - 1)
    assert warmup.rolled(RULES, standing, 499, TODAY) == Standing(3, TODAY)
    assert warmup.rolled(RULES, standing, 500, TODAY) == Standing(4, TODAY)
    assert warmup.rolled(RULES, standing, 500, TODAY, frozen=True) == Standing(3, TODAY)
    assert warmup.rolled(RULES, standing, 1_000, TODAY + 30) == Standing(4, TODAY + 30), (
        "days without mail do not count"
    )


def test_a_clock_that_goes_back_gives_no_second_day() -> None:
    standing = Standing(3, TODAY)
    assert warmup.rolled(RULES, standing, 1_000, TODAY - 1) == standing
    assert warmup.rolled(RULES, standing, 1_000, TODAY - 400) == Standing(3, TODAY - 400), "it was wrong before"


def test_one_step_back_a_day_and_none_up_on_the_next() -> None:
    back = warmup.taken_back(Standing(3, TODAY), TODAY)
    assert back == Standing(2, TODAY, TODAY)
    assert warmup.taken_back(back, TODAY) == back
    tomorrow = warmup.rolled(RULES, back, 900, TODAY + 1)
    assert tomorrow.step == 2
    assert warmup.rolled(RULES, tomorrow, 500, TODAY + 2).step == 3
    assert warmup.taken_back(Standing(0, TODAY), TODAY).step == 0


def test_thresholds_need_enough_answers() -> None:
    assert warmup.troubled(RULES, {"": Answers(0, 19, 0), "orange": Answers(0, 19, 0)}) is None
    assert warmup.troubled(RULES, {"": Answers(500, 20, 0), "orange": Answers(60, 20, 0)}) == "orange"
    assert warmup.troubled(RULES, {"orange": Answers(61, 20, 0)}) is None
    assert warmup.troubled(RULES, {"orange": Answers(23, 0, 2)}) == "orange"
    assert warmup.troubled(RULES, {"orange": Answers(24, 0, 2)}) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("calendar = [10, 5]", "rising"),
        ("calendar = []", "rising"),
        ("provider_share = 0.4", "below counts_from"),
        ("back_refused = 2", "between 0 and 1"),
        ("catch_up = 0", "above 0"),
        ("first_hour = 12\nlast_hour = 12", "first_hour"),
        ("nonsense = 1", "no such key: nonsense"),
        ("calendar = ", "Invalid"),
    ],
)
def test_an_operators_file_is_checked(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=said):
        warmup.load(file)


def test_an_operators_file_changes_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("calendar = [5, 10]\nshares = { orange = 0.2 }\n")
    own = warmup.load(file)
    assert [warmup.allowance(own, step) for step in range(3)] == [5, 10, 150_010]
    assert own.share("orange") == 0.2
    assert own.share("free") == RULES.provider_share
