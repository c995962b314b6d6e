"""A bound on the time that one statement may take, for what strangers make the database do.

In: an open connection that reads, and milliseconds. Out: nothing; a statement that takes longer ends, on SQLite by an
interrupt of its connection, on PostgreSQL by its own statement_timeout. Raises TooLong in its place; other errors of the
database pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from store import driver

STATEMENT = 2_000  # ms that a statement of the report may take


class TooLong(Exception):
    """What was asked takes longer than anybody may keep the database busy."""


@asynccontextmanager
async def within(conn: AsyncConnection, ms: int = STATEMENT) -> AsyncIterator[None]:
    """Every statement in the block ends after `ms`, and none of the block's runs on afterwards."""
    if conn.dialect.name != "sqlite":
        before = await conn.scalar(text("SELECT current_setting('statement_timeout')"))
        await conn.execute(text(f"SET LOCAL statement_timeout = {int(ms)}"))
        conn.info["bounded"] = True  # its end is no news
        try:
            yield
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", "") == "57014":  # query_canceled
                raise TooLong from error
            raise
        finally:
            conn.info.pop("bounded", None)
        await conn.execute(text("SELECT set_config('statement_timeout', :before, true)"), {"before": before})
        return
    fired = False

    def interrupt() -> None:
        nonlocal fired
        fired = True
        driver.of(conn).interrupt()

    timer = asyncio.get_running_loop().call_later(ms / 1000, interrupt)
    try:
        yield
    except DBAPIError as error:
        if fired:
            raise TooLong from error
        raise
    finally:
        timer.cancel()
