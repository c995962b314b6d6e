"""Any address is read as some view, and every view is written back as an address that means the same."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.web.grid import asked
from gateway.web.grid.asked import Query
from parsers.filters import COLUMNS, MOST, OPERATORS
from store.values import Campaign, CampaignState

CAMPAIGN = Campaign(
    1, 1, CampaignState.SENDING, "s", "n", "f", "a@a.test", "", "<1@a>", "fr", "Europe/Paris", ("Nom", "Email", "Tél"), 1, {},
    (), (), 1, 0, 0, 0, 0, 0, 0, 0, None,
)  # fmt: skip
NAMES = ["tab", "q", "sort", "down", "after", "before", "lang", "cols", "col", "m", "c", "o", "v", "w"]
VALUES = [
    "l0",
    "l1",
    "l2",
    "date",
    "engaged",
    "1",
    "fr",
    "any",
    "0.1.2",
    "0.-1.7",
    "status,l0",
    *COLUMNS,
    *OPERATORS["text"],
]


def read(address: str) -> Query:
    words = parse_qsl(urlsplit(address).query, keep_blank_values=True)
    return asked.read("/r/x", CAMPAIGN, words)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.one_of(st.sampled_from(VALUES), st.text())), max_size=40))
def test_any_query_is_read_and_written_back(words: list[tuple[str, str]]) -> None:
    found = asked.read("/r/x", CAMPAIGN, words)
    again = read(found.url(after=found.after, before=found.before))
    assert (again.filter, again.view, again.columns, again.after, again.before, again.lang) == (
        found.filter, found.view, found.columns, found.after, found.before, found.lang,
    )  # fmt: skip
    assert (again.fault and again.fault.key) == (found.fault and found.fault.key)


@given(st.tuples(st.integers(0, 11), st.integers(-1, 2**59), st.integers(0, 2**59)))
def test_a_place_survives_its_address(place: tuple[int, int, int]) -> None:
    assert read(Query("/r/x").url(after=place)).after == place


def test_words_of_people_are_known_in_both_languages() -> None:
    for value in ("Cliqué", "clicked", " CLICKED "):
        assert read(f"?c=status&o=is&v={value}&w=").filter.conditions[0].value == "clicked"
    found = read("?c=provider&o=is&v=Orange, Wanadoo&w=&c=email&o=contains&v=x&w=")
    assert [one.value for one in found.filter.conditions] == ["orange", "x"] and found.columns == ()
    assert read("?cols=l0,nonsense,l0&col=l2").columns == ("l0", "l2")


def test_a_filter_that_cannot_be_used_is_kept_as_it_was_written() -> None:
    found = read("?q=a&c=clicks&o=least&v=many&w=")
    assert found.fault is not None and found.fault.key == "number" and not found.filter
    assert "v=many" in found.url(tab="delivered") and found.narrowed and not found.first_page
    assert len(read("?" + "&c=email&o=filled" * 90).written) <= 8 * MOST
