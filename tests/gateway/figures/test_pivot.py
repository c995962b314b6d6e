"""Opens and clicks by system, device and program: nothing is lost in the sums."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.figures.pivot import GROUPS, REST, ROWS, pivot
from store.states import Event

COUNTS = [
    (Event.OPEN, "iOS", "phone", "Apple Mail", 211), (Event.CLICK, "iOS", "phone", "Apple Mail", 44),
    (Event.OPEN, "iOS", "tablet", "Apple Mail", 12), (Event.OPEN, "Windows", "computer", "Thunderbird", 54),
    (Event.CLICK, "Windows", "computer", "Edge", 9), (Event.OPEN, "", "", "", 3),
]  # fmt: skip


def test_each_system_has_its_rows_and_its_subtotal() -> None:
    ios, windows, unknown = pivot(COUNTS)
    assert (ios.system, ios.opens, ios.clicks) == ("iOS", 223, 44)
    assert [(row.form, row.client, row.opens, row.clicks) for row in ios.rows] == [
        ("phone", "Apple Mail", 211, 44), ("tablet", "Apple Mail", 12, 0),
    ]  # fmt: skip
    assert [(row.client, row.opens, row.clicks) for row in windows.rows] == [("Thunderbird", 54, 0), ("Edge", 0, 9)]
    assert (unknown.system, unknown.opens) == ("", 3) and pivot([]) == ()


_names = st.sampled_from([chr(97 + n) for n in range(14)])
_count = st.tuples(
    st.sampled_from([Event.OPEN, Event.CLICK]), _names, st.sampled_from(["phone", ""]), _names, st.integers(1, 99)
)


@given(st.lists(_count, max_size=80))
def test_large_tables_are_cut_and_their_sums_are_not(counts: list[tuple[Event, str, str, str, int]]) -> None:
    groups = pivot(counts)
    assert len(groups) <= GROUPS and all(len(group.rows) <= ROWS for group in groups)
    assert sum(group.opens for group in groups) == sum(n for kind, *_, n in counts if kind is Event.OPEN)
    assert sum(row.clicks for group in groups for row in group.rows) == sum(
        n for kind, *_, n in counts if kind is Event.CLICK
    )
    assert all(group.system != REST for group in groups[:-1])
