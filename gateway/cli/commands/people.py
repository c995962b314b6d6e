"""What commands about people share: addresses and dates as they are typed, columns of the files that they read.

In: text of the command line, lines of a list. Out: plain values. Raises Failure with one sentence.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.cli.failure import Failure
from parsers.address import parse
from parsers.columns import canonical
from parsers.days import day_or_none
from parsers.liste import Line, Liste


def address_of(text: str) -> str:
    """The one address in a text; Failure when there is none, or more."""
    addresses = parse(text)
    if len(addresses) != 1 or addresses[0].fault is not None:
        raise Failure(f"{text!r} is no e-mail address")
    return addresses[0].address


def day(text: str) -> int:
    """The start of a day (or an instant), UTC ms; Failure when it is none."""
    found = day_or_none(text)
    if found is None:
        raise Failure(f"{text!r} is no date: write for example 2027-06-30 or 30/06/2027")
    return found


def place(read: Liste, names: Sequence[str]) -> int | None:
    """The column of a list that bears one of these names (canonical)."""
    return next((at for at, name in enumerate(read.columns) if canonical(name) in names), None)


def value(line: Line, at: int | None) -> str:
    """What a line holds in a column; empty where there is no such column."""
    return "" if at is None or at >= len(line.values) else line.values[at].strip()
