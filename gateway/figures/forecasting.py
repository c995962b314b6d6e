"""Forecasts of campaigns: made with the acknowledgement, and again now and then while a campaign is sent.

In: the desk, a campaign, its recipients' domains. Out: rows of `forecasts`, which pages read. What has been seen of a
provider (speed, retries) is learnt on the way and used for the next campaign. A campaign is counted anew at most every
EVERY ms, no more than one part in PART of the time, and not at all while nothing moves. Raises what the database raises.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf

from sqlalchemy.ext.asyncio import AsyncConnection

from config import warmup
from config.durations import plan
from config.providers import Provider, Providers
from gateway.figures.forecast import Calendar, Forecast, Part, Reason, Scene, forecast
from gateway.intake.desk import Desk
from gateway.intake.destinations import Flow, flows, watch
from store import campaigns, forecasts, pauses, quotas, sources, warmups
from store.engine import now_ms
from store.forecasts import Row, Seen, Waiting
from store.pauses import Kind, Pause
from store.sources import IN_CALENDAR, SHARED, Source, State
from store.values import Campaign

EVERY = 15_000  # ms between two looks at the recipients of a campaign
PART = 100
LONGEST = 600_000  # ms between two forecasts over which a speed is taken
STILL = 1_800_000  # ms after which a campaign is counted anew though nothing moved
PATIENCE = 0.3  # seconds that DNS gets before an acknowledgement
CALM = 5.0  # and afterwards
PACE = 50 * 3600.0  # mails an hour of a sender process, until more is known
PER_CONNECTION = 3 * 3600.0  # mails an hour over one connection, until more is known
_ENOUGH = 20  # mails that tell a speed


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a scene is made from beside the campaign's own recipients."""

    usable: list[Source]
    warming: bool
    known: Mapping[str, Seen]
    paused: list[Pause]
    rivals: int
    waiting: int  # mails of rivals


async def first(desk: Desk, campaign: Campaign, domains: Mapping[str, int]) -> Row:
    """The forecast of a campaign that is about to begin."""
    frequent = sorted(domains.items(), key=lambda item: -item[1])
    waiting = [Waiting(domain, count, 0, 0) for domain, count in frequent[: forecasts.DOMAINS]]
    rest = sum(count for _, count in frequent[forecasts.DOMAINS :])
    if rest:
        waiting.append(Waiting("", rest, 0, 0))
    return await _row(desk, campaign, waiting, None, PATIENCE)


