"""The making of long exports: one at a time, in the background of the web process, into files of data_dir/exports.

In: what store.exports keeps; `turn` makes the next one. Out: a file named by its export, whole or not at all (it is
renamed when it is on the disk). At start, what a process left half-made is begun anew. Files are kept some days, at most
MOST bytes of all, and go with their rows. Raises nothing but being cancelled: what goes wrong is kept with the export, for
the page to say, and logged (`failed`). Logs export_written.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from urllib.parse import parse_qsl

from sqlalchemy.exc import SQLAlchemyError

from config.logging import log
from gateway.figures import columns, exporting
from gateway.web.exports import files
from gateway.web.grid import asked
from store import campaigns, exports
from store.engine import Database, now_ms
from store.exports import Export
from store.values import Campaign

MOST = 4_000_000_000  # bytes of all files
FREE = 500_000_000  # bytes of the disk that stay free
_TOLD = 20_000  # rows between two notes of progress
_REST, _SWEEP = 2.0, 60.0  # seconds


class _Unwanted(Exception):
    """It cannot be made, or nobody wants it any more; the text is the word that says why."""


class Maker:
    """Makes exports while it runs."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder
        self._wake = asyncio.Event()

    def path(self, export: Export) -> Path:
        """Where the file of an export lies."""
        return self._folder / f"{export.id}.{export.kind}"

    def wake(self) -> None:
        """There is something to make."""
        self._wake.set()

    async def run(self) -> None:
        """Make what is asked for until it is cancelled."""
        swept = -_SWEEP
        loop = asyncio.get_running_loop()
        await self._safely(self.revive)
        while True:
            if loop.time() - swept > _SWEEP:
                swept = loop.time()
                await self._safely(self.sweep)
            if not await self._safely(self.turn):
                self._wake.clear()
                try:
                    async with asyncio.timeout(_REST):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def _safely(self, work: object) -> bool:
        try:
            return bool(await work())  # type: ignore[operator]
        except (SQLAlchemyError, OSError) as error:
            log("failed", what="exports", error=error)
            return False

    async def revive(self) -> None:
        """Begin anew what a process left half-made."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with self._database.write() as conn:
            await exports.revive(conn, now_ms())

    async def sweep(self) -> None:
        """Forget old exports, and remove every file that belongs to none."""
        async with self._database.write() as conn:
            await exports.sweep(conn, now_ms())
        async with self._database.read() as conn:
            known = await exports.sizes(conn)
        for file in self._folder.iterdir():
            stem = file.name.partition(".")[0]
            if not stem.isdigit() or int(stem) not in known:
                file.unlink(missing_ok=True)

    async def turn(self) -> bool:
        """Make the next one; False when there is none."""
        async with self._database.read() as conn:
            number = await exports.waiting(conn)
        if number is None:
            return False
        async with self._database.write() as conn:
            export = await exports.take(conn, number)
        if export is not None:
            await self._make(export)
        return True

    async def _make(self, export: Export) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self._folder / f"{export.id}.part"
        try:
            rows = await self._write(export, part)
            size = part.stat().st_size
            part.replace(self.path(export))
            async with self._database.write() as conn:
                wanted = await exports.finish(conn, export.id, rows, size, now_ms())
            if not wanted:
                self.path(export).unlink(missing_ok=True)
            log("export_written", campaign=export.campaign_id, rows=rows, bytes=size)
        except Exception as error:  # whatever it is, it must not end the process that answers clicks
            part.unlink(missing_ok=True)
            why = str(error) if isinstance(error, _Unwanted) else "disk" if isinstance(error, OSError) else "failed"
            if not isinstance(error, _Unwanted):
                log("failed", what="export", error=error)
            async with self._database.write() as conn:
                await exports.fail(conn, export.id, why, now_ms())

    async def _write(self, export: Export, part: Path) -> int:
        async with self._database.read() as conn:
            campaign = await campaigns.get(conn, export.campaign_id)
            taken = sum((await exports.sizes(conn)).values())
        if campaign is None or campaign.erased_at is not None:
            raise _Unwanted("gone")
        if shutil.disk_usage(self._folder).free < FREE or taken > MOST:
            raise _Unwanted("disk")
        return await self._fill(export, campaign, part, MOST - taken)

    async def _fill(self, export: Export, campaign: Campaign, part: Path, room: int) -> int:
        query = asked.read("", campaign, parse_qsl(export.query, keep_blank_values=True))
        if query.fault:
            raise _Unwanted("failed")
        chosen = columns.chosen(campaign, export.locale, query.columns or columns.whole(campaign))
        made, rows, told, size = files.writer(export.kind, campaign.name), 0, 0, 0
        with part.open("wb") as file:
            size += file.write(made.start([one.title for one in chosen]))
            async for chunk in exporting.people(self._database, campaign, query.view, chosen):
                rows += len(chunk)
                if files.fits(export.kind, rows, len(chosen)):
                    raise _Unwanted("rows")
                size += file.write(await asyncio.to_thread(made.rows, chunk))
                if size > room:
                    raise _Unwanted("disk")
                if rows - told >= _TOLD:
                    told = rows
                    async with self._database.write() as conn:
                        if not await exports.progress(conn, export.id, rows):
                            raise _Unwanted("gone")
            for piece in files.ending(made):
                await asyncio.to_thread(file.write, piece)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        return rows
