"""Who of a campaign gets its message again, and what may change about one that waits for its date.

In: an open connection, a campaign's id, a `Target` or a `Change`. Out: how many people a target holds, and their rows by
key, a chunk a read; whether the change was made. A target that goes by what people did (opened, clicked) holds only
people who are followed one by one and whose mail arrived (SPEC 6): of all others nobody knows whether they read it.
Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.states import DELIVERED_TAB, Status
from store.tables import campaigns, faults, recipients
from store.values import CampaignState, NewFault, Sender, Tracked


class Target(StrEnum):
    """To whom a message goes again."""

    ALL = "all"
    UNDELIVERED = "undelivered"
    UNOPENED = "unopened"
    UNCLICKED = "unclicked"
    FILTER = "filter"  # those whom the report's view shows
    LIST = "list"  # a new list


BY_CONDUCT = (Target.UNOPENED, Target.UNCLICKED)
_ARRIVED = tuple(sorted(int(status) for status in DELIVERED_TAB))
_UNCLICKED = (int(Status.DELIVERED), int(Status.OPENED))


@dataclass(frozen=True, slots=True)
class Line:
    """A recipient as a line of a list again."""

    id: int
    line: int
    part: int
    address: str
    name: str
    values: tuple[str, ...]


def _those(target: Target) -> list[ColumnElement[bool]]:
    named, status = recipients.c.address != "", recipients.c.status
    followed = recipients.c.tracked == int(Tracked.FULL)
    match target:
        case Target.UNDELIVERED:  # who is on the wire right now may yet get it
            return [named, status.not_in(_ARRIVED), recipients.c.owner.is_(None)]
        case Target.UNOPENED:
            unread = recipients.c.opened_at.is_(None), recipients.c.clicked_at.is_(None)
            return [named, status == int(Status.DELIVERED), followed, *unread]
        case Target.UNCLICKED:
            return [named, status.in_(_UNCLICKED), followed, recipients.c.clicked_at.is_(None)]
        case _:
            return [named]


async def count(conn: AsyncConnection, campaign_id: int, target: Target) -> int:
    """How many people a target of the campaign's own list holds now."""
    query = select(func.count()).where(recipients.c.campaign_id == campaign_id, *_those(target))
    return int(await conn.scalar(query) or 0)


async def followed(conn: AsyncConnection, campaign_id: int) -> tuple[int, int]:
    """How many mails arrived, and how many of these went to people who are followed one by one."""
    arrived = recipients.c.campaign_id == campaign_id, recipients.c.status.in_(_ARRIVED)
    query = select(recipients.c.tracked, func.count()).where(*arrived).group_by(recipients.c.tracked)
    found: dict[int, int] = {row[0]: row[1] for row in await conn.execute(query)}
    return sum(found.values()), found.get(int(Tracked.FULL), 0)


async def people(conn: AsyncConnection, campaign_id: int, target: Target, after: int, limit: int) -> list[Line]:
    """Up to `limit` people of a target behind the recipient `after`, in the order of the list."""
    names = ("id", "line", "part", "address", "name", "fields")
    query = select(*(recipients.c[name] for name in names))
    query = query.where(recipients.c.campaign_id == campaign_id, recipients.c.id > after, *_those(target))
    rows = await conn.execute(query.order_by(recipients.c.id).limit(limit))
    return [Line(r.id, r.line, r.part, r.address, r.name, tuple(orjson.loads(r.fields))) for r in rows]


async def bad_lines(conn: AsyncConnection, campaign_id: int, after: int, limit: int) -> list[tuple[int, NewFault]]:
    """Up to `limit` lines that were no recipients, behind the row `after`, each with its row."""
    query = select(faults).where(faults.c.campaign_id == campaign_id, faults.c.id > after)
    rows = await conn.execute(query.order_by(faults.c.id).limit(limit))
    return [(r.id, NewFault(r.line, r.part, r.address, r.kind, r.detail, tuple(orjson.loads(r.fields)))) for r in rows]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes another in a campaign that waits for its date; None leaves it as it is."""

    send_at: int | None = None
    subject: str | None = None
    sender: Sender | None = None
    via: bool = False  # how the new sender's mails go out


async def change(conn: AsyncConnection, campaign_id: int, new: Change, now: int) -> bool:
    """Change a campaign that is scheduled and not begun, whole or not at all; False when its time has come."""
    waiting = [
        campaigns.c.id == campaign_id,
        campaigns.c.state.in_((CampaignState.SCHEDULED, CampaignState.PAUSED)),
        campaigns.c.started_at.is_(None),
        campaigns.c.send_at > now,
    ]
    row = (await conn.execute(select(campaigns).where(*waiting))).first()
    if row is None:
        return False
    values = _values(row, new)
    return not values or (await conn.execute(update(campaigns).where(*waiting).values(**values))).rowcount == 1


def _values(row: Any, new: Change) -> Mapping[str, Any]:
    values: dict[str, Any] = {}
    if new.send_at is not None:
        values["send_at"] = new.send_at
    if new.subject is not None:
        values["subject"] = new.subject
        if row.name == row.subject:
            values["name"] = new.subject
    if new.sender is not None:
        values |= {"sender_id": new.sender.id, "from_name": new.sender.name, "from_address": new.sender.address}
        options = {name: value for name, value in orjson.loads(row.options).items() if name != "via"}
        values["options"] = orjson.dumps(options | ({"via": True} if new.via else {})).decode()
    return values


async def give_place(conn: AsyncConnection, campaign_id: int, now: int) -> bool:
    """Let another campaign take the place of one that is scheduled and not begun; False when its time has come."""
    waiting = [
        campaigns.c.id == campaign_id,
        campaigns.c.state.in_((CampaignState.SCHEDULED, CampaignState.PAUSED)),
        campaigns.c.started_at.is_(None),
        campaigns.c.send_at > now,
    ]
    ended = update(campaigns).where(*waiting).values(state=CampaignState.REPLACED, finished_at=now)
    return (await conn.execute(ended)).rowcount == 1


async def copy_settings(conn: AsyncConnection, campaign_id: int) -> tuple[int, str] | None:
    """The sender's id and the state word of a campaign, which its value does not hold."""
    query = select(campaigns.c.sender_id, campaigns.c.state).where(campaigns.c.id == campaign_id)
    row = (await conn.execute(query)).first()
    return None if row is None else (row.sender_id, row.state)
