"""The table's rows, read within a bound: a page, how many there are, or why there is none yet.

In: an open connection, the campaign and a `Query`. Out: `Seen`: rows, a count as exact as the time allows, and a state that
the page has words for: `sorting` (the order is being prepared; `Sorter` does it, one list at a time), `long` (the database
was stopped), `fault` (the filter cannot be used). Raises only what the database raises; logs `list_sorted`,
`list_gathered`.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from config.logging import log
from gateway.figures import stats
from gateway.web.grid.asked import Query
from store import grid, haystacks, orderings
from store.engine import Database
from store.grid import Count, Page, Unsorted
from store.preferences import Preferences
from store.values import Ledger
from store.within import TooLong

ROWS = 50  # recipients a page
LOOK, COUNT = 0.045, 0.025  # seconds for the rows, and for counting them
_WAIT = 300  # lists that may wait to be sorted
TEXTS = "texts"  # stands for the texts where columns stand for orders
_EMPTY = Page((), None, None)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is shown; `count` None: nothing to count. `remembered`: what the reader had remembered, None for readers with a
    link."""

    page: Page = _EMPTY
    count: Count | None = None
    state: str = "rows"
    remembered: Preferences | None = None


class Sorter:
    """Sorts long lists, and gathers their texts, for whoever asked first, one at a time, while the process lives."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Semaphore(1)
        self._tasks: dict[tuple[int, str], asyncio.Task[None]] = {}

    def want(self, campaign_id: int, column: str) -> None:
        """Have an order built, or the texts gathered (TEXTS), unless it is under way; returns at once."""
        key = campaign_id, column
        if key in self._tasks or len(self._tasks) >= _WAIT:
            return
        task = asyncio.get_running_loop().create_task(self._sort(campaign_id, column))
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._tasks.pop(key, None))

    async def _sort(self, campaign_id: int, column: str) -> None:
        async with self._turn:
            try:
                if column == TEXTS:
                    rows = await haystacks.build(self._database, campaign_id)
                    log("list_gathered", campaign=campaign_id, rows=rows)
                else:
                    order = await orderings.build(self._database, campaign_id, column)
                    log("list_sorted", campaign=campaign_id, rows=order.length)
            except (SQLAlchemyError, OSError) as error:  # whoever looks again asks again
                log("failed", what="sorting", error=error)

    async def close(self) -> None:
        """End what is under way."""
        for task in list(self._tasks.values()):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def see(conn: AsyncConnection, campaign_id: int, ledger: Ledger, asked: Query, sorter: Sorter) -> Seen:
    """Read the rows and count them."""
    if asked.fault:
        return Seen(state="fault")
    try:
        page = await grid.page(conn, campaign_id, asked.view, ROWS, asked.after, asked.before, LOOK)
        rare = page.partial and haystacks.needles(asked.q, asked.filter)
        if rare and not await haystacks.is_ready(conn, campaign_id):
            sorter.want(campaign_id, TEXTS)
        return Seen(page, await _counted(conn, campaign_id, ledger, asked, page))
    except Unsorted:
        sorter.want(campaign_id, asked.sort)
        return Seen(state="sorting")
    except TooLong:
        return Seen(state="long")


async def _counted(conn: AsyncConnection, campaign_id: int, ledger: Ledger, asked: Query, page: Page) -> Count | None:
    if asked.looked:
        return None  # the answer before this one has begun to count
    if not asked.narrowed:
        return Count(next(tab.count for tab in stats.tabs(ledger) if tab.key == asked.tab))
    if asked.after is None and asked.before is None and page.next is None:
        return Count(len(page.rows))
    return await grid.count(conn, campaign_id, asked.view, budget=COUNT)
