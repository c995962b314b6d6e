"""Whom the demo writes to, and what must come of it.

In: data/people.csv, the rows of the demo's LISTE.XLS with what each of them is for. Out: `Expected`, the figures in which
the campaign must end, foreseen from the world alone. Pure but for reading that file.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.rehearsal.world import Behaviour, Habit, fate, habit, house_of

DATA = Path(__file__).parent / "data"
_KEPT = {
    Behaviour.ACCEPT,
    Behaviour.GREYLIST,
    Behaviour.SILENT,
    Behaviour.DROP,
    Behaviour.BOUNCE,
    Behaviour.BOUNCE_FULL,
}
_OPENERS = {Habit.OPEN, Habit.CLICK, Habit.ONE_CLICK, Habit.STOP, Habit.COMPLAIN}


@dataclass(frozen=True, slots=True)
class Expected:
    """The figures foreseen; `dead` lines name domains without mail, found by DNS at once or, if it dawdles, later."""

    lines: int
    invalid: int
    duplicate: int
    dead: int
    recipients: int
    statuses: Mapping[str, int]
    received: int  # mails that the servers keep, each once
    repeats: int  # of these, told a second time because the first reply was lost
    opened: int
    clicked: int
    unsubscribed: int
    complained: int


def names() -> dict[str, str]:
    """The name of the person at each address of the list."""
    return {
        part.strip().lower(): f"{row['Prénom']} {row['Nom']}".strip()
        for row in _rows()
        for part in row["Email"].split(";")
    }


def addresses() -> list[tuple[str, str]]:
    """Every address of the list with the kind of its row; a row without address is one, too."""
    return [(row["kind"], part.strip()) for row in _rows() for part in row["Email"].split(";")]


def expected() -> Expected:
    """Foresee the campaign's end."""
    rows = addresses()
    kinds = Counter(kind for kind, _ in rows)
    good = [address for kind, address in rows if kind == "good"]
    houses = [house for address in good if (house := house_of(address.rpartition("@")[2])) is not None]
    kept = [a for a, house in zip(good, houses, strict=True) if house.behaviour in _KEPT]
    habits = Counter(habit(address) for address in kept)
    return Expected(
        lines=len(rows),
        invalid=sum(kinds[kind] for kind in ("syntax", "empty", "own")),
        duplicate=kinds["duplicate"],
        dead=kinds["dead"],
        recipients=len(good),
        statuses=Counter(fate(address) for address in good),
        received=len(kept),
        repeats=sum(house.behaviour is Behaviour.DROP for house in houses),
        opened=sum(habits[habit] for habit in _OPENERS),
        clicked=habits[Habit.CLICK],
        unsubscribed=habits[Habit.ONE_CLICK] + habits[Habit.STOP],
        complained=habits[Habit.COMPLAIN],
    )


def _rows() -> list[dict[str, str]]:
    with (DATA / "people.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))
