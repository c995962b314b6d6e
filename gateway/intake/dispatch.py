"""Who reads which mail of the spool: campaigns in one lane, what comes back in another.

In: references of the spool, a wake-up call when a mail has come. Out: each mail taken once at a time until its outcome is
in the database. While the database is away mails stay and are tried again. Ends when `stop` is set, after what is under
way. Logs bounce_read, complaint_read, stop_read, mail_ignored, failed.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.exc import DBAPIError

from config.logging import log
from gateway.intake.desk import Desk
from gateway.intake.steps import Intake
from gateway.reading.readers import Unread
from gateway.returns import incoming
from gateway.returns.postbox import Postbox
from store import events
from store.values import Change

CAMPAIGNS_AT_ONCE = 4  # more than reading processes: one mail is written while the next is read
RETURNS_AT_ONCE = 50
_QUEUE = 200
_ENVELOPE = 100_000  # bytes of an envelope at most
_BROKEN = "broken"
_POLL_S = 2.0
_PATIENCE_S = 5.0


class Dispatch:
    """The two lanes; `wake` is called from the listener."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._intake = Intake(desk)
        self._postbox = Postbox(desk)
        self._woken = asyncio.Event()
        self._busy: set[str] = set()
        self._kinds: dict[str, str] = {}  # of mails that wait for a place in their lane
        self._campaigns: asyncio.Queue[str] = asyncio.Queue(_QUEUE)
        self._returns: asyncio.Queue[str] = asyncio.Queue(_QUEUE)

    def wake(self) -> None:
        """A mail has come: look at the spool now."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Take mails until `stop` is set; whatever is left stays in the spool."""
        async with asyncio.TaskGroup() as group:
            lanes = [group.create_task(self._campaign_lane()) for _ in range(CAMPAIGNS_AT_ONCE)]
            lanes += [group.create_task(self._return_lane())]
            await self._look(stop)
            for lane in lanes:
                lane.cancel()

    async def _look(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._woken.clear()
            for ref, kind in await asyncio.to_thread(self._new):
                lane = self._campaigns if kind in ("campaign", "reply", "forwarded", "single") else self._returns
                if lane.full():
                    continue  # it stays in the spool; the next look finds it
                self._busy.add(ref)
                self._kinds.pop(ref, None)
                lane.put_nowait(ref)
            ended = asyncio.ensure_future(stop.wait())
            woken = asyncio.ensure_future(self._woken.wait())
            await asyncio.wait({ended, woken}, timeout=_POLL_S, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            woken.cancel()

    def _new(self) -> list[tuple[str, str]]:
        """Every mail that nobody has in hand: a flood in one lane must not hide what is for the other."""
        spool = self._desk.spool
        refs = [ref for ref in spool.pending() if ref not in self._busy]
        self._kinds = {ref: kind for ref in refs if (kind := self._kinds.get(ref) or kind_of(spool.path(ref)))}
        for ref in [ref for ref, kind in self._kinds.items() if kind == _BROKEN]:
            # somebody put it there by hand: what is no mail of ours must not stop those that are
            del self._kinds[ref]
            spool.shunt(ref, "no mail of the spool: its first line is no envelope\n")
            log("mail_shunted", ref=ref, kind=_BROKEN)
        return list(self._kinds.items())

    async def _campaign_lane(self) -> None:
        while True:
            ref = await self._campaigns.get()
            try:
                await self._intake.take(ref)
            except (DBAPIError, OSError) as error:
                log("failed", what="intake", error=error)
                await asyncio.sleep(_PATIENCE_S)
            except Exception as error:
                # a bug of ours: the mail stays in the spool, busy until the next start, and the others go on
                log("failed", what="intake", error=error)
                continue
            self._busy.discard(ref)

    async def _return_lane(self) -> None:
        while True:
            refs = [await self._returns.get()]
            while not self._returns.empty() and len(refs) < RETURNS_AT_ONCE:
                refs.append(self._returns.get_nowait())
            try:
                await self._settle(refs)
            except (DBAPIError, OSError) as error:
                log("failed", what="returns", error=error)
                await asyncio.sleep(_PATIENCE_S)
            except Exception as error:
                log("failed", what="returns", error=error)
                continue
            self._busy.difference_update(refs)

    async def _settle(self, refs: list[str]) -> None:
        """Read a handful of returned mails and write what they say in one transaction."""
        changes: list[Change] = []
        done: list[str] = []
        for ref in refs:
            envelope, raw = await asyncio.to_thread(self._desk.spool.load, ref)
            if envelope.kind == "postmaster":
                await self._postbox.take(ref, envelope, raw)
                continue
            try:
                change = incoming.settle(self._desk.keyring, ref, envelope, await self._read(ref))
            except Unread as error:
                await asyncio.to_thread(self._desk.spool.shunt, ref, str(error))
                log("mail_shunted", ref=ref, kind=envelope.kind, why=str(error)[-300:])
                continue
            done.append(ref)
            if change is not None:
                changes.append(change)
        if changes:
            async with self._desk.database.write() as conn:
                await events.apply(conn, changes, self._desk.suppression)
        await asyncio.to_thread(self._forget, done)

    async def _read(self, ref: str) -> dict[str, Any]:
        path = self._desk.spool.path(ref)
        request = {"do": "return", "path": str(path)}
        async with contextlib.aclosing(self._desk.readers.ask(request, path.stat().st_size)) as answers:  # type: ignore[type-var]
            found: dict[str, Any] = {}
            async for answer in answers:  # to the very end: the process goes back to the pool only then
                found = answer
            return found

    def _forget(self, refs: list[str]) -> None:
        for ref in refs:
            self._desk.spool.done(ref)


def kind_of(path: Path) -> str:
    """The kind of a waiting mail, from its first line; empty when it is gone meanwhile, _BROKEN when it is no mail."""
    try:
        with path.open("rb") as file:
            return str(orjson.loads(file.readline(_ENVELOPE))["kind"])
    except FileNotFoundError:
        return ""
    except (ValueError, KeyError, TypeError, IsADirectoryError):
        return _BROKEN
