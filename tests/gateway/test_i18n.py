"""Both languages say the same things, and figures read as their readers write them."""

import re
from string import Formatter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import i18n
from store.states import Event, Status
from store.values import CampaignState

PARIS = "Europe/Paris"
AT = 1_791_548_130_000  # 9 October 2026, 12:15:30 UTC


def places(words: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(words) if name}


def test_both_languages_have_the_same_keys_and_places() -> None:
    fr, en = i18n.catalogue("fr"), i18n.catalogue("en")
    assert set(fr) == set(en)
    assert {key: places(words) for key, words in fr.items()} == {key: places(words) for key, words in en.items()}
    assert all(words.strip() for words in (*fr.values(), *en.values()))


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_every_status_event_and_state_has_its_words(locale: str) -> None:
    for status in Status:
        assert i18n.text(locale, f"status.{status.code}") and i18n.text(locale, f"status_short.{status.code}")
    for event in Event:
        assert i18n.text(locale, f"event.{event.code}") and i18n.text(locale, f"event_note.{event.code}")
    for state in CampaignState:
        assert i18n.text(locale, f"state.{state}") and i18n.has(locale, f"state_note.{state}")


def test_a_missing_key_or_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        i18n.text("fr", "report.no_such_key")
    with pytest.raises(KeyError):
        i18n.text("fr", "report.title")
    assert not i18n.has("fr", "report.no_such_key")


def test_numbers_and_rates_read_as_written_in_each_language() -> None:
    assert i18n.number("fr", 12430) == "12\u202f430"
    assert i18n.number("en", 1234567) == "1,234,567"
    assert i18n.percent("fr", 0.3821) == "38,2\u202f%"
    assert i18n.percent("en", 0.3821) == "38.2%"
    assert i18n.percent("fr", None) == i18n.percent("en", None) == "–"
    assert i18n.percent("fr", 0.0) == "0,0\u202f%"
    assert i18n.percent("en", 0.00001) == "<0.1%"


def test_dates_are_shown_in_the_account_s_zone() -> None:
    assert i18n.instant("fr", PARIS, AT) == "09/10/2026 14:15"
    assert i18n.instant("en", PARIS, AT, seconds=True) == "9 Oct 2026 14:15:30"
    assert i18n.instant("fr", "No/Where", AT) == "09/10/2026 12:15"
    assert i18n.instant("fr", PARIS, None) == "–"
    assert i18n.iso(AT) == "2026-10-09T12:15:30+00:00"


def test_zero_is_singular_in_french_only() -> None:
    assert i18n.plural("fr", "ledger.lines", 0) == "0 ligne lue"
    assert i18n.plural("en", "ledger.lines", 0) == "0 lines read"
    assert i18n.plural("en", "ledger.lines", 1) == "1 line read"


@pytest.mark.parametrize(
    ("asked", "accepts", "default", "expected"),
    [
        ("en", "fr", "fr", "en"),
        ("xx", "", "fr", "fr"),
        (None, "en-GB,en;q=0.9,fr;q=0.8", "fr", "en"),
        (None, "de,fr;q=0.2,en;q=0.7", "fr", "en"),
        (None, "de,es", "en", "en"),
        (None, "en;q=0, fr;q=0.1", "en", "fr"),
        (None, "en;q=x", "fr", "fr"),
    ],
)
def test_the_language_is_chosen_by_link_then_browser_then_campaign(
    asked: str | None, accepts: str, default: str, expected: str
) -> None:
    assert i18n.negotiate(asked, accepts, default) == expected


@settings(deadline=None)
@given(st.text(), st.text(), st.text(max_size=5))
def test_any_header_gives_a_language(asked: str, accepts: str, default: str) -> None:
    assert i18n.negotiate(asked, accepts, default) in i18n.LOCALES


def test_french_punctuation_never_begins_a_line_and_servers_hear_ascii() -> None:
    french = i18n.catalogue("fr")
    for key, words in french.items():
        assert words.isascii() if key.startswith("smtp.") else not re.search(r" [;:!?»]|« ", words), key
    assert i18n.spaced("fr", "« Oui » ; non : quoi ?") == "«\u00a0Oui\u00a0»\u202f; non\u00a0: quoi\u202f?"
    assert i18n.spaced("en", "a : b") == "a : b"
    assert all(words == i18n.spaced("en", words) for words in i18n.catalogue("en").values())


def test_lengths_of_time_towns_and_decimals() -> None:
    told = [i18n.duration("fr", minutes * 60_000) for minutes in (0, 42, 60, 248, 4_560, 1_445)]
    assert told == [
        "0\u00a0min",
        "42\u00a0min",
        "1\u00a0h",
        "4\u00a0h\u00a08\u00a0min",
        "3\u00a0j\u00a04\u00a0h",
        "1\u00a0j",
    ]
    assert i18n.duration("en", 86_400_000) == "1\u00a0d"
    assert (i18n.town("Europe/Paris"), i18n.town("America/St_Johns"), i18n.town("UTC")) == ("Paris", "St Johns", "UTC")
    assert (i18n.decimal("fr", 2.3), i18n.decimal("en", 2.3)) == ("2,3", "2.3")
