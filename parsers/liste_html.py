"""Lists that are really an HTML table named .xls, as many web applications export them.

In: the bytes of the page; out: a `Book`, one sheet a top-level table (without any, its lines of text). Spans are written out
within bounds. Raises and logs nothing; a page with neither table nor address is NO_TABLE.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from parsers.address import looks_like
from parsers.liste_text import decode
from parsers.plain import html_to_text
from parsers.sheet import Book, Collector, Limits, Sheet, TooMuch, Unreadable, UnreadableReason

_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<(/?)([a-zA-Z][a-zA-Z0-9:]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>", re.DOTALL)
_HIDDEN = frozenset(("script", "style", "title", "xml"))
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([a-zA-Z0-9_-]{2,40})", re.IGNORECASE)
_SPAN = re.compile(r"\b(col|row)span\s*=\s*[\"']?(\d{1,5})", re.IGNORECASE)
_TABLES_MAX = 200
NO_TABLE = Unreadable(UnreadableReason.UNKNOWN_KIND, "html")


@dataclass(slots=True)
class _Table:
    """A table under construction: its finished rows, and the row and cell that are open."""

    rows: list[list[str]] = field(default_factory=list)
    row: list[str] | None = None
    cell: list[str] | None = None
    across: int = 1
    down: dict[int, int] = field(default_factory=dict)
    spans: list[tuple[int, int, int]] = field(default_factory=list)


def read(data: bytes, limits: Limits) -> Book | Unreadable:
    """Open a page; its tables are its sheets."""
    tables: list[_Table] = []
    try:
        page = _page(data)
        for table in _tables(page, limits):
            if any(any(cell.strip() for cell in row) for row in table.rows) and len(tables) < _TABLES_MAX:
                tables.append(table)
    except TooMuch as too_much:
        return too_much.refusal
    if not tables:
        return _paragraphs(page, limits)
    return Book("html", tuple("" for _ in tables), _loader(tables, limits))


def _paragraphs(page: str, limits: Limits) -> Book | Unreadable:
    """A page that lists its addresses below one another, a cell a line."""
    lines = html_to_text(page).split("\n")
    if not any(map(looks_like, lines)):
        return NO_TABLE
    return Book("html", ("",), _loader([_Table([[line] for line in lines])], limits))


def _page(data: bytes) -> str:
    """The page's text by its own charset where it names one and it fits, else as any text."""
    match = _CHARSET.search(data[:4096])
    if match is not None and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        name = match[1].decode("ascii").lower()
        # Browsers and Excel read Latin-1 as windows-1252.
        name = "cp1252" if name in ("iso-8859-1", "latin1", "us-ascii", "ascii", "windows-1252") else name
        try:
            return data.decode(name)
        except (LookupError, UnicodeError, ValueError):
            pass
    return decode(data)


def _loader(tables: list[_Table], limits: Limits) -> Callable[[int], Sheet | Unreadable]:
    def load(index: int) -> Sheet | Unreadable:
        collector = Collector("", limits)
        try:
            for number, row in enumerate(tables[index].rows, 1):
                collector.add(number, list(row))
        except TooMuch as too_much:
            return too_much.refusal
        return collector.sheet()

    return load


def _tables(page: str, limits: Limits) -> Iterator[_Table]:
    """Top-level tables in order; an inner table's text belongs to the cell around it."""
    table: _Table | None = None
    depth = position = 0
    hidden = ""
    for match in _TAG.finditer(page):
        closing, name = match[1] == "/", (match[2] or "").lower()
        if hidden:
            # What stands in a script or style is neither text nor table.
            if closing and name == hidden:
                hidden, position = "", match.end()
            continue
        if table is not None and table.cell is not None:
            table.cell.append(_BLANKS.sub(" ", html.unescape(page[position : match.start()])))
        position = match.end()
        if name in _HIDDEN and not closing:
            hidden = name
        elif name == "table":
            depth = max(depth - 1, 0) if closing else depth + 1
            if table is None and depth == 1:
                table = _Table()
            elif table is not None and depth == 0:
                _close_row(table)
                yield table
                table = None
        elif table is not None and depth == 1:
            _tag(table, name, closing, match[3] or "", limits)
    if table is not None:
        _close_row(table)
        yield table


def _tag(table: _Table, name: str, closing: bool, attributes: str, limits: Limits) -> None:
    if name == "tr":
        _close_row(table)
        if not closing:
            table.row = []
    elif name in ("td", "th"):
        _close_cell(table)
        if not closing:
            _open_cell(table, attributes, limits)
    elif name in ("br", "p", "div", "li") and table.cell is not None and (closing or name == "br"):
        table.cell.append("\n")


def _open_cell(table: _Table, attributes: str, limits: Limits) -> None:
    spans = (
        {side.lower(): int(count) for side, count in _SPAN.findall(attributes)} if "span" in attributes.lower() else {}
    )
    table.row = table.row if table.row is not None else []
    # A cell of an earlier row may reach down into this one.
    while table.down.get(len(table.row), 0) > 0:
        table.down[len(table.row)] -= 1
        table.row.append("")
    across, down = max(spans.get("col", 1), 1), spans.get("row", 1)
    if len(table.row) + across > limits.columns:
        across = 1
    if len(table.row) >= limits.columns:
        raise TooMuch(UnreadableReason.TOO_MANY_COLUMNS, str(limits.columns))
    if down > 1:
        table.spans += [(column, down - 1, across) for column in range(len(table.row), len(table.row) + across)]
    table.cell, table.across = [], across


def _close_cell(table: _Table) -> None:
    if table.cell is not None and table.row is not None:
        text = "\n".join(line.strip(" \xa0") for line in "".join(table.cell).split("\n")).strip("\n \xa0")
        table.row += [text] + [""] * (table.across - 1)
    table.cell, table.across = None, 1


def _close_row(table: _Table) -> None:
    _close_cell(table)
    if table.row is not None:
        table.rows.append(table.row)
        for column, down, _ in table.spans:
            table.down[column] = max(table.down.get(column, 0), down)
        table.spans = []
    table.row = None
