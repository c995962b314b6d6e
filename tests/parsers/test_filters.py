"""Filters are read from any words, refused with a reason, and written back as they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.providers import Providers
from gateway.figures import stats
from parsers import filters
from parsers.filters import COLUMNS, LONGEST, MOST, OPERATORS, STATUSES, Condition, Filter, FilterError
from parsers.provider_domains import DOMAINS
from store.states import Status


def row(column: str, operator: str, value: str = "", other: str = "") -> list[tuple[str, str]]:
    return [("c", column), ("o", operator), ("v", value), ("w", other)]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (row("opened", "on", "9/10/2026"), Condition("opened", "on", "2026-10-09")),
        (row("opened", "since", "09/10/2026 à 9h"), Condition("opened", "since", "2026-10-09T09:00")),
        (row("date", "before", "2026-10-09T14:30"), Condition("date", "before", "2026-10-09T14:30")),
        (row("opened", "hours", "9 h", "12H30"), Condition("opened", "hours", "09:00", "12:30")),
        (row("opened", "hours", "22", "6"), Condition("opened", "hours", "22:00", "06:00")),
        (row("clicks", "least", " 1 000 "), Condition("clicks", "least", "1000")),
        (row("line", "between", "9", "10"), Condition("line", "between", "9", "10")),
        (row("domain", "equals", "@orange.fr", "left over"), Condition("domain", "equals", "orange.fr")),
        (row("l12", "contains", "  a   b "), Condition("l12", "contains", "a b")),
        (row("reply", "empty", "ignored"), Condition("reply", "empty")),
        (row("status", "is", "clicked"), Condition("status", "is", "clicked")),
    ],
)
def test_people_write_values_in_their_ways(given: list[tuple[str, str]], kept: Condition) -> None:
    assert filters.read(given) == Filter((kept,))


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (row("nothing", "is", "x"), "column"),
        (row("l12", "contains", "x"), "column"),
        (row("l007", "contains", "x"), "column"),
        (row("clicks", "contains", "1"), "operator"),
        (row("email", "contains"), "missing"),
        (row("clicks", "between", "1"), "missing"),
        (row("email", "contains", "x" * (LONGEST + 1)), "long"),
        (row("status", "is", "nobody"), "choice"),
        (row("provider", "is", "x"), "choice"),
        (row("clicks", "least", "-1"), "number"),
        (row("clicks", "least", "٣"), "number"),
        (row("opened", "on", "31/02/2026"), "date"),
        (row("opened", "since", "2026-10-09T25:00"), "hour"),
        (row("opened", "on", "0001-01-01"), "date"),
        (row("opened", "hours", "9", "midi"), "hour"),
        (row("opened", "hours", "9", "9:00"), "reversed"),
        (row("opened", "between", "2026-10-10", "2026-10-09"), "reversed"),
        (row("line", "between", "10", "9"), "reversed"),
    ],
)
def test_a_filter_that_makes_no_sense_tells_why(given: list[tuple[str, str]], key: str) -> None:
    with pytest.raises(FilterError) as told:
        filters.read([*row("email", "filled"), *row("", "contains", "an empty row"), *given], width=12)
    assert (told.value.key, told.value.row) == (key, 3)


def test_conditions_are_bounded_and_empty_rows_are_none() -> None:
    assert not filters.read(row("", "contains", "x") * 20)
    assert len(filters.read(row("email", "filled") * MOST).conditions) == MOST
    with pytest.raises(FilterError, match="many"):
        filters.read(row("email", "filled") * (MOST + 1))


_words = st.lists(
    st.tuples(
        st.sampled_from("cccovwm"),
        st.one_of(st.sampled_from([*COLUMNS, "l0", *OPERATORS["text"], *OPERATORS["moment"], "9", "2026-10-09"]), st.text()),
    ),
    max_size=30,
)  # fmt: skip


@given(_words)
def test_whatever_is_read_is_written_back_and_read_the_same(words: list[tuple[str, str]]) -> None:
    try:
        found = filters.read(words)
    except FilterError:
        return
    assert filters.read(found.words()) == found
    assert all("\0" not in value for _, value in found.words())


@given(st.sampled_from(sorted(COLUMNS)), st.data())
def test_every_condition_that_is_let_in_survives_its_address(column: str, data: st.DataObject) -> None:
    operator = data.draw(st.sampled_from(OPERATORS[COLUMNS[column]]))
    value, other = data.draw(
        st.tuples(*[st.sampled_from(["1", "2026-10-09", "9:30", "orange", "opened", "2027-01-01"])] * 2)
    )
    try:
        found = filters.read(row(column, operator, value, other))
    except FilterError:
        return
    assert filters.read(found.words()) == found and found.conditions[0].column == column


def test_statuses_and_providers_are_those_of_the_house() -> None:
    assert tuple(status.code for status in Status) == STATUSES
    assert set(stats.TABS["all"]) == set(Status)
    assert set(DOMAINS) <= {provider.key for provider in Providers.load().all}
    everything = [domain for domains in DOMAINS.values() for domain in domains]
    assert len(everything) == len(set(everything))
