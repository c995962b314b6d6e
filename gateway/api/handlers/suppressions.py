"""Suppressions by the API: the account's own list, read, added to, imported, shortened.

In: checked calls. Out: documents. What a person asked for (unsubscribed, complained) no program takes back: 409. A file is
read by the reading process, as every list. Raises Problem.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from typing import Any

from gateway.api import cursor
from gateway.api.models.common import ms, when
from gateway.api.models.people import (
    BadLine,
    Counted,
    Imported,
    NewSuppressions,
    Suppression,
    SuppressionQuery,
    Suppressions,
)
from gateway.api.operation import Call, Reply
from gateway.api.problems import Fault, Problem
from gateway.api.serving import read
from gateway.reading.readers import Unread
from parsers.address import key as folded
from parsers.address import parse
from parsers.columns import canonical
from parsers.days import day_or_none
from store import suppression_list
from store.engine import now_ms
from store.suppression_list import Entry, New
from store.suppressions import REASONS

_SHOWN = 100
_PERSONAL = ("unsubscribe", "complaint")
_COLUMNS = {
    "reason": ("reason", "raison", "motif"),
    "since": ("since", "depuis", "date"),
    "until": ("until", "jusquau", "jusqua"),
}
_GUARDED = ("'=", "'+", "'-")  # what our own export writes before an address that a spreadsheet would compute


async def listing(call: Call) -> Reply:
    """A page of the list."""
    query: SuppressionQuery = call.query
    place = cursor.unpack(query.cursor, int) if query.cursor else (0,)
    if place is None:
        raise Problem(422, "cursor", faults=[Fault("?cursor", "")])
    async with call.ctx.db.read() as conn:
        found = await suppression_list.page(
            conn, call.account.id, query.reason, now_ms(), int(place[0]), query.limit + 1
        )
    shown = found[: query.limit]
    more = cursor.pack(shown[-1].id) if len(found) > query.limit else None
    return Reply(Suppressions(data=[_entry(one) for one in shown], next=more))


def _entry(one: Entry) -> Suppression:
    reason: Any = one.reason
    return Suppression(address=one.address, reason=reason, at=when(one.at), until=when(one.until))


async def add(call: Call) -> Reply:
    """Add entries."""
    asked: NewSuppressions = call.body
    now = now_ms()
    for at, one in enumerate(asked.entries):
        if one.until is not None and (ms(one.until) or 0) <= now:
            raise Problem(422, "past", faults=[Fault(f"/entries/{at}/until", one.until.isoformat())])
    new = [New(one.address, one.reason, now, ms(one.until)) for one in asked.entries]
    added, known = await _put(call, new)
    return Reply(Counted(added=added, known=known))


async def remove(call: Call) -> Reply:
    """Take an address off the account's list."""
    found = parse(call.path["address"])
    if len(found) != 1 or found[0].fault is not None:
        raise Problem(404)
    box, keys, now = folded(found[0].address), call.ctx.recorder.keys, now_ms()
    async with call.ctx.db.write() as conn:
        gone = await suppression_list.remove(conn, call.account.id, box, keys, now)
        if any(one.reason in _PERSONAL for one in gone):
            raise Problem(409, "personal")  # leaving the block by it takes the removal back
    if not gone:
        raise Problem(404)
    return Reply(None, 204)


async def bring_in(call: Call) -> Reply:
    """Add the addresses of a file."""
    desk = call.ctx.desk
    assert desk is not None  # the web process has one
    raw = await read(call.request, desk.settings.smtp.max_message)
    path = desk.spool.folder / "tmp" / f"list-{secrets.token_hex(8)}"
    request = {"do": "list", "path": str(path), "max_lines": desk.settings.limits.list_lines}
    counts, columns = [0, 0, 0], []
    faults: list[BadLine] = []
    try:
        await asyncio.to_thread(path.write_bytes, b"\n" + raw)  # the reading process skips a first line
        async with contextlib.aclosing(desk.readers.ask(request, len(raw))) as answers:  # type: ignore[type-var]
            async for answer in answers:
                if answer["kind"] == "summary":
                    if answer["refused"]:
                        raise Problem(422, "unreadable", reason=answer["refused"].replace("_", " "))
                    columns = answer["columns"]
                    continue
                good, bad = await asyncio.to_thread(_entries, answer["lines"], columns, now_ms())
                added, known = await _put(call, good)
                counts = [counts[0] + added, counts[1] + known, counts[2] + len(bad)]
                faults += bad[: _SHOWN - len(faults)]
    except Unread as error:
        raise Problem(422, "unreadable", reason="") from error
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return Reply(Imported(added=counts[0], known=counts[1], bad=counts[2], faults=faults))


def _entries(lines: Sequence[dict[str, Any]], columns: Sequence[str], now: int) -> tuple[list[New], list[BadLine]]:
    places = {
        word: next((at for at, name in enumerate(columns) if canonical(name) in names), None)
        for word, names in _COLUMNS.items()
    }
    good: list[New] = []
    bad: list[BadLine] = []
    for line in lines:
        if line["fault"] == "duplicate":
            continue
        if line["fault"]:
            bad.append(BadLine(line=line["line"], address=line["address"], fault=line["fault"]))
            continue
        said = {word: "" if at is None else str(line["values"][at]).strip() for word, at in places.items()}
        ends, began = day_or_none(said["until"]), day_or_none(said["since"])
        if ends is not None and ends <= now:
            continue  # it has ended
        address = line["address"][1:] if line["address"].startswith(_GUARDED) else line["address"]
        reason = said["reason"] if said["reason"] in REASONS else "import"
        good.append(New(address, reason, min(began or now, now), ends))
    return good, bad


async def _put(call: Call, new: Sequence[New]) -> tuple[int, int]:
    async with call.ctx.db.write() as conn:
        return await suppression_list.put(conn, call.account.id, new, call.ctx.recorder.keys, now_ms())
