"""What people do with campaigns: each action is asked for once, perhaps confirmed by mail, carried out once, and told.

In: an open connection, a campaign, who asks by which right, a word that makes the same request twice one action. Out:
`Action` values. An action is `asked` (waits for the one POST of a mailed link, until it expires), `ready` (the receiving
process carries it out), `done` or `refused`; each step is one fenced row, so that a crash or a second click changes
nothing. Nothing is raised but what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import Insert, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from store.tables import campaigns
from store.tables_actions import action_lists, actions


class Power(StrEnum):
    """Everything that may be done with a campaign that exists."""

    READ = "read"
    STOP = "stop"
    PAUSE = "pause"
    RESUME = "resume"
    RELEASE = "release"  # the word that a campaign waits for
    MODIFY = "modify"
    SHARE = "share"
    REVOKE = "revoke"
    REPLAY = "replay"
    EXTRACT = "extract"  # the LISTE of a filter, mailed to the declared sender
    RENEW = "renew"  # the author's own link is ended, and another one mailed to them
    HOLD = "hold"  # by the gateway alone, never by an order


class Stage(StrEnum):
    """How far an action is."""

    ASKED = "asked"
    READY = "ready"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class New:
    """An action as it is asked for; `once` makes the same request twice one action of the account."""

    account_id: int
    campaign_id: int
    power: Power
    via: str
    who: str
    once: str
    wish: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Action:
    """One action; instants in UTC ms."""

    id: int
    account_id: int
    campaign_id: int
    power: Power
    stage: Stage
    via: str
    who: str
    wish: Mapping[str, Any]
    outcome: Mapping[str, Any]
    at: int
    done_at: int | None
    expires_at: int | None

    def waits(self, now: int) -> bool:
        """Whether its confirmation may still come."""
        return self.stage is Stage.ASKED and (self.expires_at or 0) > now


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(value)).decode()


async def add(
    conn: AsyncConnection,
    new: New,
    stage: Stage,
    now: int,
    outcome: Mapping[str, Any] | None = None,
    expires_at: int | None = None,
) -> tuple[Action, bool]:
    """Write an action down; False beside the earlier one where the same was asked for before."""
    made = (await conn.execute(_adding(conn), _row(new, stage, now, outcome or {}, expires_at))).rowcount == 1
    same = actions.c.account_id == new.account_id, actions.c.once == new.once[:200]
    return _action((await conn.execute(select(actions).where(*same))).one()), made


def _adding(conn: AsyncConnection) -> Insert:
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    adding: Insert = dialect.insert(actions).on_conflict_do_nothing(index_elements=["account_id", "once"])
    return adding


def _row(new: New, stage: Stage, now: int, outcome: Mapping[str, Any], expires_at: int | None = None) -> dict[str, Any]:
    return {
        "account_id": new.account_id, "campaign_id": new.campaign_id, "power": new.power.value, "stage": stage.value,
        "via": new.via, "who": new.who[:320], "once": new.once[:200], "wish": _json(new.wish),
        "outcome": _json(outcome), "at": now, "expires_at": expires_at,
        "done_at": now if stage in (Stage.DONE, Stage.REFUSED) else None,
    }  # fmt: skip


async def note(
    conn: AsyncConnection,
    campaign_ids: Sequence[int],
    power: Power,
    via: str,
    now: int,
    outcome: Mapping[str, Any],
    who: str = "",
) -> None:
    """Write down what befell campaigns without an order of their own, in its transaction: `outcome` has the cause."""
    owned = select(campaigns.c.id, campaigns.c.account_id).where(campaigns.c.id.in_(list(campaign_ids)))
    rows = [
        _row(
            New(row.account_id, row.id, power, via, who, f"{via} {power.value} {row.id} {now}"),
            Stage.DONE,
            now,
            outcome,
        )
        for row in await conn.execute(owned)
    ]
    if rows:
        await conn.execute(_adding(conn), rows)


async def known(conn: AsyncConnection, account_id: int, once: str) -> Action | None:
    """The action that was asked for with that word."""
    same = actions.c.account_id == account_id, actions.c.once == once[:200]
    row = (await conn.execute(select(actions).where(*same))).first()
    return None if row is None else _action(row)


async def get(conn: AsyncConnection, action_id: int) -> Action | None:
    """The action of that id."""
    row = (await conn.execute(select(actions).where(actions.c.id == action_id))).first()
    return None if row is None else _action(row)


async def of(conn: AsyncConnection, campaign_id: int, limit: int = 50) -> list[Action]:
    """What was done with a campaign, newest first."""
    query = select(actions).where(actions.c.campaign_id == campaign_id).order_by(actions.c.id.desc()).limit(limit)
    return [_action(row) for row in await conn.execute(query)]


async def asked(conn: AsyncConnection, campaign_id: int, now: int) -> int:
    """How many actions of a campaign wait for a confirmation."""
    waiting = actions.c.campaign_id == campaign_id, actions.c.stage == Stage.ASKED, actions.c.expires_at > now
    return int(await conn.scalar(select(func.count()).where(*waiting)) or 0)


async def recent(conn: AsyncConnection, campaign_id: int, power: Power, since: int) -> int:
    """How often that was asked for since an instant."""
    those = actions.c.campaign_id == campaign_id, actions.c.power == power.value, actions.c.at >= since
    return int(await conn.scalar(select(func.count()).where(*those)) or 0)


async def same(conn: AsyncConnection, new: New, since: int) -> Action | None:
    """The latest action since an instant that asked for the very same, and was not refused."""
    those = [actions.c.campaign_id == new.campaign_id, actions.c.power == new.power.value, actions.c.at >= since]
    those += [actions.c.wish == _json(new.wish), actions.c.stage != Stage.REFUSED]
    row = (await conn.execute(select(actions).where(*those).order_by(actions.c.id.desc()).limit(1))).first()
    return None if row is None else _action(row)


async def ready(conn: AsyncConnection, powers: Sequence[Power], limit: int = 20) -> list[Action]:
    """Actions to be carried out, oldest first."""
    those = actions.c.stage == Stage.READY, actions.c.power.in_([one.value for one in powers])
    query = select(actions).where(*those).order_by(actions.c.id).limit(limit)
    return [_action(row) for row in await conn.execute(query)]


async def unasked(conn: AsyncConnection, now: int, limit: int = 20) -> list[Action]:
    """Actions whose confirmation nobody was asked for yet."""
    those = actions.c.stage == Stage.ASKED, actions.c.told_at.is_(None), actions.c.expires_at > now
    return [_action(row) for row in await conn.execute(select(actions).where(*those).limit(limit))]


async def told(conn: AsyncConnection, action_id: int, now: int) -> bool:
    """Note that the letter that asks is on its way; False when somebody noted it before."""
    this = actions.c.id == action_id, actions.c.stage == Stage.ASKED, actions.c.told_at.is_(None)
    return (await conn.execute(update(actions).where(*this).values(told_at=now))).rowcount == 1


async def confirm(conn: AsyncConnection, action_id: int, now: int) -> bool:
    """Spend the one confirmation of an action; False when it was spent, or came too late."""
    this = actions.c.id == action_id, actions.c.stage == Stage.ASKED, actions.c.expires_at > now
    return (await conn.execute(update(actions).where(*this).values(stage=Stage.READY))).rowcount == 1


async def finish(conn: AsyncConnection, action_id: int, stage: Stage, outcome: Mapping[str, Any], now: int) -> bool:
    """End an action that was ready; False when it has ended already. The list that it brought is not kept."""
    this = actions.c.id == action_id, actions.c.stage == Stage.READY
    ended = update(actions).where(*this).values(stage=stage, outcome=_json(outcome), done_at=now)
    if (await conn.execute(ended)).rowcount == 0:
        return False
    await conn.execute(delete(action_lists).where(action_lists.c.action_id == action_id))
    return True


async def attach(conn: AsyncConnection, action_id: int, name: str, data: bytes) -> None:
    """Keep the list that came with an action until it is carried out."""
    await conn.execute(insert(action_lists), {"action_id": action_id, "name": name[:200], "data": data})


async def attached(conn: AsyncConnection, action_id: int) -> tuple[str, bytes] | None:
    """The list that came with an action."""
    row = (await conn.execute(select(action_lists).where(action_lists.c.action_id == action_id))).first()
    return None if row is None else (row.name, bytes(row.data))


async def late(conn: AsyncConnection, now: int) -> bool:
    """Whether something was not confirmed in time; a read, so that nobody writes in vain."""
    gone = actions.c.stage == Stage.ASKED, actions.c.expires_at <= now
    return (await conn.execute(select(actions.c.id).where(*gone).limit(1))).first() is not None


async def expire(conn: AsyncConnection, now: int) -> int:
    """End what was never confirmed; returns how many."""
    late = actions.c.stage == Stage.ASKED, actions.c.expires_at <= now
    ids = list((await conn.execute(select(actions.c.id).where(*late).limit(500))).scalars())
    if ids:
        await conn.execute(delete(action_lists).where(action_lists.c.action_id.in_(ids)))
        ended = update(actions).where(actions.c.id.in_(ids), actions.c.stage == Stage.ASKED)
        await conn.execute(ended.values(stage=Stage.REFUSED, outcome=_json({"why": "expired"}), done_at=now))
    return len(ids)


async def forget(conn: AsyncConnection, campaign_id: int) -> None:
    """Remove who did what to whom with a campaign that is erased: that something was done, and when, stays."""
    mine = actions.c.campaign_id == campaign_id
    ids = select(actions.c.id).where(mine)
    await conn.execute(delete(action_lists).where(action_lists.c.action_id.in_(ids)))
    open_ = or_(actions.c.stage == Stage.ASKED, actions.c.stage == Stage.READY)
    gone = update(actions).where(mine, open_).values(stage=Stage.REFUSED, outcome=_json({"why": "gone"}))
    await conn.execute(gone)
    await conn.execute(update(actions).where(mine).values(who="", wish="{}"))


def _action(row: Any) -> Action:
    return Action(
        row.id, row.account_id, row.campaign_id, Power(row.power), Stage(row.stage), row.via, row.who,
        orjson.loads(row.wish), orjson.loads(row.outcome), row.at, row.done_at, row.expires_at,
    )  # fmt: skip
