"""Personal documents (the PJ column) before anything is sent: each file has its people, each name its file.

In: the list and the attachments that stay in the mail. Out: the reasons that hold the campaign (a name without a file, a
file that nobody gets, two files of one name), and how heavy the files are for one person and for all. Pure; raises nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from parsers.documents import Found, Shelf, shelf
from parsers.liste import Fault, Line, Liste
from parsers.parts import Part

NAMED = 5  # names that a reason shows
_LINES = 3


@dataclass(slots=True)
class Personal:
    """What the lines of a list ask of the attachments."""

    held: list[dict[str, Any]] = field(default_factory=list)
    heaviest: int = 0  # bytes of the files of one person at most
    volume: int = 0  # bytes of all people's files together
    without: int = 0  # people who get no file


def check(liste: Liste, attachments: Sequence[Part]) -> Personal:
    """Return what holds a campaign with a PJ column; an empty result where the list has none."""
    made = Personal()
    if liste.pj_column is None:
        return made
    known = shelf([part.filename for part in attachments])
    sizes = [len(part.data) for part in attachments]
    missing, used = _asked(liste.lines, liste.pj_column, known, sizes, made)
    unused = [part.filename or "?" for at, part in enumerate(attachments) if at not in used and not _twice(known, part)]
    if known.twice:
        made.held.append({"code": "pj_twice", "text": _some(known.twice)})
    if missing:
        first = ", ".join([label for labels in missing.values() for label in labels][:_LINES])
        made.held.append({"code": "pj_missing", "text": _some(list(missing)), "line": first})
    if unused:
        made.held.append({"code": "pj_unused", "text": _some(unused)})
    return made


def _asked(
    lines: Iterable[Line], column: int, known: Shelf, sizes: Sequence[int], made: Personal
) -> tuple[dict[str, list[str]], set[int]]:
    """Go through the lines: the names that no file bears with the lines they stand on, and the files that are named.

    A line whose address is wrong gets no mail, but its file has found its place; a duplicate line has not: the file that
    stands there alone would be lost without a word.
    """
    missing: dict[str, list[str]] = {}
    used: set[int] = set()
    cells: dict[str, Found] = {}
    for line in lines:
        cell = line.values[column]
        found = cells.get(cell) or cells.setdefault(cell, known.find(cell))
        if line.fault is not Fault.DUPLICATE:
            used.update(found.files)
        if line.fault is not None:
            continue
        for name in found.missing:
            missing.setdefault(name, []).append(line.label)
        weight = sum(sizes[at] for at in found.files)
        made.heaviest = max(made.heaviest, weight)
        made.volume += weight
        made.without += not found.files
    return missing, used


def _twice(known: Shelf, part: Part) -> bool:
    return any(known.alike(part.filename, name) for name in known.twice)


def _some(names: Sequence[str]) -> str:
    more = f" … ({len(names)})" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
