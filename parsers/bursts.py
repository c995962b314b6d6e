"""Human or machine, where it takes more than one request to tell: the hits of one recipient within a short time.

In: the hits of a recipient that came close together, each with the verdict of its own request, and the instant at which
the server took the mail, by the attempt's own time. Out: a verdict a hit. Three different links within seconds, or the
link that no person sees, are a program's; so is whatever comes before the server's reply to the dot. Pure; raises and
logs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from parsers.hits import Verdict

PIXEL = -1  # the `link` of an open
HIDDEN = 4_095  # the `link` that only programs find; links that people see have lower numbers
BURST = 5_000  # ms within which MANY different links are too many for a person
MANY = 3
NEAR = 60_000  # ms around a hit of the hidden link in which the same program's other hits are its own


@dataclass(frozen=True, slots=True)
class Seen:
    """One hit: when (ms), which link (PIXEL for an open), by which program, and what its own request told."""

    at: int
    link: int
    agent: str
    alone: Verdict


def together(hits: Sequence[Seen], accepted_at: int | None) -> list[Verdict]:
    """Return the verdict of each hit; `accepted_at` is None where no server has said that it took the mail."""
    fast = _bursts(hits)
    traps = [hit for hit in hits if hit.link == HIDDEN]
    return [_one(hit, index in fast, traps, accepted_at) for index, hit in enumerate(hits)]


def _one(hit: Seen, fast: bool, traps: Sequence[Seen], accepted_at: int | None) -> Verdict:
    if hit.alone.machine and hit.alone.sure:
        return hit.alone
    if accepted_at is not None and hit.at < accepted_at:
        return Verdict(True, "early")
    if any(trap is hit or (trap.agent == hit.agent and abs(trap.at - hit.at) <= NEAR) for trap in traps):
        return Verdict(True, "hidden")
    return Verdict(True, "burst") if fast else hit.alone


def _bursts(hits: Sequence[Seen]) -> set[int]:
    """The indexes of hits in a window of BURST ms with MANY different links: its clicks, and its programs' opens."""
    order = sorted(range(len(hits)), key=lambda index: hits[index].at)
    found: set[int] = set()
    first = 0
    for last, index in enumerate(order):
        while hits[order[first]].at < hits[index].at - BURST:
            first += 1
        window = order[first : last + 1]
        clicks = [one for one in window if hits[one].link != PIXEL]
        if len({hits[one].link for one in clicks}) >= MANY:
            agents = {hits[one].agent for one in clicks}
            found.update(clicks)
            found.update(one for one in window if hits[one].link == PIXEL and hits[one].agent in agents)
    return found
