"""The shared strings of a BIFF8 workbook, read to their end whatever count the file claims.

In: the SST record and its CONTINUE records ([MS-XLS] 2.4.265, 2.5.293); out: the strings in order.
Raises nothing and logs nothing: where the data breaks off, the strings end.
"""

from __future__ import annotations

from collections.abc import Sequence

_HEADER = 8
_WIDE, _PHONETIC, _RICH = 0x01, 0x04, 0x08


def shared_strings(records: Sequence[bytes]) -> list[str]:
    """Every string of the table; some exporters write a wrong count, which xlrd's own reading dies of."""
    strings: list[str] = []
    table = _Table(records)
    while (text := table.string()) is not None:
        strings.append(text)
    return strings


class _Table:
    """A position in the records of the table."""

    def __init__(self, records: Sequence[bytes]) -> None:
        self._records = [record for record in records if record]
        self._record, self._at = 0, _HEADER

    def string(self) -> str | None:
        """The next string, its formatting and phonetic data skipped; None at the end."""
        if (text := self._plain()) is not None:
            return text
        self._settle()
        header = self._take(3)
        if header is None:
            return None
        need, flags = int.from_bytes(header[:2], "little"), header[2]
        runs = self._take(2) if flags & _RICH else b""
        guide = self._take(4) if flags & _PHONETIC else b""
        if runs is None or guide is None:
            return None
        text = self._characters(need, flags & _WIDE)
        self._at += 4 * int.from_bytes(runs, "little") + int.from_bytes(guide, "little")
        return text

    def _plain(self) -> str | None:
        """The next string where it is whole in its record and has no formatting, as most have; else None."""
        if self._record >= len(self._records):
            return None
        data, at = self._records[self._record], self._at
        if at + 3 > len(data) or data[at + 2] > _WIDE:
            return None
        need = (data[at] | data[at + 1] << 8) << data[at + 2]
        end = at + 3 + need
        if end > len(data):
            return None
        self._at = end
        return data[at + 3 : end].decode("utf-16-le" if data[at + 2] else "latin-1", "replace")

    def _settle(self) -> None:
        """Step over the records that lie wholly before the position."""
        while self._record < len(self._records) and self._at >= len(self._records[self._record]):
            self._at -= len(self._records[self._record])
            self._record += 1

    def _take(self, size: int) -> bytes | None:
        if self._record >= len(self._records):
            return None
        found = self._records[self._record][self._at : self._at + size]
        self._at += size
        return found if len(found) == size else None

    def _characters(self, need: int, wide: int) -> str:
        """Characters that may go on in the next records, each of which begins with its own width."""
        parts: list[str] = []
        while need and self._record < len(self._records):
            size = 2 if wide else 1
            data = self._records[self._record]
            count = min((len(data) - self._at) // size, need)
            piece = data[self._at : self._at + count * size]
            parts.append(piece.decode("utf-16-le" if wide else "latin-1", "replace"))
            self._at += count * size
            need -= count
            if need:
                self._record += 1
                self._at = 1
                wide = self._records[self._record][0] & _WIDE if self._record < len(self._records) else 0
        return "".join(parts)
