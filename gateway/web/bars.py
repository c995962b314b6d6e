"""Opens and clicks as columns: hour by hour at first, day by day afterwards.

In: people who opened or clicked for the first time, by hour. Out: frozen shapes in the units of their viewBox, ready for SVG
attributes. A day is a day of the campaign's zone, with as many hours as it has there. Pure; nothing is raised or logged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.web.charts import HEIGHT, WIDTH, ceiling

HOUR = 3_600_000
FIRST = 48  # hours that are shown hour by hour
_WIDTHS = (12, 24, FIRST)  # hours of a chart
_DAYS = 35
_GAP = 0.28  # of a column's room


@dataclass(frozen=True, slots=True)
class Column:
    """One hour or day: its label, how many opened and clicked, and where the two bars stand (x, width, y, height)."""

    label: str
    opened: int
    clicked: int
    x: float
    width: float
    opened_y: float
    opened_height: float
    clicked_y: float
    clicked_height: float


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart; `ticks` are (y, value), `marks` are (x, label)."""

    columns: tuple[Column, ...]
    ticks: tuple[tuple[float, int], ...]
    marks: tuple[tuple[float, str], ...]


def hours(counts: Mapping[str, Mapping[int, int]], last: int, label: Callable[[int], str]) -> Bars:
    """The first hours of a campaign, `last` being the newest; `label` names the hour of a number."""
    width = next((n for n in _WIDTHS if last < n), FIRST)
    opened, clicked = counts.get("opened", {}), counts.get("clicked", {})
    rows = [(label(i), opened.get(i, 0), clicked.get(i, 0)) for i in range(width)]
    return _chart(rows, [(i, f"H+{i}") for i in range(0, width, width // 8 if width > 12 else 2)])


def days(counts: Mapping[str, Mapping[int, int]], at: Callable[[int], datetime], last: int) -> Bars:
    """Day by day from the first hour to the hour `last`; `at` is the time of an hour's number where people read it."""
    sums: dict[str, Counter[str]] = {}
    for name in ("opened", "clicked"):
        sums[name] = Counter()
        for i, n in counts.get(name, {}).items():
            sums[name][at(i).date().isoformat()] += n
    first, end = at(0).date(), at(last).date()
    every = [first + timedelta(days=n) for n in range(min((end - first).days + 1, _DAYS))]
    rows = [(f"{day:%d/%m}", sums["opened"][day.isoformat()], sums["clicked"][day.isoformat()]) for day in every]
    step = max(1, -(-len(rows) // 8))
    return _chart(rows, [(i, rows[i][0]) for i in range(0, len(rows), step)])


def _chart(rows: Sequence[tuple[str, int, int]], marks: Sequence[tuple[int, str]]) -> Bars:
    top, every = ceiling(max((max(opened, clicked) for _, opened, clicked in rows), default=0))
    room = WIDTH / len(rows)
    width = room * (1 - _GAP)

    def bar(n: int) -> tuple[float, float]:
        height = max(HEIGHT * n / top, 2.0 if n else 0.0)
        return round(HEIGHT - height, 1), round(height, 1)

    columns = tuple(
        Column(
            label, opened, clicked, round(i * room + room * _GAP / 2, 1), round(width, 1), *bar(opened), *bar(clicked)
        )
        for i, (label, opened, clicked) in enumerate(rows)
    )
    ticks = tuple((round(HEIGHT - HEIGHT * n / top, 1), n) for n in range(0, top + 1, every))
    return Bars(columns, ticks, tuple((round((i + 0.5) * room, 1), label) for i, label in marks))
