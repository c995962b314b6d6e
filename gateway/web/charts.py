"""Geometry of the report's drawings: a ring of shares and a curve of running totals.

In: counts. Out: frozen shapes in the units of their viewBox, ready for SVG attributes (no inline style: the pages' policy
forbids it). Pure; nothing is raised or logged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MINUTE = 60_000
STEPS = tuple(MINUTE * n for n in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 43200))
POINTS = 72  # steps of a curve at most
WIDTH, HEIGHT = 640, 290
_GAP = 0.7  # hundredths of the ring between two arcs
_LEAST = 0.9  # an arc is never shorter: one recipient of a million is still seen


@dataclass(frozen=True, slots=True)
class Arc:
    """A share of the ring: `length` of 100, from `start` (clockwise from the top)."""

    key: str
    count: int
    share: float
    start: float
    length: float


def ring(counts: Sequence[tuple[str, int]]) -> tuple[Arc, ...]:
    """Return one arc for each count above zero; together they fill the ring."""
    total = sum(count for _, count in counts)
    present = [(key, count) for key, count in counts if count > 0]
    if not present:
        return ()
    if len(present) == 1:
        return (Arc(present[0][0], present[0][1], 1.0, 0.0, 100.0),)
    room = 100 - _GAP * len(present)
    lengths = [max(_LEAST, room * count / total) for _, count in present]
    scale = room / sum(lengths)
    arcs, start = [], 0.0
    for (key, count), length in zip(present, lengths, strict=True):
        arcs.append(Arc(key, count, count / total, round(start, 3), round(length * scale, 3)))
        start += length * scale + _GAP
    return tuple(arcs)


@dataclass(frozen=True, slots=True)
class Scale:
    """The time axis of a curve: `count` steps of `step` ms from `start` (UTC ms)."""

    start: int
    step: int
    count: int


def scale(first: int, last: int) -> Scale:
    """Choose steps so that all minutes from `first` to `last` (UTC ms) fit."""
    for step in STEPS:
        start = first - first % step
        count = (last - start) // step + 1
        if count <= POINTS:
            return Scale(start, step, max(count, 2))
    return Scale(first, (last - first) // POINTS + 1, POINTS)


def coarser(counts: Mapping[str, Mapping[int, int]], start: int, step: int, axis: Scale) -> dict[str, dict[int, int]]:
    """Counts by a smaller step that divides the axis's, counted from `start` (UTC ms), by the steps of the axis."""
    found: dict[str, dict[int, int]] = {}
    for name, points in counts.items():
        sums = found.setdefault(name, {})
        for i, n in points.items():
            at = (start + i * step - axis.start) // axis.step
            sums[at] = sums.get(at, 0) + n
    return found


@dataclass(frozen=True, slots=True)
class Line:
    """One running total: SVG path of the line, path of the area under it, and its values at each step's end."""

    key: str
    path: str
    area: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Lines over one axis; `ticks` are (y, value), `marks` are (x, UTC ms)."""

    lines: tuple[Line, ...]
    ticks: tuple[tuple[float, int], ...]
    marks: tuple[tuple[float, int], ...]
    scale: Scale


def curve(axis: Scale, series: Sequence[tuple[str, Mapping[int, int]]]) -> Curve:
    """Return running totals of the counts by step."""
    totals = [(key, _running(found, axis.count)) for key, found in series]
    top, every = ceiling(max((values[-1] for _, values in totals), default=0))
    lines = tuple(_line(key, values, axis.count, top) for key, values in totals)
    ticks = tuple((round(HEIGHT - HEIGHT * n / top, 1), n) for n in range(0, top + 1, every))
    places = range(0, axis.count + 1, max(1, -(-axis.count // 6)))
    marks = tuple((round(WIDTH * i / axis.count, 1), axis.start + i * axis.step) for i in places)
    return Curve(lines, ticks, marks, axis)


def _running(found: Mapping[int, int], count: int) -> tuple[int, ...]:
    total, values = 0, []
    for i in range(count):
        total += found.get(i, 0)
        values.append(total)
    return tuple(values)


def _line(key: str, values: Sequence[int], count: int, top: int) -> Line:
    points = [(0.0, float(HEIGHT))]
    points += [(WIDTH * (i + 1) / count, HEIGHT - HEIGHT * value / top) for i, value in enumerate(values)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return Line(key, path, f"{path}L{WIDTH} {HEIGHT}L0 {HEIGHT}Z", tuple(values))


def ceiling(highest: int) -> tuple[int, int]:
    """Return a round top for the axis, and the distance of its ticks (1, 2 or 5 times a power of ten)."""
    unit = 1
    while True:
        for every in (unit, 2 * unit, 5 * unit):
            if highest <= 4 * every:
                return max(-(-highest // every), 1) * every, every
        unit *= 10
