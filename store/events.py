"""What happened to recipients, written in batches: status, timestamps, history, counters and what follows, at once.

In: Changes, inside one open write transaction. Out: how many were applied. An attempt carries its owner as a fence: when
the row belongs to somebody else by now (the worker was thought dead), the change is dropped, never half-written.
Raises only what the database raises; then nothing of the batch is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from store import aftermath, bulk, remnants, webhooks
from store.aftermath import News
from store.arrays import Rows
from store.bulk import Step
from store.engine import Database
from store.states import PEOPLE, WAITING, Event, Status, after
from store.suppressions import SuppressionKeys
from store.tables import events, recipients
from store.tallies import Differences
from store.values import Change

REPLY_IN_LISTS = 200  # characters of the last reply kept in the recipient's own row

_ATTEMPTS = frozenset(
    {Event.ACCEPTED, Event.UNANSWERED, Event.TEMPFAILED, Event.MAILBOX_TEMPFAILED, Event.REFUSED, Event.EXPIRED}
)
_OF_SENDERS = _ATTEMPTS | {Event.SUPPRESSED}
_QUIET = frozenset({Event.ACCEPTED, Event.UNANSWERED, Event.TEMPFAILED})
_PERSON = {
    Event.OPEN: "opened",
    Event.CLICK: "clicked",
    Event.UNSUBSCRIBE: "unsubscribed",
    Event.COMPLAIN: "complained",
}
_REASON = {Event.UNSUBSCRIBE: "unsubscribe", Event.COMPLAIN: "complaint"}
_REPORTS = (Event.REPORT_SOFT, Event.REPORT_HARD)
_FULL = "mailbox_full"  # classes of parsers.classify, as the story of an attempt or of a report names them
NOWHERE = frozenset({"unknown_domain", "no_mail", "moved"})

_WRITTEN = (
    "status", "attempts", "owner", "next_attempt_at", "first_attempt_at", "last_at", "delivered_at", "bounced_at",
    "opened_at", "clicked_at", "unsubscribed_at", "complained_at", "clicks", "reply", "source_id",
)  # fmt: skip
# what these touch: nearly all batches are theirs, and fewer columns are less work
_BY_SENDERS = (
    "status", "attempts", "owner", "next_attempt_at", "first_attempt_at", "last_at", "delivered_at", "bounced_at", "reply",
    "source_id",
)  # fmt: skip
_NAMED = ("id", "campaign_id", "address")  # read beside what is written
_HISTORY = ("recipient_id", "campaign_id", "at", "kind", "machine", "detail")


class Applied:
    """The rows of one batch while events are applied to them."""

    def __init__(self, rows: dict[int, dict[str, Any]]) -> None:
        self.rows = rows
        self.touched: set[int] = set()
        self.history: list[tuple[Any, ...]] = []  # as _HISTORY
        self.news = News()
        self.differences = Differences()

    def apply(self, change: Change) -> bool:
        """Apply one change to its row; False when the fence (or a missing row) keeps it out."""
        row = self.rows.get(change.recipient_id)
        if row is None or (change.owner is not None and row["owner"] != change.owner):
            return False
        self._remember(row, change)
        if change.machine:
            kind = "unsure" if change.detail.get("unsure") else "machine"
            self.differences.add(row["campaign_id"], f"{kind}_{change.event.code}")
            return True
        self.touched.add(row["id"])
        old = Status(row["status"])
        new = after(old, change.event)
        row["status"], row["last_at"] = int(new), max(row["last_at"] or 0, change.at)
        self.differences.move(row["campaign_id"], old, new)
        if change.event in _ATTEMPTS:
            self._attempt(row, change, new)
        elif change.event in _PERSON:
            self._person(row, change)
        elif change.event is Event.SUPPRESSED:
            self._withdraw(row, old)
        else:
            self._report(row, change, new)
        self._note(row, change, old, new)
        return True

    def _note(self, row: dict[str, Any], change: Change, old: Status, new: Status) -> None:
        """Remember what concerns more than this recipient."""
        recipient, news, why = row["id"], self.news, change.detail.get("class")
        reason = change.suppress or _REASON.get(change.event, "")
        if reason:
            news.suppress.append((recipient, reason, change.at))
            if "scope" in change.detail:
                news.scopes[recipient] = str(change.detail["scope"])
        if change.clears and change.event is Event.ACCEPTED:
            news.cleared.append(recipient)
        if new is Status.CANCELLED and old is not new and (change.suppress == "hard_bounce" or why in NOWHERE):
            self.differences.add(row["campaign_id"], "hard")
            news.hard[row["campaign_id"]] += 1
            news.at = max(news.at, change.at)
        elif why == _FULL and (new is Status.CANCELLED or change.event in _REPORTS):
            news.full.append((recipient, change.at, change.event in _REPORTS))

    def _withdraw(self, row: dict[str, Any], old: Status) -> None:
        row["owner"] = row["next_attempt_at"] = None
        if old in WAITING:
            self.differences.add(row["campaign_id"], "withdrawn")

    def _remember(self, row: dict[str, Any], change: Change) -> None:
        kind, machine = int(change.event), bool(change.machine)
        self.history.append((row["id"], row["campaign_id"], change.at, kind, machine, change.detail))

    def _attempt(self, row: dict[str, Any], change: Change, new: Status) -> None:
        if row["attempts"] == 0:
            row["first_attempt_at"] = change.at
            self.differences.add(row["campaign_id"], "sent")
        row["attempts"] += 1
        if change.source_id is not None:
            row["source_id"] = change.source_id
        row["owner"] = None
        row["next_attempt_at"] = change.next_attempt_at if new in WAITING else None
        row["reply"] = str(change.detail.get("reply", ""))[:REPLY_IN_LISTS]
        if change.event is Event.ACCEPTED and row["delivered_at"] is None:
            row["delivered_at"] = change.at
            self.differences.point(row["campaign_id"], change.at, "delivered")
        elif new is Status.CANCELLED:
            row["bounced_at"] = change.at

    def _person(self, row: dict[str, Any], change: Change) -> None:
        # whoever opens or unsubscribes has the mail, or wants none: it is never sent again
        row["next_attempt_at"] = None
        names = ["opened", "clicked"] if change.event is Event.CLICK else [_PERSON[change.event]]
        for name in names:
            if row[f"{name}_at"] is None:
                row[f"{name}_at"] = change.at
                self.differences.add(row["campaign_id"], name)
                if name in ("opened", "clicked"):
                    self.differences.point(row["campaign_id"], change.at, name)
                elif name == "complained":
                    self.news.complaints[row["campaign_id"]] += 1
                    self.news.at = max(self.news.at, change.at)
        if change.event is Event.CLICK:
            row["clicks"] += 1
            self.differences.add(row["campaign_id"], "clicks")

    def _report(self, row: dict[str, Any], change: Change, new: Status) -> None:
        if change.event is Event.STOP:
            row["next_attempt_at"] = None
            return
        if new not in PEOPLE and new is not Status.STOPPED:
            row["next_attempt_at"] = None  # a report tells that a server had taken the mail
            row["bounced_at"] = change.at
            row["reply"] = str(change.detail.get("reply", ""))[:REPLY_IN_LISTS]


async def apply(
    conn: AsyncConnection, changes: Sequence[Change], keys: SuppressionKeys, *, commit: bool = False
) -> int:
    """Write a batch of changes; returns how many passed their fences. `commit`: the caller adds nothing to the transaction,
    which may end as soon as all is written, so that the next writer need not wait for the caller's turn."""
    ids = list({change.recipient_id for change in changes})
    names = _BY_SENDERS if all(change.event in _OF_SENDERS for change in changes) else _WRITTEN
    read, heard = await bulk.read(conn, recipients, _NAMED + names, ids, webhooks.HEARD)
    batch = _read(names, read)
    applied = sum(batch.apply(change) for change in changes)
    whole = len(batch.rows) == len(ids)
    await bulk.run(conn, *_steps(batch, names, heard), commit=commit and not batch.news and whole)
    await aftermath.write(conn, batch.news, batch.rows, keys)
    if not whole:
        applied += await remnants.late(conn, [change for change in changes if change.recipient_id not in batch.rows])
    return applied


