"""Which attachments a cell of the PJ column names: the personal documents of one recipient.

In: the names of a mail's attachments, then cells. Out: the files of a cell by their place, and what names no file. Names
are compared whole, whatever their case and Unicode form, never by likeness: a document that goes to the wrong person cannot
be taken back. A name without an ending finds the one file of that stem. Raises nothing; logs nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parsers.parts import file_name

_PIECES = 200  # files a cell may name
_CUTS = re.compile(r"[;|\r\n]+")
_ENDING = re.compile(r"\.[a-z0-9]{1,5}\Z")
_QUOTES = " \t\"'«»\u00a0\u202f"
_NONE = frozenset(("", "-", "–", "—", "aucun", "aucune", "néant", "none"))


@dataclass(frozen=True, slots=True)
class Found:
    """What a cell names: files by their place, in its order, each once; and names that no file bears."""

    files: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shelf:
    """The attachments by name; `twice` are names that several files bear, which therefore name none."""

    names: Mapping[str, int]
    stems: Mapping[str, int]
    twice: tuple[str, ...]

    def find(self, cell: str) -> Found:
        """Return the files that a cell names: one name, or several separated by ; | , or line ends."""
        files: dict[int, None] = {}
        missing: list[str] = []
        for name in self._pieces(cell):
            at = self._place(name)
            if at is None:
                missing.append(name[:255])
            else:
                files[at] = None
        return Found(tuple(files), tuple(missing))

    def alike(self, one: str, other: str) -> bool:
        """Say whether two names are one to us."""
        return _folded(one) == _folded(other)

    def _pieces(self, cell: str) -> list[str]:
        """A name may hold separators itself: what is a file's name as a whole is not cut."""
        found: list[str] = []
        for part in [cell] if self._place(cell) is not None else _CUTS.split(cell):
            whole = self._place(part) is not None or _folded(part) in _NONE
            found += [part] if whole else part.split(",")
        trimmed = [name.strip(_QUOTES) for name in found]
        # a name that is "aucun" or "-" counts when a file is called so
        return [name for name in trimmed if _folded(name) not in _NONE or self._place(name) is not None][:_PIECES]

    def _place(self, name: str) -> int | None:
        key = _folded(name)
        at = self.names.get(key)
        # "plan.pdf" is not "plan.pdf.zip"
        return self.stems.get(key) if at is None and not _ENDING.search(key) else at


def shelf(filenames: Sequence[str]) -> Shelf:
    """Return the attachments of a mail as cells may name them; a file without a name can never be named."""
    keys = [_folded(name) for name in filenames]
    names: dict[str, int] = {}
    stems: dict[str, int] = {}
    ambiguous: dict[str, str] = {}
    doubled: set[str] = set()
    for at, key in enumerate(keys):
        if key in names:
            ambiguous[key] = filenames[at]
        if key:
            names.setdefault(key, at)
            stem = _ENDING.sub("", key)
            if stem in stems:
                doubled.add(stem)
            if stem != key:
                stems.setdefault(stem, at)
    for key in ambiguous:
        del names[key]
        doubled.add(_ENDING.sub("", key))
    return Shelf(names, {stem: at for stem, at in stems.items() if stem not in doubled}, tuple(ambiguous.values()))


def _folded(name: str) -> str:
    """The form in which names are compared: the last step of a path, composed, no case, blanks made one."""
    text = unicodedata.normalize("NFKC", file_name(name.strip(_QUOTES)))
    return " ".join(unicodedata.normalize("NFKC", text.casefold()).split()).strip(_QUOTES)
