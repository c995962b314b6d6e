"""The graph of the soak: every curve in its strip, as a picture that can be parsed."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from support_graph import Curve, graph


def test_every_value_has_its_point() -> None:
    found = ElementTree.fromstring(
        graph("minutes", [0, 1, 2], [Curve("MB & more", [1, 2, 1]), Curve("mails", [0, 0, 0])])
    )
    lines = [one.get("points", "").split() for one in found if one.tag.endswith("polyline")]
    assert [len(points) for points in lines] == [3, 3]
    heights = [float(point.split(",")[1]) for point in lines[0]]
    assert heights[0] == heights[2] > heights[1], "the larger, the higher"
    assert "MB & more" in [one.text for one in found]


def test_a_curve_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="every curve"):
        graph("minutes", [0, 1], [Curve("x", [1])])
    assert graph("minutes", [], []).startswith("<svg")
