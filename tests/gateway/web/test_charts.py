"""The drawings add up, and nobody is too few to be seen."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.web import charts

MINUTE = 60_000


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), max_size=11))
def test_the_ring_is_full_and_every_share_is_seen(counts: list[int]) -> None:
    arcs = charts.ring([(str(i), count) for i, count in enumerate(counts)])
    assert [arc.count for arc in arcs] == [count for count in counts if count]
    if len(arcs) > 1:
        assert abs(sum(arc.length + charts._GAP for arc in arcs) - 100) < 0.1
        assert all(arc.length > 0.5 for arc in arcs)
        assert abs(sum(arc.share for arc in arcs) - 1) < 1e-9


@settings(deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**7))
def test_the_axis_holds_all_minutes_in_few_steps(first: int, span: int) -> None:
    start, last = first * MINUTE, (first + span) * MINUTE
    axis = charts.scale(start, last)
    assert 2 <= axis.count <= charts.POINTS
    assert axis.start <= start and last < axis.start + axis.count * axis.step


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 9), st.integers(0, 10**6)))
def test_the_curve_only_rises_and_ends_at_the_total(found: dict[int, int]) -> None:
    curve = charts.curve(charts.Scale(0, MINUTE, 10), [("opened", found)])
    (line,) = curve.lines
    assert list(line.values) == sorted(line.values) and line.values[-1] == sum(found.values())
    assert curve.ticks[-1][1] >= line.values[-1] and 2 <= len(curve.ticks) <= 5
    assert line.path.startswith("M0.0 ") and line.area.endswith("Z")
