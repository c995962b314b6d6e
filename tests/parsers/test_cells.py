"""Numbers and dates as a French sheet shows them, and raw."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from parsers.cells import raw, shown


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (1.0, "General", "1"), (33612345678.0, "General", "33612345678"), (12.5, "General", "12,5"),
        (0.1 + 0.2, "General", "0,3"), (612345678.0, "0000000000", "0612345678"), (75001.0, "00000", "75001"),
        (1234.0, "00000", "01234"), (612345678.0, '0#" "##" "##" "##" "##', "06 12 34 56 78"),
        (612345678.0, "00\\ 00\\ 00\\ 00\\ 00", "06 12 34 56 78"), (1234.5, "#,##0.00", "1\u00a0234,50"),
        (1234.5, '#,##0.00\\ "€"', "1\u00a0234,50 €"), (-5.0, '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-', "-5,00 €"),
        (1234567.0, "#,##0", "1\u00a0234\u00a0567"), (0.125, "0.0%", "12,5%"), (0.12, "0%", "12%"), (1.0, "0.00", "1,00"),
        (2.5, "0", "3"), (-2.5, "0.0", "-2,5"), (-3.0, "0;(0)", "(3)"), (0.0, '0;-0;"nul"', "nul"), (5.0, "0.0#", "5,0"),
        (0.0, "0.##", "0"), (12345.0, "0,", "12"), (7.0, "@", "7"), (3.0, '"N°" 0', "N° 3"), (1.0, "[$€-40C] 0", "€ 1"),
        (612345678.0, '[<=9999999999]0#" "##" "##" "##" "##;0', "06 12 34 56 78"), (5.0, "[Red]0", "5"),
        (12345.678, "0.00E+00", "1,23E+04"), (0.5, "# ?/?", "0,5"), (46381.0, "dd/mm/yyyy", "25/12/2026"),
        (46381.0, "yyyy-mm-dd", "25/12/2026"), (46381.0, "d-mmm-yy", "25/12/2026"),
        (46381.0, "[$-40C]d mmmm yyyy", "25 décembre 2026"), (46381.0, "mmmm yyyy", "décembre 2026"),
        (46381.395833333336, "dd/mm/yyyy hh:mm", "25/12/2026 09:30"),
        (46381.395833333336, "yyyy-mm-dd h:mm:ss", "25/12/2026 09:30:00"), (46381.0, "yyyy-mm-dd h:mm:ss", "25/12/2026"),
        (0.395833333333333, "h:mm", "9:30"), (0.395833333333333, "hh:mm:ss", "09:30:00"), (1.5, "[h]:mm", "36:00"),
        (0.75, "h:mm AM/PM", "6:00 PM"), (-5.0, "dd/mm/yyyy", "-5"), (59.0, "dd/mm/yyyy", "28/02/1900"),
    ],
)  # fmt: skip
def test_shown(value: float, code: str, text: str) -> None:
    assert shown(value, code) == text


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (1.0, "0.00", "1"), (12.5, "General", "12.5"), (0.1, "0%", "0.1"), (612345678.0, "0000000000", "612345678"),
        (46381.0, "dd/mm/yyyy", "2026-12-25"), (46381.395833333336, "dd/mm/yyyy", "2026-12-25 09:30:00"),
        (0.395833333333333, "h:mm", "09:30:00"), (1.5, "[h]:mm:ss", "36:00:00"), (1e22, "General", "1e+22"),
    ],
)  # fmt: skip
def test_raw(value: float, code: str, text: str) -> None:
    assert raw(value, code) == text


def test_1904() -> None:
    assert shown(44919.0, "dd/mm/yyyy", date1904=True) == "25/12/2026"


@given(st.floats(), st.text(alphabet='0#?.,;"%@/\\_*[]ymdhsEG+-AMP €a', max_size=20))
@example(0.0, '0E"')
def test_any_number_in_any_format_gives_text(value: float, code: str) -> None:
    assert isinstance(shown(value, code), str)
    if math.isfinite(value):
        assert isinstance(raw(value, code), str)
