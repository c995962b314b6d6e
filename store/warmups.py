"""The warm-up counted: claims, answers and steps of sources, exact across processes and machines.

In: the rules (config/warmup), a source, a provider's key ("" for sites of no known one), instants (UTC ms). Out: Claims: how
many mails may leave, granted in one short transaction that holds the source's row, so that all grants together are the
calendar's. What was claimed and not used is given back the same day; what a crash leaves claimed is lost to the day, never
sent twice. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from config import warmup
from config.warmup import Answers, Rules, Standing, Used
from store.sources import IN_CALENDAR, Source, State, calendars, locked
from store.tables_delivery import source_days, sources

KEPT_DAYS = 90  # days whose counters are kept


@dataclass(frozen=True, slots=True)
class Claim:
    """So many mails may leave; more are to be asked for at `again_at` (UTC ms; 0: at any time). `day` gives back."""

    granted: int
    again_at: int
    day: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """What left a source on a day for one provider ("" is all together), and what was answered."""

    claimed: int
    answers: Answers


@dataclass(frozen=True, slots=True)
class Moved:
    """A source that went to another step; `provider` is whose answers took it back, None when it went up."""

    source: Source
    step: int
    provider: str | None = None


async def claim_warmup(
    conn: AsyncConnection, rules: Rules, source_id: int, provider: str, wanted: int, now: int
) -> Claim:
    """Claim up to `wanted` mails of a source's day for one provider ("" for sites of no known one)."""
    source = await locked(conn, source_id)
    if source is None or source.state is State.OFF:
        return Claim(0, now + warmup.HOUR)
    if source.state is State.READY:
        return Claim(wanted, 0)
    standing = await _roll(conn, rules, source, now)
    hour, day = warmup.hour_of(now), standing.step_day
    rows = {row.provider: row for row in await conn.execute(_of_day(source_id, day, {"", provider}))}
    total, own = rows.get(""), rows.get(provider)
    this_hour = total.hour_claimed if total is not None and total.hour == hour else 0
    used = Used(total.claimed if total else 0, this_hour, own.claimed if own else 0)
    granted, again_at = warmup.grant(rules, standing.step, used, provider, wanted, now)
    if granted:
        values = {"source": source_id, "day": day, "n": granted}
        await conn.execute(_CLAIM, values | {"provider": "", "hour": hour, "in_hour": this_hour + granted})
        if provider:
            await conn.execute(_CLAIM, values | {"provider": provider, "hour": 0, "in_hour": 0})
    return Claim(granted, again_at, day)


_CLAIM = text(
    "INSERT INTO source_days (source_id, day, provider, claimed, hour, hour_claimed)"
    " VALUES (:source, :day, :provider, :n, :hour, :in_hour) ON CONFLICT (source_id, day, provider) DO UPDATE"
    " SET claimed = source_days.claimed + excluded.claimed, hour = excluded.hour, hour_claimed = excluded.hour_claimed"
)


async def give_back(conn: AsyncConnection, source_id: int, provider: str, unused: int, day: int, now: int) -> None:
    """Return mails of a day's claims that did not leave."""
    if await locked(conn, source_id) is None or unused <= 0:
        return
    hour, c = warmup.hour_of(now), source_days.c
    fewer = case((c.claimed > unused, c.claimed - unused), else_=0)
    in_hour = case(((c.hour == hour) & (c.hour_claimed > unused), c.hour_claimed - unused), else_=0)
    these = (c.source_id == source_id, c.day == day, c.provider.in_({"", provider}))
    await conn.execute(update(source_days).where(*these).values(claimed=fewer, hour_claimed=in_hour))


async def report(
    conn: AsyncConnection, rules: Rules, outcomes: Mapping[tuple[int, str], Answers], now: int
) -> list[Moved]:
    """Count what was answered, by (source, provider); returns the sources that this takes one step back."""
    moved: list[Moved] = []
    for source_id in sorted({source for source, _ in outcomes}):
        source = await locked(conn, source_id)
        if source is None:
            continue
        standing = await _roll(conn, rules, source, now) if source.state in IN_CALENDAR else None
        day = standing.step_day if standing else warmup.day_of(now)
        own = {provider: told for (one, provider), told in outcomes.items() if one == source_id}
        for provider, told in sorted(_with_total(own).items()):
            values = {"accepted": told.accepted, "deferred": told.deferred, "refused": told.refused}
            await conn.execute(_REPORT, values | {"source": source_id, "day": day, "provider": provider})
        if standing is not None:
            moved += await _take_back(conn, rules, source, standing)
    return moved


