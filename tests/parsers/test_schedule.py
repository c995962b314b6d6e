"""Dates people write, in their zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.schedule import Moment, Trouble, read, zone_of

PARIS = ZoneInfo("Europe/Paris")
# Monday 23 November 2026, 10:00 in Paris.
NOW = int(datetime(2026, 11, 23, 10, 0, tzinfo=PARIS).timestamp() * 1000)


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=PARIS).timestamp() * 1000)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("25/12/2026 09:30", (2026, 12, 25, 9, 30)), ("25/12/2026 9h30", (2026, 12, 25, 9, 30)),
        ("25/12/2026 9h", (2026, 12, 25, 9)), ("25/12/2026 à 9 h 30", (2026, 12, 25, 9, 30)),
        ("le 25/12/2026 à 9h", (2026, 12, 25, 9)), ("5/1/2027 18:00:30", (2027, 1, 5, 18, 0, 30)),
        ("25/12/26 9h", (2026, 12, 25, 9)), ("25.12.2026 09:30", (2026, 12, 25, 9, 30)),
        ("2026-12-25T09:30", (2026, 12, 25, 9, 30)), ("2026-12-25 09:30:00", (2026, 12, 25, 9, 30)),
        ("2026-12-25T09:30:00+01:00", (2026, 12, 25, 9, 30)), ("2026-12-25T08:30:00Z", (2026, 12, 25, 9, 30)),
        ("2026-12-25T03:30:00-0500", (2026, 12, 25, 9, 30)), ("demain 9h", (2026, 11, 24, 9)),
        ("Demain à 9h15", (2026, 11, 24, 9, 15)), ("tomorrow 2:30 pm", (2026, 11, 24, 14, 30)),
        ("aujourd’hui 18h", (2026, 11, 23, 18)), ("aujourd'hui à midi", (2026, 11, 23, 12)),
        ("après-demain 8h", (2026, 11, 25, 8)), ("mardi 9h", (2026, 11, 24, 9)), ("dimanche 9h", (2026, 11, 29, 9)),
        ("lundi 9h", (2026, 11, 30, 9)), ("vendredi 25 décembre 2026 à 9h", (2026, 12, 25, 9)),
        ("25 décembre 2026 9h", (2026, 12, 25, 9)), ("1er mars 2027, 9h", (2027, 3, 1, 9)),
        ("dans 2 heures", (2026, 11, 23, 12)), ("in 30 minutes", (2026, 11, 23, 10, 30)),
    ],
)  # fmt: skip
def test_dates_people_write(text: str, when: tuple[int, ...]) -> None:
    assert read(text, now=NOW, zone=PARIS) == Moment(at(*when))


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("", Trouble.UNREADABLE), ("bientôt", Trouble.UNREADABLE), ("12/25/2026 9h", Trouble.UNREADABLE),
        ("31/02/2027 9h", Trouble.UNREADABLE), ("25/12/2026 25h", Trouble.UNREADABLE), ("25/12/2026 9", Trouble.UNREADABLE),
        ("25/12/2026", Trouble.NO_TIME), ("demain", Trouble.NO_TIME), ("9h", Trouble.UNREADABLE),
        ("lundi 11h", Trouble.AMBIGUOUS), ("mardi 25/12/2026 9h", Trouble.UNREADABLE),
        ("25/12/2025 9h", Trouble.PAST), ("aujourd'hui 9h", Trouble.PAST), ("2020-01-01T00:00Z", Trouble.PAST),
        ("28/03/2027 02:30", Trouble.GAP), ("25/12/99999 9h", Trouble.UNREADABLE), ("9" * 500, Trouble.UNREADABLE),
    ],
)  # fmt: skip
def test_refused_with_a_reason(text: str, trouble: Trouble) -> None:
    assert read(text, now=NOW, zone=PARIS) is trouble


def test_the_hour_that_comes_twice_is_the_first() -> None:
    found = read("31/10/2027 02:30", now=NOW, zone=PARIS)
    assert found == Moment(int(datetime.fromisoformat("2027-10-31T02:30:00+02:00").timestamp() * 1000), folded=True)


def test_zones() -> None:
    assert zone_of("europe/paris") == PARIS
    assert zone_of("Paris") == PARIS
    assert zone_of("UTC") is not None
    assert zone_of("America/New York") == ZoneInfo("America/New_York")
    assert zone_of("../../etc/passwd") is None
    assert zone_of("Nulle/Part") is None


@given(st.text(alphabet="0123456789/:h -TZ+.demainlu", max_size=30))
def test_any_text_gives_a_value(text: str) -> None:
    found = read(text, now=NOW, zone=PARIS)
    assert isinstance(found, Trouble) or found.at > NOW
