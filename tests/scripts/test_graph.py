"""The graph of a long run: every curve in its panel, as a small picture that can be parsed."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from support_graph import Curve, Panel, graph


def lines(picture: str) -> list[list[tuple[float, float]]]:
    """The points of every curve."""
    found = [one.get("points", "").split() for one in ElementTree.fromstring(picture) if one.tag.endswith("polyline")]
    return [[(float(x), float(y)) for x, y in (point.split(",") for point in points)] for points in found]


def test_every_value_has_its_point() -> None:
    panels = [
        Panel("Mails", [Curve("mails", [0, 0, 0])]),
        Panel("MB & more", [Curve("a", [1, 2, 1]), Curve("b", [1, 1, 1])]),
    ]
    picture = graph("A run", "minutes", [0, 1, 2], panels, [1.5])
    found = lines(picture)
    assert [len(points) for points in found] == [3, 3, 3]
    heights = [y for _, y in found[1]]
    assert heights[0] == heights[2] > heights[1], "the larger, the higher"
    texts = [one.text for one in ElementTree.fromstring(picture)]
    assert {"A run", "MB & more", "a", "b", "minutes"} <= set(texts)
    assert texts.count("mails") == 0, "a single curve is named by its panel"


def test_a_limit_is_inside_the_panel_and_higher_than_what_stays_below_it() -> None:
    picture = graph("A run", "s", [0, 1], [Panel("MB", [Curve("a", [100, 150])], limit=400)])
    limit = next(one for one in ElementTree.fromstring(picture) if one.get("stroke-dasharray"))
    y = float(limit.get("d", "").split()[1].partition("H")[0])
    assert 0 < y < min(height for _, height in lines(picture)[0])


def test_a_long_run_is_thinned_and_keeps_its_peaks() -> None:
    values = [1.0] * 20_000
    values[12_345] = 9.0
    picture = graph("A run", "s", list(range(20_000)), [Panel("MB", [Curve("a", values), Curve("b", values)])])
    assert len(picture) < 20_000
    points = lines(picture)[0]
    assert min(points, key=lambda point: point[1])[0] == pytest.approx(64 + 720 * 12_345 / 19_999, abs=0.1)


def test_a_curve_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="every curve"):
        graph("A run", "minutes", [0, 1], [Panel("x", [Curve("x", [1])])])
    assert graph("A run", "minutes", [], []).startswith("<svg")
    assert lines(graph("A run", "minutes", [], [Panel("x", [Curve("x", [])])])) == [[]]