_REPORT = text(
    "INSERT INTO source_days (source_id, day, provider, accepted, deferred, refused)"
    " VALUES (:source, :day, :provider, :accepted, :deferred, :refused) ON CONFLICT (source_id, day, provider) DO UPDATE"
    " SET accepted = source_days.accepted + excluded.accepted, deferred = source_days.deferred + excluded.deferred,"
    " refused = source_days.refused + excluded.refused"
)


def _with_total(own: Mapping[str, Answers]) -> dict[str, Answers]:
    """The answers by provider, with all of them together under ""."""
    total = Answers(
        sum(told.accepted for told in own.values()),
        sum(told.deferred for told in own.values()),
        sum(told.refused for told in own.values()),
    )
    return {**own, "": total}


async def _take_back(conn: AsyncConnection, rules: Rules, source: Source, standing: Standing) -> list[Moved]:
    rows = await conn.execute(_of_day(source.id, standing.step_day))
    provider = warmup.troubled(rules, {row.provider: _answers(row) for row in rows})
    back = standing if provider is None else warmup.taken_back(standing, standing.step_day)
    if back == standing:
        return []
    query = update(sources).where(sources.c.id == source.id)
    await conn.execute(query.values(step=back.step, back_day=back.back_day))
    return [Moved(source, back.step, provider)]


async def advance(conn: AsyncConnection, rules: Rules, now: int) -> list[Moved]:
    """Bring every source in a calendar to the step of today (claims do it, too); returns those that went up."""
    moved: list[Moved] = []
    for source in await calendars(conn):
        standing = await _roll(conn, rules, source, now)
        if standing.step != source.step:
            moved.append(Moved(source, standing.step))
    await conn.execute(delete(source_days).where(source_days.c.day < warmup.day_of(now) - KEPT_DAYS))
    return moved


async def behind(conn: AsyncConnection, now: int) -> bool:
    """Whether `advance` has something to do; a read, so that asking costs no writer."""
    query = select(sources.c.id).where(sources.c.state.in_(IN_CALENDAR), sources.c.step_day < warmup.day_of(now))
    return (await conn.execute(query.limit(1))).first() is not None


async def uses(conn: AsyncConnection, day: int) -> dict[tuple[int, str], Use]:
    """What left the sources on a day, by (source, provider)."""
    rows = await conn.execute(select(source_days).where(source_days.c.day == day))
    return {(row.source_id, row.provider): Use(row.claimed, _answers(row)) for row in rows}


async def _roll(conn: AsyncConnection, rules: Rules, source: Source, now: int) -> Standing:
    """The standing of today of a source in a calendar, written down when it is new."""
    before = source.standing or Standing(source.step, warmup.day_of(now))
    if before.step_day == warmup.day_of(now):
        return before
    of_day = _of_day(source.id, before.step_day, {""})
    row = (await conn.execute(of_day)).first()
    frozen = source.state is State.FROZEN
    today = warmup.rolled(rules, before, row.claimed if row else 0, warmup.day_of(now), frozen=frozen)
    if today != before:
        query = update(sources).where(sources.c.id == source.id)
        await conn.execute(query.values(step=today.step, step_day=today.step_day))
    return today


def _of_day(source_id: int, day: int, providers: set[str] | None = None) -> Any:
    query = select(source_days).where(source_days.c.source_id == source_id, source_days.c.day == day)
    return query if providers is None else query.where(source_days.c.provider.in_(providers))


def _answers(row: Any) -> Answers:
    return Answers(row.accepted, row.deferred, row.refused)


async def skip(conn: AsyncConnection, rules: Rules, source_id: int, steps: int | None, now: int) -> bool:
    """Go so many steps up at once, or (None) end the warm-up; False when it is in no calendar."""
    source = await locked(conn, source_id)
    if source is None or source.state not in IN_CALENDAR:
        return False
    standing = await _roll(conn, rules, source, now)
    ended = {"state": State.READY, "step_day": None}
    values = ended if steps is None else {"step": standing.step + steps}
    await conn.execute(update(sources).where(sources.c.id == source_id).values(**values))
    return True
