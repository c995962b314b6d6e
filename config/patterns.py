"""Regular expressions that an operator may write, held to patterns that take linear time.

In: the text of a pattern. Out: the compiled pattern, searched without regard to case; made once for each text.
Raises ValueError with one sentence: a pattern that is none, that fits the empty text, that repeats without a bound
(`*`, `+`, `{2,}`), or whose bounded repeats multiply to more than `MOST_PATHS` ways to read a text from one place.
"""

from __future__ import annotations

import re
from functools import lru_cache

MOST_PATHS = 1_000
_ANCHORED = 100  # times as many where an alternative begins with ^, as it is read from one place only
_LONGEST = 1_000  # characters of a pattern
_BOUNDS = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_GROUP = re.compile(r"\?(?::|=|!|<=|<!|P<\w+>)")


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern made ready for searching; ValueError when it is none, or one that a hostile text could make slow."""
    if len(pattern) > _LONGEST:
        raise ValueError(f"the pattern is longer than {_LONGEST:,} characters: make several rules of it")
    try:
        ready = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"the pattern {pattern!r} is no regular expression: {error}") from error
    _Counter(pattern).alternatives(0)
    if ready.search(""):
        raise ValueError(f"the pattern {pattern!r} fits any text")
    return ready


class _Counter:
    """Reads a pattern that `re` has accepted, from left to right; each method returns (ways, where it ended)."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def alternatives(self, at: int, repeated: bool = False) -> tuple[int, int]:
        found = []
        while True:
            ways, at = self._sequence(at)
            found.append(ways)
            if self._pattern[at : at + 1] != "|":
                # one place of a text begins few of the alternatives, unless a repeat may choose anew each time
                return (sum(found) if repeated else max(found)), at
            at += 1

    def _sequence(self, at: int) -> tuple[int, int]:
        total = 1
        most = MOST_PATHS * (_ANCHORED if self._pattern[at : at + 1] == "^" else 1)
        while at < len(self._pattern) and self._pattern[at] not in "|)":
            begin = at
            ways, at = self._atom(at)
            low, high, at = self._repeat(at)
            if high > 1 and ways == 1 and self._pattern[begin] == "(":
                ways, _ = self.alternatives(self._inside(begin), repeated=True)
            total *= high - low + 1 if ways == 1 else sum(min(ways, 99) ** count for count in range(low, high + 1))
            if total > most:
                raise ValueError(f"the pattern {self._pattern!r} has so many repeats that a text could hold it up")
        return total, at

    def _atom(self, at: int) -> tuple[int, int]:
        match self._pattern[at]:
            case "\\":
                return 1, at + 2
            case "[":
                end = at + 2 if self._pattern[at + 1] != "^" else at + 3  # a bracket that comes first means itself
                while self._pattern[end] != "]":
                    end += 2 if self._pattern[end] == "\\" else 1
                return 1, end + 1
            case "(":
                ways, end = self.alternatives(self._inside(at))
                looks = self._pattern[at + 1 : at + 3] in ("?=", "?!") or self._pattern[at + 1 : at + 3] == "?<"
                return (1 if looks else ways), end + 1  # a look around is never read a second time
        return 1, at + 1

    def _inside(self, at: int) -> int:
        if self._pattern[at + 1] != "?":
            return at + 1
        if not (found := _GROUP.match(self._pattern, at + 1)):
            raise ValueError(f"the pattern {self._pattern!r} has a kind of group that is not allowed here")
        return found.end()

    def _repeat(self, at: int) -> tuple[int, int, int]:
        sign = self._pattern[at : at + 1]
        if sign == "?":
            return 0, 1, self._lazy(at + 1)
        found = _BOUNDS.match(self._pattern, at)
        if (sign and sign in "*+") or (found and found[2] and not found[3]):
            raise ValueError(f"the pattern {self._pattern!r} repeats without a bound: write .{{0,40}} instead of .*")
        if not found:
            return 1, 1, at
        low = int(found[1])
        return low, int(found[3]) if found[2] else low, self._lazy(found.end())

    def _lazy(self, at: int) -> int:
        return at + 1 if at < len(self._pattern) and self._pattern[at] in "?+" else at