async def write(database: Database, changes: Sequence[Change], keys: SuppressionKeys) -> int:
    """Write a batch of a sender's outcomes in one durable transaction; returns how many passed their fences. On SQLite that
    is one errand where all of them are `quiet`."""
    if database.sqlite and all(map(quiet, changes)):
        done = await database.at_once(partial(_apply_inside, changes))
        if done is not None:
            return done
    async with database.write() as conn:
        return await apply(conn, changes, keys, commit=True)


def quiet(change: Change) -> bool:
    """Whether an attempt concerns nobody but its recipient, as nearly all do."""
    return change.event in _QUIET and not (change.suppress or change.clears)


def _apply_inside(changes: Sequence[Change], sqlite: sqlite3.Connection) -> int | None:
    """As `apply`, in the thread of a connection to SQLite; None, and nothing is written, where it would be more than that."""
    ids = list({change.recipient_id for change in changes})
    read, heard = bulk.read_inside(sqlite, recipients, _NAMED + _BY_SENDERS, ids, webhooks.HEARD)
    batch = _read(_BY_SENDERS, read)
    applied = sum(batch.apply(change) for change in changes)
    if batch.news or len(batch.rows) < len(ids):
        return None
    bulk.run_inside(sqlite, *_steps(batch, _BY_SENDERS, heard))
    return applied


def _read(names: tuple[str, ...], read: Rows) -> Applied:
    wanted = _NAMED + names
    found = [dict(zip(wanted, row, strict=True)) for row in read]
    return Applied({row["id"]: row for row in found if row["address"]})  # without one: erased, as those who are missing


def _steps(batch: Applied, names: tuple[str, ...], heard: bool) -> list[Step]:
    values = itemgetter("id", *names)
    return [
        bulk.change(recipients, names, [values(batch.rows[one]) for one in sorted(batch.touched)]),
        bulk.add(events, _HISTORY, batch.history),
        *batch.differences.steps(),
        *([webhooks.step(batch.history)] if heard else []),
    ]
