"""Curves over time as one SVG picture, each in a strip of its own: what the soak leaves.

In: positions on the horizontal axis and curves of as many values. Out: the text of an SVG file, without scripts or fonts from
elsewhere. Raises ValueError for curves of another length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, GAP = 900, 150, 90, 46
COLOURS = ("#3b4bd8", "#c2410c", "#15803d", "#7c3aed")


@dataclass(frozen=True, slots=True)
class Curve:
    """One strip."""

    name: str
    values: Sequence[float]


def graph(unit: str, at: Sequence[float], curves: Sequence[Curve]) -> str:
    """The picture of these curves; `unit` names the horizontal axis."""
    if any(len(curve.values) != len(at) for curve in curves):
        raise ValueError("every curve needs a value at each position")
    high = GAP + len(curves) * (HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + LEFT + 30} {high}" font-family="sans-serif"'
        ' font-size="13"><rect width="100%" height="100%" fill="#fff"/>'
    ]
    last = max(at, default=0) or 1
    for number, curve in enumerate(curves):
        parts.append(_strip(curve, at, last, GAP + number * (HEIGHT + GAP), COLOURS[number % len(COLOURS)]))
    parts.append(f'<text x="{LEFT + WIDTH}" y="{high - 12}" text-anchor="end">{last:.0f} {escape(unit)}</text></svg>')
    return "\n".join(parts) + "\n"


def _strip(curve: Curve, at: Sequence[float], last: float, top: int, colour: str) -> str:
    most = max(curve.values, default=0) or 1
    points = " ".join(
        f"{LEFT + WIDTH * x / last:.1f},{top + HEIGHT - HEIGHT * y / most:.1f}"
        for x, y in zip(at, curve.values, strict=True)
    )
    return (
        f'<text x="{LEFT}" y="{top - 8}" fill="{colour}">{escape(curve.name)}</text>'
        f'<text x="{LEFT - 8}" y="{top + 10}" text-anchor="end">{most:,.0f}</text>'
        f'<text x="{LEFT - 8}" y="{top + HEIGHT}" text-anchor="end">0</text>'
        f'<path d="M{LEFT} {top}V{top + HEIGHT}H{LEFT + WIDTH}" fill="none" stroke="#94a3b8"/>'
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    )
