"""Lists as plain text: encodings, separators, quotes, one address a line.

In: the bytes of a .txt, .csv or .tsv file; out: a `Book` of one sheet whose row numbers are the lines a text
editor shows. Stray quotes cost one line, never the rest. Raises and logs nothing; what is no text is refused.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Sequence

from parsers import liste_vcard
from parsers.address import looks_like
from parsers.columns import score
from parsers.french import encoding_of
from parsers.sheet import Book, Collector, Limits, Sheet, TooMuch, Unreadable, UnreadableReason

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SEPARATORS = (";", "\t", ",", "|")
_SAMPLE_LINES = 400
_SAMPLE_BYTES = 64 * 1024
# A quoted cell of a list may span some lines; one that spans more is a stray quote.
_QUOTED_LINES = 40
# A file whose quotes mostly never close is read without rows of several lines.
_STRAYS_MAX = 200
_SAMPLE_CHARACTERS = 64 * 1024
_LINE_MAX = 1_000_000  # above it a line is looked at for separators before it is cut into cells
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_EXCEL_TEXT = re.compile(r'="([^"]*)"')
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def decode(data: bytes) -> str:
    """Text of bytes in whatever encoding they are: BOM, NUL pattern, strict UTF-8, else the likeliest of French offices."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :].decode(name, "replace")
    if b"\0" in data and (wide := _wide(data)):
        return data.decode(wide, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _legacy(data)


def _wide(data: bytes) -> str:
    """UTF-16 or UTF-32 without BOM by where the NULs of its ASCII characters stand, or ""."""
    head = data[:4096]
    quarter = max(len(head) // 4, 1)
    nuls = [head[offset::4].count(0) / quarter for offset in range(4)]
    if len(data) % 4 == 0 and min(nuls[2], nuls[3]) > 0.9 and nuls[0] < 0.3:
        return "utf-32-le"
    if len(data) % 4 == 0 and min(nuls[0], nuls[1]) > 0.9 and nuls[3] < 0.3:
        return "utf-32-be"
    even, odd = (nuls[0] + nuls[2]) / 2, (nuls[1] + nuls[3]) / 2
    if odd > 0.4 and even < 0.2:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.2 else ""


def _legacy(data: bytes) -> str:
    # Only the lines with accents tell anything, and a long list of plain addresses would drown them.
    lines = [line for line in data.splitlines() if not line.isascii()]
    sample = b"\n".join(lines)[:_SAMPLE_BYTES]
    if len(sample) and _mostly_utf8(lines):
        return data.decode("utf-8", "replace")
    return data.decode(encoding_of(sample), "m2c_latin1")


def _mostly_utf8(lines: list[bytes]) -> bool:
    """One cut or pasted byte must not turn a whole UTF-8 list into mojibake."""
    good = 0
    for line in lines[:2000]:
        try:
            line.decode("utf-8")
            good += 1
        except UnicodeDecodeError:
            continue
    return good >= 3 and good * 10 >= len(lines[:2000]) * 9


def read(data: bytes, limits: Limits) -> Book | Unreadable:
    """Open a text list; refused as unknown when the bytes are no text."""
    text = decode(data)
    head = text[:100_000]
    if len(_BINARY.findall(head)) > max(2, len(head) // 200):
        return Unreadable(UnreadableReason.UNKNOWN_KIND, "binary")
    return Book("text", ("",), _loader(text.lstrip("\ufeff").rstrip("\x1a"), limits))


def _loader(text: str, limits: Limits) -> Callable[[int], Sheet | Unreadable]:
    cards = liste_vcard.is_cards(text)

    def load(_index: int) -> Sheet | Unreadable:
        collector = Collector("", limits)
        try:
            for number, cells in liste_vcard.rows(text) if cards else _records(text, limits.columns):
                collector.add(number, cells)
        except TooMuch as too_much:
            return too_much.refusal
        return collector.sheet()

    return load


def _records(text: str, columns: int) -> Iterator[tuple[int, list[str]]]:
    """Rows of a text with the number of the line each begins on."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    start, stated = 0, ""
    if (match := _SEP_LINE.fullmatch(lines[0])) is not None:
        start, stated = 1, match[1]
    separator = stated or separator_of(lines[start : start + _SAMPLE_LINES])
    if not separator:
        yield from ((number, [_unquoted(line)]) for number, line in enumerate(lines[start:], start + 1))
        return
    if any(len(line) > _LINE_MAX and line.count(separator) > _LINE_MAX // 10 for line in lines):
        raise TooMuch(UnreadableReason.TOO_MANY_COLUMNS, str(columns))
    spaced = separator == "," and any(', "' in line for line in lines[start : start + _SAMPLE_LINES])
    yield from _parsed(lines, start, separator, spaced)


def _unquoted(line: str) -> str:
    """A line that is one cell: its own surrounding quotes are no part of it."""
    line = line.strip()
    if len(line) > 1 and line[0] == line[-1] == '"' and '"' not in line[1:-1].replace('""', ""):
        return line[1:-1].replace('""', '"')
    return line


def _parsed(lines: list[str], start: int, separator: str, spaced: bool) -> Iterator[tuple[int, list[str]]]:
    """Rows by the csv module; a quote that never closes makes its one line be read without quotes."""
    position, strays = start, 0
    while position < len(lines):
        if strays >= _STRAYS_MAX and lines[position].count('"') % 2:
            yield position + 1, _split(lines[position], separator)
            position += 1
            continue
        feed = _Feed(lines, position)
        reader = csv.reader(feed, delimiter=separator, skipinitialspace=spaced)
        try:
            for cells in reader:
                if feed.position - position > 1 and _swallowed(cells, separator):
                    break
                yield position + 1, [_excel_text(cell) for cell in cells] if "=" in "".join(cells) else cells
                lines[position] = ""  # nobody comes back to it, and a million of them are 90 MB
                position = feed.begun = feed.position
            else:
                return
        except (csv.Error, _Runaway):
            pass
        yield position + 1, _split(lines[position], separator)
        position, strays = position + 1, strays + 1


def _split(line: str, separator: str) -> list[str]:
    return [cell.strip().strip('"') for cell in line.split(separator)]


def _swallowed(cells: list[str], separator: str) -> bool:
    """Whether a cell of several lines is really rows eaten by a stray quote: separators and an address in a line."""
    for cell in cells:
        if "\n" in cell and any(separator in line and looks_like(line) for line in cell.split("\n")[1:]):
            return True
    return False


def _excel_text(cell: str) -> str:
    match = _EXCEL_TEXT.fullmatch(cell)
    return match[1] if match is not None else cell


class _Runaway(Exception):
    """A quoted cell goes on for more lines than any cell of a list does."""


class _Feed:
    """Lines for the csv module, counted, that stop a record from eating the rest of the file."""

    def __init__(self, lines: Sequence[str], position: int) -> None:
        self.lines, self.position, self.begun = lines, position, position

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self.position >= len(self.lines):
            # Only a record left open by a stray quote asks for more in the middle of itself.
            if self.position > self.begun:
                raise _Runaway
            raise StopIteration
        if self.position - self.begun > _QUOTED_LINES:
            raise _Runaway
        line = self.lines[self.position]
        self.position += 1
        return line + "\n"


def separator_of(lines: Sequence[str]) -> str:
    """The separator of a text list, or "" where every line is one cell."""
    lines = [line[:_SAMPLE_CHARACTERS] for line in lines if line.strip()]
    if not lines:
        return ""
    scored = [(_fit(lines, separator), -rank, separator) for rank, separator in enumerate(_SEPARATORS)]
    fit, _, separator = max(scored)
    return separator if fit > 0 else ""


def _fit(lines: Sequence[str], separator: str) -> float:
    """How well a separator explains the lines: rows of one width, few addresses a row; 0 where it does not."""
    rows = _sampled(lines, separator)
    widths: dict[int, int] = {}
    for row in rows:
        widths[len(row)] = widths.get(len(row), 0) + 1
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    several = sum(1 for row in rows if len(row) > 1)
    if several == 0 or _is_run_of_addresses(rows):
        return 0.0
    if width == 1 and several * 4 < len(rows) and not any(score(cell) > 1 for cell in rows[0][:50]):
        return 0.0
    named = 2.0 if len(rows[0]) > 1 and any(score(cell) > 1 for cell in rows[0][:500]) else 0.0
    alone = sum(1 for row in rows for cell in row if looks_like(cell) and " " not in cell.strip()) / len(rows)
    return several / len(rows) + count / len(rows) + named + min(alone, 1.0) + min(width, 20) / 100


def _sampled(lines: Sequence[str], separator: str) -> list[list[str]]:
    if separator == "," and any(', "' in line for line in lines):
        return [row for row in (next(csv.reader([line], skipinitialspace=True), []) for line in lines) if row]
    try:
        return [row for row in (next(csv.reader([line], delimiter=separator), []) for line in lines) if row]
    except csv.Error:
        return [line.split(separator) for line in lines]


def _is_run_of_addresses(rows: Sequence[Sequence[str]]) -> bool:
    """Addresses pasted from a mail program ("a@b.fr; c@d.fr"), or names with commas: the line is the cell."""
    filled = [[cell for cell in row if cell.strip()] for row in rows]
    many = any(len(row) > 1 for row in filled)
    if many and all(looks_like(cell) for row in filled for cell in row):
        return True
    # 'Dupont, Jean <j@d.fr>' on every line with an address: the comma belongs to the name.
    halves = [row for row in filled if len(row) > 1]
    return bool(halves) and all(
        len(row) == 2 and not looks_like(row[0]) and "<" in row[1] and row[1].rstrip().endswith(">") for row in halves
    )
