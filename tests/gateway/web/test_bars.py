"""Columns of opens and clicks: hours at first, days of the campaign's zone afterwards."""

from __future__ import annotations

from datetime import datetime

from gateway import i18n
from gateway.web import bars
from gateway.web.charts import HEIGHT, WIDTH

START = 1_774_735_200_000  # 28 March 2026, 23:00 in Paris: the day after has 23 hours


def at(i: int) -> datetime:
    return i18n.local("Europe/Paris", START + i * bars.HOUR)


def test_a_young_campaign_is_shown_on_few_hours_and_an_old_one_on_48() -> None:
    counts = {"opened": {0: 4, 3: 8}, "clicked": {3: 2}}
    young = bars.hours(counts, 3, str)
    assert [(one.label, one.opened, one.clicked) for one in young.columns if one.opened] == [("0", 4, 0), ("3", 8, 2)]
    assert len(young.columns) == 12 and len(bars.hours(counts, 12, str).columns) == 24
    assert len(bars.hours(counts, 700, str).columns) == 48
    third = young.columns[3]
    assert third.opened_y == HEIGHT - third.opened_height and third.clicked_height == third.opened_height / 4
    assert young.columns[0].x >= 0 and young.columns[-1].x + young.columns[-1].width <= WIDTH


def test_a_day_is_the_reader_s_day_also_when_the_clocks_change() -> None:
    counts = {"opened": {0: 1, 1: 2, 23: 4, 24: 8}, "clicked": {24: 3}}
    found = bars.days(counts, at, 24)
    assert [(one.label, one.opened, one.clicked) for one in found.columns] == [
        ("28/03", 1, 0), ("29/03", 6, 0), ("30/03", 8, 3),
    ]  # fmt: skip


def test_one_among_a_million_is_still_seen() -> None:
    found = bars.hours({"opened": {0: 1_000_000, 1: 1}}, 1, str)
    assert found.columns[1].opened_height >= 2 and found.ticks[-1][1] == 1_000_000
