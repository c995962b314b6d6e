"""Small chores on time: finished campaigns are marked, stopped ones wound up, dead senders lose their leases.

In: the database and an event that ends it. Out: rows put right every second (campaigns) and every five (workers).
A chore that fails is logged and tried again at its next turn. Logs campaign_finished and swept.
"""

from __future__ import annotations

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from config.logging import log
from store import control, jobs
from store.engine import Database, now_ms

_EVERY_S = 1.0
_SWEEP_TURNS = 5


async def keep_house(database: Database, stop: asyncio.Event) -> None:
    """Do the chores until `stop` is set."""
    turn = 0
    while not stop.is_set():
        try:
            await _wind_up(database)
            await _finish(database)
            if turn % _SWEEP_TURNS == 0:
                await _sweep(database)
        except SQLAlchemyError as error:
            log("failed", what="janitor", error=error)
        turn += 1
        try:
            async with asyncio.timeout(_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue


async def _wind_up(database: Database) -> None:
    # a chunk a transaction: a million recipients of a stopped campaign must not keep the senders from writing
    while True:
        async with database.write() as conn:
            if await control.settle_stopped(conn, now_ms()) < control.CHUNK:
                return


async def _finish(database: Database) -> None:
    now = now_ms()
    async with database.write() as conn:
        done = await control.finish_done(conn, now)
    for campaign in done:
        log("campaign_finished", campaign=campaign)


async def _sweep(database: Database) -> None:
    async with database.write() as conn:
        stale = await jobs.sweep(conn, now_ms())
    if stale:
        log("swept", workers=stale)
