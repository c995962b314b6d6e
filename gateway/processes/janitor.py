"""Small chores on time: finished campaigns are marked, stopped ones wound up, dead senders lose their leases; campaigns
that go wrong are paused, and whoever must know is told; people are erased when the reports on them end.

In: the desk and an event that ends it. Out: rows put right every second (campaigns, what readers did), every five
(workers, steps of the warm-up, forecasts, letters about late campaigns), every minute (final reports) and every hour
(suppressions that have ended, the memory against replay, old files, answers to programs). A chore that fails is logged and
tried again at its next turn. Logs campaign_finished, source_moved and swept.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from config import warmup
from config.durations import milliseconds
from config.logging import log
from gateway.figures.forecasting import Forecaster
from gateway.intake.desk import Desk
from gateway.letters import brakes, comebacks, complained, exports, final, late, passwords, talks
from gateway.letters.alerts import Alerts
from gateway.processes.erasing import Eraser
from gateway.returns import complaints, judging
from store import brakes as store_brakes
from store import control, drafts, files, jobs, proved, submissions, suppression_list, warmups
from store.engine import Database, now_ms

_EVERY_S = 1.0
_SWEEP_TURNS = 5
_REPORT_TURNS = 60
_HOUR_TURNS = 3_600
REPEATED = 20.0  # seconds between two turns of what waits for DNS and the web

Chore = Callable[[], Awaitable[object]]


async def keep_house(desk: Desk, stop: asyncio.Event) -> None:
    """Do the chores until `stop` is set."""
    database, turn, alerts, calendar = desk.database, 0, Alerts(desk), warmup.load(desk.settings.warmup_file)
    watch, settle = jobs.Watch(), milliseconds(desk.settings.tracking.settle)
    forecaster, eraser = Forecaster(desk), Eraser(desk)
    chores: tuple[tuple[int, Chore], ...] = (
        (1, lambda: _wind_up(database)),
        (1, lambda: _finish(database)),
        (1, lambda: judging.turn(database, desk.suppression, settle, now_ms())),
        (1, lambda: _brake(desk)),
        (1, lambda: brakes.tell(desk)),
        (1, alerts.tell),
        (_SWEEP_TURNS, lambda: late.tell(desk)),
        (_SWEEP_TURNS, lambda: talks.confirm(desk)),
        (_REPORT_TURNS, lambda: final.tell(desk)),
        (1, lambda: comebacks.invite(desk)),
        (_SWEEP_TURNS, lambda: exports.tell(desk)),
        (1, lambda: passwords.write(desk)),
        (1, eraser.turn),
        (_REPORT_TURNS, lambda: complaints.count(desk)),
        (_HOUR_TURNS, lambda: complained.tell(desk)),
        (_SWEEP_TURNS, lambda: _sweep(database, watch)),
        (_SWEEP_TURNS, lambda: _warm_up(database, calendar)),
        (_SWEEP_TURNS, forecaster.look),
        (_HOUR_TURNS, lambda: _forget(database)),
        (_HOUR_TURNS, lambda: _old_drafts(desk)),
        (_HOUR_TURNS, lambda: _forget_proved(database)),
        (_HOUR_TURNS, lambda: _take_off(database)),
        (_HOUR_TURNS, lambda: _forget_requests(database)),
    )
    while not stop.is_set():
        for turns, chore in chores:
            try:
                if turn % turns == 0:
                    await chore()
            except (SQLAlchemyError, OSError) as error:  # one that fails keeps no other from being done
                log("failed", what="janitor", error=error)
        turn += 1
        try:
            async with asyncio.timeout(_EVERY_S):
                await stop.wait()
        except TimeoutError:
            continue


async def repeated(chore: Chore, stop: asyncio.Event, every: float = REPEATED) -> None:
    """Do a chore that waits for others' machines, on a task of its own, until `stop` is set."""
    ending = asyncio.create_task(stop.wait())
    while not stop.is_set():
        doing = asyncio.ensure_future(chore())
        await asyncio.wait({doing, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            doing.cancel()
        try:
            await doing
        except asyncio.CancelledError:
            break
        except Exception as error:  # whatever it is, the next turn may find it mended
            log("failed", what="repeated", error=error)
        await asyncio.wait({ending}, timeout=every)
    ending.cancel()


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


async def _sweep(database: Database, watch: jobs.Watch) -> None:
    async with database.write() as conn:
        await jobs.sign(conn)
    async with database.write() as conn:
        stale = await jobs.sweep(conn, watch, now_ms(), time.monotonic_ns() // 1_000_000)
    if stale:
        log("swept", workers=stale)


async def _warm_up(database: Database, calendar: warmup.Rules) -> None:
    async with database.read() as conn:
        if not await warmups.behind(conn, now_ms()):
            return
    async with database.write() as conn:
        moved = await warmups.advance(conn, calendar, now_ms())
    for each in moved:
        log("source_moved", ip=each.source.address, step=each.step + 1)


async def _brake(desk: Desk) -> None:
    """Pause what passed a threshold by good news that came late: 20 bad of the first 20 answers, then 180 good ones."""
    rules = desk.suppression.rules
    async with desk.database.read() as conn:
        wrong = [one for one in await store_brakes.suspects(conn) if await store_brakes.passed(conn, one, rules)]
    if wrong:
        async with desk.database.write() as conn:
            await store_brakes.check(conn, wrong, rules, now_ms())


async def _forget(database: Database) -> None:
    async with database.read() as conn:
        if not await suppression_list.ended(conn, now_ms()):
            return
    rows, gone = 0, control.CHUNK
    while gone == control.CHUNK:
        async with database.write() as conn:
            gone = await suppression_list.sweep(conn, now_ms(), control.CHUNK)
        rows += gone
    log("swept", rows=rows)


async def _old_drafts(desk: Desk) -> None:
    async with desk.database.read() as conn:
        old = await drafts.old(conn, now_ms())
    for number in old:
        async with desk.database.write() as conn:
            await drafts.drop(conn, number)
        await asyncio.to_thread(shutil.rmtree, desk.settings.gateway.data_dir / "drafts" / str(number), True)


async def _forget_proved(database: Database) -> None:
    async with database.read() as conn:
        if not await proved.stale(conn, now_ms()):
            return
    gone = proved.CHUNK
    while gone == proved.CHUNK:
        async with database.write() as conn:
            gone = await proved.sweep(conn, now_ms())


async def _forget_requests(database: Database) -> None:
    gone = 1
    while gone:
        async with database.write() as conn:
            gone = await submissions.sweep(conn, now_ms())


async def _take_off(database: Database) -> None:
    rows, gone = 0, 1
    while gone:
        async with database.write() as conn:
            gone = await files.sweep(conn, now_ms())
        rows += gone
    if rows:
        log("swept", files=rows)
