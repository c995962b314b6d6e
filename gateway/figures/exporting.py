"""The recipients of a view as rows of a table, a chunk at a time, for whoever writes them to a file.

In: the database, a campaign, a `View` and the columns. Out: chunks of at most CHUNK rows of cells, read by place, so that
memory stays flat and no read lasts long; the cells are made in a thread. A long list whose order was never prepared is
sorted first. Raises what the database raises, and TooLong.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from gateway.figures.columns import Cell, Column
from store import grid
from store.engine import Database
from store.grid import View
from store.reports import Person
from store.roads import Place
from store.values import Campaign

CHUNK = 1_000  # recipients in memory
Rows = AsyncIterator[Sequence[Sequence[Cell]]]


async def people(database: Database, campaign: Campaign, view: View, columns: Sequence[Column]) -> Rows:
    """Every recipient of the view in its order, one list of cells each."""
    after: Place | None = None
    while True:
        page = await grid.listed(database, campaign.id, view, CHUNK, after)
        if page.rows:
            yield await asyncio.to_thread(_cells, columns, page.rows)
        after = page.next
        if after is None:
            return


def _cells(columns: Sequence[Column], rows: Sequence[Person]) -> list[list[Cell]]:
    return [[column.value(person) for column in columns] for person in rows]
