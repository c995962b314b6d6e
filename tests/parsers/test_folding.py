"""What people type finds what the list says, whatever the accents, case and typography on either side."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.folding import fold


@pytest.mark.parametrize(
    ("written", "looked_for"),
    [
        ("Noël", "noel"), ("ÉLÉONORE", "eleonore"), ("Cœur", "coeur"), ("Ægir", "aegir"), ("Straße", "STRASSE"),
        ("Łódź", "lodz"),
        ("L’Oréal", "l'oreal"), ("Saint‑Étienne", "saint-etienne"), ("Jean\u00a0Paul", "jean paul"), ("Αθήνα", "ΑΘΗΝΑ"),
        ("e\u0301te\u0301", "été"), ("ＭＡＩＲＩＥ", "mairie"), ("№ 5", "no 5"),
    ],
)  # fmt: skip
def test_what_is_typed_finds_what_is_written(written: str, looked_for: str) -> None:
    assert fold(written) == fold(looked_for)


def test_different_words_stay_different() -> None:
    assert len({fold(word) for word in ("noel", "noal", "日本", "日木", "отец", "отек", "-", "'", '"')}) == 9


@given(st.text(), st.text())
def test_folding_is_done_once_and_for_all(text: str, other: str) -> None:
    once = fold(text)
    assert fold(once) == once == fold(unicodedata.normalize("NFD", text)), "whichever way accents are typed"
    assert fold(text.upper().lower()) == fold(fold(text).upper().lower())
