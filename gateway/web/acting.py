"""The values of the pages that act on a campaign.

In: a request, whose access it is, what is to be done. Out: dictionaries for the templates: the facts that somebody should
know before they act (how many people, which senders, which links). Counts that read a whole campaign take turns with
searches. Raises what the database raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway import i18n
from gateway.actions.author import author
from gateway.actions.powers import ENDED, Grant, may
from gateway.figures import columns, stats
from gateway.web import access, context, hands
from gateway.web.grid.asked import read
from gateway.web.grid.listing import chip
from store import accounts, campaigns, links, replays
from store.actions import Power
from store.engine import now_ms
from store.links import Link
from store.replays import BY_CONDUCT, Target
from store.values import Campaign

_TARGETS = (Target.ALL, Target.UNDELIVERED, Target.UNOPENED, Target.UNCLICKED)


def lang(request: Request) -> str:
    """The language in an address, kept from page to page."""
    asked = request.query_params.get("lang", "")
    return f"?lang={asked}" if asked in i18n.LOCALES else ""


def brings(request: Request, power: Power) -> bool:
    """Whether a list may come with an action: of strangers who have a link nothing is kept unread."""
    return power in (Power.REPLAY, Power.MODIFY) and access.of(request).session is not None


async def declared(request: Request, campaign: Campaign) -> str:
    """The declared sender who is asked, and mailed to."""
    async with context.of(request).db.read() as conn:
        return await author(conn, campaign)


async def named(request: Request, campaign: Campaign, wish: Mapping[str, Any]) -> dict[str, Any]:
    """The wish to end a link, with whose it is."""
    return dict(wish) | {"address": (await _link(request, campaign, int(wish["serial"]))).address}


async def _link(request: Request, campaign: Campaign, serial: int) -> Link:
    async with context.of(request).db.read() as conn:
        found = [one for one in await links.of(conn, campaign.id) if one.serial == serial]
    if not found:
        raise HTTPException(404)
    return found[0]


async def values(request: Request, campaign: Campaign, power: Power, said: Mapping[str, str]) -> dict[str, Any]:
    """What the page of an action shows."""
    ctx = context.of(request)
    locale, zone = context.language(request, campaign.locale), campaign.timezone
    found: dict[str, Any] = {
        "campaign": campaign, "base": access.base(request), "zone": zone, "at": lambda ms: i18n.instant(locale, zone, ms),
        "alone": may(hands.of(request), power) is Grant.YES, "to": await declared(request, campaign),
        "tab": said.get("tab", ""), "q": said.get("q", ""), "filter": said.get("filter", ""),
        "shown": shown(locale, campaign, said), "waiting": 0,
        "brings": brings(request, power),
        **access.around(request),
    }  # fmt: skip
    if power in (Power.STOP, Power.PAUSE, Power.RESUME):
        async with ctx.db.read() as conn:
            ledger = await campaigns.ledger(conn, campaign.id)
        found["waiting"] = ledger.recipients - stats.done(ledger) if ledger is not None else 0
    if power is Power.MODIFY:
        async with ctx.db.read() as conn:
            found["senders"] = await accounts.list_senders(conn, campaign.account_id)
    if power is Power.SHARE:
        async with ctx.db.read() as conn:
            found["links"] = await links.of(conn, campaign.id)
        found["now"] = now_ms()
    if power is Power.REVOKE:
        serial = said.get("serial", "")
        found["link"] = await _link(request, campaign, int(serial) if serial.isdecimal() and len(serial) < 9 else -1)
    return found | (await _replay(request, campaign) if power is Power.REPLAY else {})


def shown(locale: str, campaign: Campaign, said: Mapping[str, str]) -> str:
    """In words, which people the report shows."""
    words = [(name, said[name]) for name in ("tab", "q") if name in said] + parse_qsl(
        said.get("filter", "")[:8_000], keep_blank_values=True
    )
    asked = read("", campaign, words)
    every = columns.everything(campaign, locale)
    tab = i18n.text(locale, f"details.tab_{asked.tab}")
    told = [i18n.text(locale, "act.shown_search" if asked.q else "act.shown_tab", tab=tab, q=asked.q)]
    told += [chip(locale, every, one) for one in asked.filter.conditions]
    return (f" {i18n.text(locale, 'act.shown_any')} " if asked.filter.any else ", ").join(told)


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to "to whom?"; `count` None where it is not counted."""

    target: str
    count: int | None
    possible: bool


async def _replay(request: Request, campaign: Campaign) -> dict[str, Any]:
    heavy = request.app.state.heavy
    assert isinstance(heavy, asyncio.Semaphore)
    async with heavy, context.of(request).db.read() as conn:
        counts = {one: await replays.count(conn, campaign.id, one) for one in _TARGETS}
        arrived, followed = await replays.followed(conn, campaign.id)
    ended = campaign.state in ENDED
    choices = [Choice(one.value, counts[one], (ended or one in BY_CONDUCT) and counts[one] > 0) for one in _TARGETS]
    choices.append(Choice(Target.FILTER.value, None, ended))
    if brings(request, Power.REPLAY):
        choices.append(Choice(Target.LIST.value, None, True))
    return {"choices": choices, "arrived": arrived, "followed": followed, "ended": ended}
