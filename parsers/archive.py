"""Zip archives and XML of strangers, read within bounds.

In: bytes of a zip file; out: its parts, found by name, as chunks or whole; XML goes to handlers through expat.
Raises `TooMuch` past a bound and `BadArchive` for damage, for the sheet readers alone; logs nothing.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol
from xml.parsers import expat

from parsers.sheet import Limits, TooMuch, UnreadableReason

ENTRIES_MAX = 10_000
# Below this even a perfect ratio harms nobody.
_SMALL = 1 << 20
_CHUNK = 1 << 16
# Parts that are read whole: relations, styles, the book's directory.
PART_MAX = 64 << 20


class BadArchive(Exception):
    """Damaged or not what it should be; carries a short reason."""


class Handler(Protocol):
    """What takes the events of an XML part; names come without their prefix."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element opens."""

    def end(self, name: str) -> None:
        """An element closes."""

    def text(self, data: str) -> None:
        """Characters, in as many pieces as expat likes."""


class Archive:
    """A checked zip directory; every read is bounded by the size that the directory claims."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, IndexError, EOFError) as trouble:
            raise BadArchive(str(trouble)[:100]) from None
        infos = self._zip.infolist()
        if len(infos) > ENTRIES_MAX:
            raise TooMuch(UnreadableReason.TOO_BIG, f"{len(infos)} entries")
        total = sum(info.file_size for info in infos)
        if total > limits.unpacked or (total > _SMALL and total > limits.ratio * max(len(data), 1)):
            raise TooMuch(UnreadableReason.TOO_BIG, f"{total} bytes unpacked")
        self.encrypted = any(info.flag_bits & 1 for info in infos)
        self._names: dict[str, str] = {}
        for info in infos:
            self._names.setdefault(_flat(info.filename), info.filename)

    def names(self) -> list[str]:
        """The names of all parts, as stored."""
        return self._zip.namelist()

    def find(self, name: str) -> str | None:
        """The stored name of a part whatever its case, slashes and leading slash, or None."""
        if name in self._zip.NameToInfo:
            return name
        return self._names.get(_flat(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a part, 64 KB at a time."""
        stored = self.find(name)
        if stored is None:
            raise BadArchive(f"no {name}"[:100])
        try:
            with self._zip.open(stored) as part:
                while chunk := part.read(_CHUNK):
                    yield chunk
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            NotImplementedError,
            RuntimeError,
            EOFError,
            ValueError,
        ) as bad:
            raise BadArchive(f"{stored}: {bad}"[:100]) from None

    def whole(self, name: str, most: int = PART_MAX) -> bytes:
        """All bytes of a part, at most `most`."""
        out = bytearray()
        for chunk in self.chunks(name):
            out += chunk
            if len(out) > most:
                raise TooMuch(UnreadableReason.TOO_BIG, name[:100])
        return bytes(out)


def _flat(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()


def parse_xml(chunks: Iterator[bytes], handler: Handler) -> None:
    """Run XML through a handler; an entity of its own is refused, depth costs nothing (expat does not recurse)."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    local = _LocalNames()

    def start(name: str, attributes: dict[str, str]) -> None:
        handler.start(local[name], attributes)

    def end(name: str) -> None:
        handler.end(local[name])

    def first(name: str, attributes: dict[str, str]) -> None:
        # Where the root has no prefix, what has one is an extension that no handler knows: no need to cut names.
        prefixed = ":" in name
        parser.StartElementHandler = start if prefixed else handler.start
        parser.EndElementHandler = end if prefixed else handler.end
        handler.start(local[name], attributes)

    parser.StartElementHandler = first
    parser.CharacterDataHandler = handler.text
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    _feed(parser, chunks)


class _LocalNames(dict[str, str]):
    """Element names without their prefix, cut once each."""

    def __missing__(self, name: str) -> str:
        cut = name.rpartition(":")[2]
        if len(self) < 1000:
            self[name] = cut
        return cut


def _refuse(*_arguments: object) -> int:
    # Entities are how XML bombs and file theft work (CWE-776, CWE-611); no sheet program writes them.
    raise BadArchive("entity")


def _feed(parser: expat.XMLParserType, chunks: Iterator[bytes]) -> None:
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as trouble:
        raise BadArchive(str(trouble)[:100]) from None


class Elements:
    """A handler for small parts: calls back with each element's name and attributes."""

    def __init__(self, visit: Callable[[str, dict[str, str]], None]) -> None:
        self._visit = visit

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Pass an element on."""
        self._visit(name, attributes)

    def end(self, name: str) -> None:
        """Nothing to do."""

    def text(self, data: str) -> None:
        """Nothing to do."""
