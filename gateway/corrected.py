"""LISTE_corrigee.xlsx: every line of the list, with what is wrong with it in a last column.

In: a file of JSON lines [label, [cells], fault sentence] that intake wrote while the list went by, the column names and
where the workbook goes. Out: how many lines it holds. Above ALL_LINES lines only those with a fault are kept, so that
the acknowledgement can still be mailed. Runs inside a reading process; raises OSError and ValueError to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from gateway.sheet_out import write

ALL_LINES = 100_000
NAME = "LISTE_corrigee.xlsx"


def make(request: dict[str, Any]) -> dict[str, Any]:
    """Write the workbook that a request describes."""
    only_faults = bool(request["only_faults"])
    head = [request["line_title"], *request["columns"], request["fault_title"]]
    widths = [8, *(24 for _ in request["columns"]), 70]
    with Path(request["path"]).open("rb") as lines, Path(request["out"]).open("wb") as out:
        count = write(out, "LISTE", _rows(lines, head, len(request["columns"]), only_faults), widths)
    return {"kind": "corrected", "lines": count - 1}


def _rows(lines: Any, head: list[str], width: int, only_faults: bool) -> Iterator[list[str]]:
    yield head
    for line in lines:
        label, cells, fault = orjson.loads(line)
        if fault or not only_faults:
            cells = [str(cell) for cell in cells[:width]]
            yield [label, *cells, *("" for _ in range(width - len(cells))), fault]
