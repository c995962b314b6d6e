"""LISTE_corrigee.xlsx: every line of the list, with what is wrong with it in a last column.

In: a file of JSON lines [label, [cells], fault sentence] that intake wrote while the list went by, the column names and
where the workbook goes. Out: how many lines it holds. Above ALL_LINES lines only those with a fault are kept, so that
the acknowledgement can still be mailed. Runs inside a reading process; raises OSError and ValueError to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from gateway.sheet import Xlsx

ALL_LINES = 100_000
NAME = "LISTE_corrigee.xlsx"
_AT_ONCE = 500  # lines in memory


def make(request: dict[str, Any]) -> dict[str, Any]:
    """Write the workbook that a request describes."""
    only_faults = bool(request["only_faults"])
    head = [request["line_title"], *request["columns"], request["fault_title"]]
    widths = [8, *(24 for _ in request["columns"]), 70]
    count = 0
    with Path(request["path"]).open("rb") as lines, Path(request["out"]).open("wb") as out:
        book, rows = Xlsx("LISTE", widths), _rows(lines, len(request["columns"]), only_faults)
        out.write(book.start(head))
        while some := list(islice(rows, _AT_ONCE)):
            out.write(book.rows(some))
            count += len(some)
        out.write(book.finish())
    return {"kind": "corrected", "lines": count}


def _rows(lines: Any, width: int, only_faults: bool) -> Iterator[list[str]]:
    for line in lines:
        label, cells, fault = orjson.loads(line)
        if fault or not only_faults:
            cells = [str(cell) for cell in cells[:width]]
            yield [label, *cells, *("" for _ in range(width - len(cells))), fault]
