"""Panels of curves over one common time as an SVG picture, as README and docs show them: what long runs leave.

In: positions on the horizontal axis, panels with curves of as many values, and moments at which something was done. Out: the
text of an SVG file that is read at a width of 800 pixels, without scripts or fonts from elsewhere, some tens of kilobytes
however long the run was. Raises ValueError for curves of another length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import floor, log10

WIDTH, LEFT, RIGHT = 800, 64, 16
HEIGHT, HEAD, FOOT = 170, 52, 40  # of a panel; above each, its title and legend; below the last, the axis
POINTS = 300  # of a curve; a longer one is drawn by the highest value of each stretch
COLOURS = ("#3b4bd8", "#c2410c", "#15803d", "#7c3aed")
_INK, _FAINT, _GRID, _LIMIT = "#1e293b", "#64748b", "#e2e8f0", "#b91c1c"


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a panel."""

    name: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves with one vertical axis, which begins at zero; `limit` is a value that they are held to."""

    title: str  # with its unit
    curves: Sequence[Curve]
    limit: float | None = None


def graph(title: str, unit: str, at: Sequence[float], panels: Sequence[Panel], marks: Sequence[float] = ()) -> str:
    """The picture of these panels; `unit` names the horizontal axis, `marks` are the moments at which something was done."""
    if any(len(curve.values) != len(at) for panel in panels for curve in panel.curves):
        raise ValueError("every curve needs a value at each position")
    high = 34 + len(panels) * (HEAD + HEIGHT) + FOOT
    last = max(at, default=0) or 1
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {high}" role="img" aria-label="{escape(title)}"'
        f' font-family="system-ui, sans-serif" font-size="13" fill="{_INK}"><rect width="{WIDTH}" height="{high}" rx="8"'
        f' fill="#fff"/><text x="{WIDTH / 2:.0f}" y="28" text-anchor="middle" font-size="16" font-weight="600">'
        f"{escape(title)}</text>"
    ]
    for number, panel in enumerate(panels):
        top = 34 + number * (HEAD + HEIGHT) + HEAD
        parts += _panel(panel, at, last, top)
        if marks:
            ticks = "".join(f"M{_x(mark, last)} {top}v6" for mark in marks)
            parts.append(f'<path d="{ticks}" stroke="{_FAINT}"/>')
    parts += _below(unit, last, high - FOOT)
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, at: Sequence[float], last: float, top: int) -> Iterator[str]:
    most = max([panel.limit or 0.0, *(value for curve in panel.curves for value in curve.values)])
    ticks = _ticks(most or 1.0)
    whole = ticks[-1]
    yield f'<text x="{LEFT}" y="{top - 14}" font-weight="600">{escape(panel.title)}</text>'
    if len(panel.curves) > 1:
        yield from _legend([curve.name for curve in panel.curves], top - 14)
    for tick in ticks:
        y = _y(tick, whole, top)
        yield f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="{_GRID}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" fill="{_FAINT}">{tick:,.{0 if whole >= 5 else 1}f}</text>'
    for number, curve in enumerate(panel.curves):
        points = " ".join(f"{_x(x, last)},{_y(value, whole, top)}" for x, value in _thinned(at, curve.values))
        yield f'<polyline points="{points}" fill="none" stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="1.8"/>'
    if panel.limit is not None:
        y = _y(panel.limit, whole, top)
        yield f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="{_LIMIT}" stroke-dasharray="6 4"/>'
        halo = 'stroke="#fff" stroke-width="4" paint-order="stroke"'
        yield f'<text x="{LEFT + 6}" y="{y + 16}" fill="{_LIMIT}" {halo}>at most {panel.limit:,.0f}</text>'


def _legend(names: Sequence[str], y: int) -> Iterator[str]:
    """From the right, so that it ends where the panel does."""
    right = float(WIDTH - RIGHT)
    for number, name in reversed(list(enumerate(names))):
        right -= 7.7 * len(name)  # about as wide as it is in any font
        colour = COLOURS[number % len(COLOURS)]
        yield f'<text x="{right:.0f}" y="{y}" fill="{_FAINT}">{escape(name)}</text>'
        yield f'<path d="M{right - 24:.0f} {y - 4}h18" stroke="{colour}" stroke-width="3"/>'
        right -= 40


def _below(unit: str, last: float, y: int) -> Iterator[str]:
    """The common axis."""
    yield f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="{_FAINT}"/>'
    for tick in _ticks(last, 8):
        if tick <= last:
            x = _x(tick, last)
            yield f'<path d="M{x} {y}v5" stroke="{_FAINT}"/>'
            yield f'<text x="{x}" y="{y + 19}" text-anchor="middle" fill="{_FAINT}">{tick:,.{0 if last >= 5 else 1}f}</text>'
    yield f'<text x="{WIDTH - RIGHT}" y="{y + 34}" text-anchor="end" fill="{_FAINT}">{escape(unit)}</text>'


def _ticks(most: float, parts: int = 5) -> list[float]:
    """Round numbers from zero to `most` or just above, in about so many parts."""
    rough = most / parts
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    count = int(most / step - 1e-9) + 1
    return [step * number for number in range(count + 1)]


def _thinned(at: Sequence[float], values: Sequence[float]) -> Iterator[tuple[float, float]]:
    """All points of a short curve, the highest of each stretch of a long one."""
    cuts = [len(at) * number // POINTS for number in range(POINTS + 1)] if len(at) > POINTS else range(len(at) + 1)
    for begin, end in pairwise(cuts):
        highest = max(range(begin, end), key=values.__getitem__)
        yield at[highest], values[highest]


def _x(value: float, last: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * value / last, 1)


def _y(value: float, whole: float, top: int) -> float:
    return round(top + HEIGHT - HEIGHT * value / whole, 1)