class Forecaster:
    """Keeps the forecasts of campaigns under way; `look` is to be called every few seconds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._next: dict[int, int] = {}  # campaign -> when it may be counted again

    async def look(self) -> None:
        """Work out anew what has moved."""
        now = now_ms()
        async with self._desk.database.read() as conn:
            going = await forecasts.going(conn)
            rows = await forecasts.read(conn, list(going))
        self._next = {one: due for one, due in self._next.items() if one in going}
        for campaign_id, waiting in going.items():
            row = rows.get(campaign_id)
            if self._next.get(campaign_id, 0) > now or (row is not None and not _moved(row, waiting, now)):
                continue
            began = time.monotonic()
            await self._work_out(campaign_id, waiting, row)
            cost = int((time.monotonic() - began) * 1000)
            self._next[campaign_id] = now + max(EVERY, PART * cost)

    async def _work_out(self, campaign_id: int, count: int, before: Row | None) -> None:
        async with self._desk.database.read() as conn:
            campaign = await campaigns.get(conn, campaign_id)
            waiting = await forecasts.by_domain(conn, campaign_id, count)
        if campaign is None or not waiting:
            return
        row = await _row(self._desk, campaign, waiting, before, CALM)
        async with self._desk.database.write() as conn:
            await forecasts.save(conn, replace(row, waiting=count))


def _moved(row: Row, waiting: int, now: int) -> bool:
    return now - row.at >= EVERY and (waiting != row.waiting or now - row.at >= STILL)


async def _row(desk: Desk, campaign: Campaign, waiting: list[Waiting], before: Row | None, patience: float) -> Row:
    providers = watch(desk.settings.providers_file).current()
    by_provider = await flows(waiting, desk.resolver, desk.settings.delivery.routes, providers, patience)
    now = now_ms()
    async with desk.database.read() as conn:
        ground = await _ground(conn, campaign, now)
        calendar = await _calendar(conn, desk, ground, now) if ground.warming else None
        quota = await quotas.allowance(conn, campaign.account_id, desk.settings.limits.new_account_per_day, now)
    lapse = _lapse(campaign, before, now)
    seen = _learnt(by_provider, before, lapse, bound=calendar is not None or quota is not None)
    whole = sum(flow.fresh + flow.tried for flow in by_provider.values())
    retry = plan(desk.settings.delivery.retry).steps[0]
    parts = [
        _part(providers, key, flow, ground, seen.get(key), ground.waiting * (flow.fresh + flow.tried) // whole, retry)
        for key, flow in by_provider.items()
    ]
    asked = campaign.options.get("rate")
    scene = Scene(
        now, campaign.send_at, parts, _pace(desk, by_provider, before, lapse), calendar,
        None if quota is None else (quota.left, quota.per_day), float(asked) if asked else inf, ground.rivals,
    )  # fmt: skip
    found: Forecast = forecast(scene)
    first_counts = before.remaining if before is not None else {}
    remaining = {
        key: (first_counts.get(key, (flow.fresh + flow.tried, 0))[0], flow.fresh) for key, flow in by_provider.items()
    }
    remaining |= {key: (count, 0) for key, (count, _) in first_counts.items() if key not in remaining}  # all were tried
    tried = {key: flow.tried for key, flow in by_provider.items()}
    return Row(campaign.id, now, found.ends_at, found.reason, found.provider, whole, remaining, seen, tried)


async def _ground(conn: AsyncConnection, campaign: Campaign, now: int) -> _Ground:
    pool = await sources.pool_of(conn, campaign.account_id)
    on = [source for source in await sources.every(conn) if source.state is not State.OFF]
    own = [source for source in on if source.pool == pool] or [source for source in on if source.pool == SHARED]
    overflow = own + [source for source in on if source.pool == SHARED]
    warming = [source for source in own if source.state in IN_CALENDAR]
    ready = [source for source in overflow if source.state is State.READY]
    rivals = await forecasts.rivals(conn, campaign.id, max(now, campaign.send_at))
    known = await forecasts.lately(conn)
    paused = await pauses.active(conn, now)
    return _Ground(ready or warming, bool(warming) and not ready, known, paused, len(rivals), sum(rivals.values()))


async def _calendar(conn: AsyncConnection, desk: Desk, ground: _Ground, now: int) -> Calendar:
    rules = warmup.load(desk.settings.warmup_file)
    day = max(source.step_day or 0 for source in ground.usable) or warmup.day_of(now)
    ids = {source.id for source in ground.usable}
    by_provider: dict[str, int] = {}
    for (source_id, provider), use in (await warmups.uses(conn, day)).items():
        if source_id in ids:
            by_provider[provider] = by_provider.get(provider, 0) + use.claimed
    used = by_provider.pop("", 0)
    return Calendar(rules, [source.step for source in ground.usable], day, used, by_provider)


def _part(
    providers: Providers, key: str, flow: Flow, ground: _Ground, own: Seen | None, rivals: int, retry: int
) -> Part:
    provider = providers.named(key) if key else None
    seen = own or ground.known.get(key)
    per_hour, limit = _limit(provider, flow, len(ground.usable) or 1, seen)
    opens_at = 0
    for pause in ground.paused:
        if not _concerns(pause, key, ground.usable):
            continue
        if pause.kind is Kind.PAUSE:
            opens_at = max(opens_at, pause.until)
        elif pause.kind is Kind.SLOW and pause.rate:
            per_hour, limit = min((per_hour, limit), (float(pause.rate), Reason.RATE))
    retries = seen.retries if seen is not None else 0.0
    left = flow.fresh + flow.tried
    return Part(key, left, per_hour, limit, opens_at, flow.again_at, rivals, retries if flow.fresh else 0.0, retry)


def _limit(provider: Provider | None, flow: Flow, sources_: int, seen: Seen | None) -> tuple[float, Reason]:
    """How many mails an hour a provider takes from all our addresses, and what says so."""
    if provider is None:
        return inf, Reason.NONE
    sites = sources_ if provider.shared else sources_ * max(1, flow.domains)
    bounds: list[tuple[float, Reason]] = [(inf, Reason.NONE)]
    if provider.connections:
        speed = seen.per_hour if seen is not None and seen.per_hour else provider.connections * sites * PER_CONNECTION
        bounds.append((speed, Reason.CONNECTIONS))
    if provider.per_hour:
        bounds.append((float(provider.per_hour * sites), Reason.RATE))
    return min(bounds, key=lambda bound: bound[0])


def _concerns(pause: Pause, key: str, usable: list[Source]) -> bool:
    """Whether a pause holds all mail to a provider back: one of single addresses, while others send, does not."""
    everywhere = not pause.source_id or [source.id for source in usable] == [pause.source_id]
    return everywhere and (not pause.site or (bool(key) and pause.provider == key))


def _lapse(campaign: Campaign, before: Row | None, now: int) -> int:
    """The ms for which the campaign was sent since the forecast before; 0 where that tells nothing."""
    lapse = now - max(before.at, campaign.send_at) if before is not None else 0
    return lapse if EVERY // 2 <= lapse <= LONGEST else 0


def _learnt(by_provider: Mapping[str, Flow], before: Row | None, lapse: int, *, bound: bool) -> dict[str, Seen]:
    """What this campaign has shown of each provider, with what it had shown before."""
    seen: dict[str, Seen] = dict(before.seen) if before is not None else {}
    for key, (whole, fresh) in before.remaining.items() if before is not None else ():
        flow = by_provider.get(key, Flow())
        known = seen.get(key, Seen(0.0, 0.0))
        tried, speed = whole - flow.fresh, known.per_hour
        if lapse and not bound and flow.fresh and fresh - flow.fresh >= _ENOUGH:
            speed = (fresh - flow.fresh) * 3_600_000 / lapse
        retries = max(known.retries, flow.tried / tried) if tried >= _ENOUGH else known.retries
        if (speed, retries) != (0.0, 0.0):
            seen[key] = Seen(round(speed, 1), round(retries, 3))
    return seen


def _pace(desk: Desk, by_provider: Mapping[str, Flow], before: Row | None, lapse: int) -> float:
    """Mails an hour of all senders together: as seen while mails without any other bound waited, else a guess."""
    guess = PACE * (desk.settings.delivery.workers or os.cpu_count() or 1)
    if before is None or not lapse or not by_provider.get("", Flow()).fresh:
        return guess
    went = sum(fresh for _, fresh in before.remaining.values()) - sum(flow.fresh for flow in by_provider.values())
    return went * 3_600_000 / lapse if went >= _ENOUGH else guess
