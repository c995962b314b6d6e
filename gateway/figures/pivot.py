"""What people read with: opens and clicks by system, device and program, with subtotals.

In: the counters of a campaign's hits of people (store.hits.by_agent). Out: `Group`s, one a system, largest first, the
smallest ones together. Pure; nothing is raised or logged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from store.states import Event

GROUPS, ROWS = 8, 6  # systems, and rows of each, that are told apart
REST = "\0"  # stands for all smaller ones


@dataclass(frozen=True, slots=True)
class Row:
    """One device and program of a system ("": not known; REST: several)."""

    form: str
    client: str
    opens: int
    clicks: int


@dataclass(frozen=True, slots=True)
class Group:
    """A system ("": not known) with its rows and their sums."""

    system: str
    rows: tuple[Row, ...]
    opens: int
    clicks: int


def pivot(counts: Sequence[tuple[Event, str, str, str, int]]) -> tuple[Group, ...]:
    """Arrange counters of (kind, system, form, client, n)."""
    opens: Counter[tuple[str, str, str]] = Counter()
    clicks: Counter[tuple[str, str, str]] = Counter()
    sizes: Counter[str] = Counter()
    for kind, system, form, client, n in counts:
        (opens if kind is Event.OPEN else clicks)[system, form, client] += n
        sizes[system] += n
    order = [system for system, _ in sorted(sizes.items(), key=lambda one: (-one[1], one[0]))]
    kept = order if len(order) <= GROUPS else order[: GROUPS - 1]
    groups = [_group(system, [key for key in opens | clicks if key[0] == system], opens, clicks) for system in kept]
    others = [key for key in opens | clicks if key[0] not in kept]
    if others:
        rest = Row(REST, REST, sum(opens[key] for key in others), sum(clicks[key] for key in others))
        groups.append(Group(REST, (rest,), rest.opens, rest.clicks))
    return tuple(groups)


def _group(
    system: str,
    keys: Sequence[tuple[str, str, str]],
    opens: Counter[tuple[str, str, str]],
    clicks: Counter[tuple[str, str, str]],
) -> Group:
    rows = sorted(
        (Row(key[1], key[2], opens[key], clicks[key]) for key in keys),
        key=lambda row: (-row.opens - row.clicks, row.form, row.client),
    )
    if len(rows) > ROWS:
        left = rows[ROWS - 1 :]
        rows[ROWS - 1 :] = [Row(REST, REST, sum(row.opens for row in left), sum(row.clicks for row in left))]
    rows.sort(key=lambda row: (row.form == REST, row.form))  # one device after the other, each in the order of size
    return Group(system, tuple(rows), sum(row.opens for row in rows), sum(row.clicks for row in rows))
