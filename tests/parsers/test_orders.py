"""What a reply orders, in both languages; whatever is not an order whole sends nothing."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers import orders
from parsers.orders import Act, Doubt, Order, Unclear

NOW = 1_795_510_800_000  # 24 November 2026, 10:00 in Paris
PARIS = ZoneInfo("Europe/Paris")
NINE = NOW + 23 * 3_600_000


def order(*lines: str) -> Order | Unclear:
    return orders.read(lines, now=NOW, zone=PARIS)


@pytest.mark.parametrize(
    "line",
    ["OK", "ok !", "Ok, merci", "Bonjour, ok pour moi", "OK pour envoi.", "envoyer", "Envoyez", "Oui", "C'est bon", "“OK”",
     "Vous pouvez envoyer, merci", "Parfait, envoyez", "yes, send it", "Go!", "Je valide", "approved", "Please send"],
)  # fmt: skip
def test_send(line: str) -> None:
    assert order(line) == Order(Act.SEND)


@pytest.mark.parametrize(
    "line", ["annuler", "Annuler svp", "ANNULEZ la campagne", "cancel", "stop", "ne pas envoyer", "Merci d'annuler"]
)
def test_cancel(line: str) -> None:
    assert order(line) == Order(Act.CANCEL)


@pytest.mark.parametrize(
    "line",
    [
        "demain 9h",
        "Demain à 9h.",
        "OK pour demain 9h",
        "envoyer demain 9h",
        "send tomorrow at 9:00",
        "25/11/2026 09:00",
    ],
)
def test_later(line: str) -> None:
    assert order(line) == Order(Act.LATER, at=NINE)


@pytest.mark.parametrize(
    "line",
    ["seulement 50", "Seulement aux 50 premiers", "only 50", "only the first 50", "envoyer seulement 50 mails, merci"],
)
def test_first(line: str) -> None:
    assert order(line) == Order(Act.FIRST, count=50)


@pytest.mark.parametrize(
    ("line", "doubt"),
    [("OK ?", Doubt.UNKNOWN), ("OK mais changez le titre", Doubt.UNKNOWN), ("pas ok", Doubt.UNKNOWN), ("non", Doubt.UNKNOWN),
     ("annuler demain 9h", Doubt.UNKNOWN), ("demain", Doubt.NO_TIME), ("01/01/2020 9h", Doubt.PAST),
     ("seulement 0", Doubt.NUMBER),
     ("seulement", Doubt.NUMBER), ("Bonjour,", Doubt.EMPTY), ("mardi 11h", Doubt.AMBIGUOUS)],
)  # fmt: skip
def test_whatever_is_not_clear_orders_nothing_and_is_said_again(line: str, doubt: Doubt) -> None:
    assert order(line) == Unclear(line, doubt)


def test_the_greeting_is_skipped_and_only_the_first_line_speaks() -> None:
    assert order("Bonjour,", "OK", "annuler") == Order(Act.SEND)
    assert order() == Unclear("", Doubt.EMPTY)


@given(st.text(max_size=120))
def test_any_line_has_an_answer(line: str) -> None:
    assert isinstance(order(line), Order | Unclear)


@pytest.mark.parametrize(
    "piece", [" tout de suite", " la campagne ok", " it all now", ", tout", " n'envoyez pas", " 5", " a"]
)
def test_words_that_read_two_ways_are_not_tried_in_all_of_them(piece: str) -> None:
    """Twenty such words once took seconds, and each more doubled them."""
    for begin in ("ok", "annuler", "seulement", "envoyer"):
        found = orders.read((begin + piece * (280 // len(piece)) + " x",), now=NOW, zone=PARIS)
        assert isinstance(found, Unclear)
