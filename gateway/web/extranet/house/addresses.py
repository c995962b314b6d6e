"""Passerelle > Adresses d'envoi: the local addresses, where each stands in its warm-up, and the calendar as a curve.

In: `GET /x/passerelle/adresses`, and the POST of a form with `act` (start, freeze, thaw, skip, end, off) and `address`.
Out: a page; after a form a redirect to it. Addresses are added on the machine itself (`mail2campaign ip add`).
Operators only. Logs gateway_changed.
"""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config import warmup
from config.logging import log
from config.warmup import Answers, Rules
from gateway.web import context
from gateway.web.context import Context
from gateway.web.extranet import gate, shell
from gateway.web.extranet.account import line, told
from store import sources, warmups
from store.engine import now_ms
from store.sources import IN_CALENDAR, Source
from store.warmups import Use

PAGE = f"{gate.HOME}/passerelle/adresses"
DONE = ("changed", "nothing")
DAYS, WIDTH, HEIGHT = 20, 640, 200
ACTS = {
    "ready": ("start", "off"),
    "warming": ("freeze", "skip", "end", "off"),
    "frozen": ("thaw", "skip", "end", "off"),
    "off": ("thaw",),
}


async def show(request: Request) -> Response:
    """The page."""
    ctx, session, now = context.of(request), await gate.signed_in(request, operator=True), now_ms()
    rules = _rules(ctx)
    async with ctx.db.read() as conn:
        rows = await sources.every(conn)
        uses = await warmups.uses(conn, warmup.day_of(now))
    values: dict[str, Any] = {
        "rows": [_row(rules, source, uses) for source in rows], "curve": curve(rules, rows), "days": DAYS,
        "calendar": [(step + 1, warmup.allowance(rules, step)) for step in range(DAYS)],
        "proof": gate.proof(session, "addresses"), "done": told(request, DONE), "width": WIDTH, "height": HEIGHT,
    }  # fmt: skip
    return shell.page(request, session, "x/addresses.html", "addresses", **values)


def _rules(ctx: Context) -> Rules:
    return warmup.load(ctx.desk.settings.warmup_file if ctx.desk is not None else None)


def _row(rules: Rules, source: Source, uses: dict[tuple[int, str], Use]) -> dict[str, Any]:
    total = uses.get((source.id, ""), Use(0, Answers()))
    warming = source.state in IN_CALENDAR
    allowed = warmup.allowance(rules, source.step) if warming else None
    return {
        "source": source, "use": total, "allowance": allowed, "day": source.step + 1 if warming else None,
        "share": min(1.0, total.claimed / allowed) if allowed else 0.0, "acts": ACTS.get(str(source.state), ()),
    }  # fmt: skip


def curve(rules: Rules, rows: list[Source]) -> dict[str, Any]:
    """The calendar on a logarithmic axis: path, ticks, and where the addresses stand on it."""
    points = [warmup.allowance(rules, step) for step in range(DAYS)]
    low, high = math.log10(min(points)), math.log10(max(points))

    def place(step: int) -> tuple[float, float]:
        height = (math.log10(warmup.allowance(rules, step)) - low) / max(high - low, 0.1)
        return round(WIDTH * step / (DAYS - 1), 1), round(HEIGHT * (1 - height), 1)

    decades = range(math.ceil(low), math.floor(high) + 1)
    return {
        "path": "M" + "L".join(f"{x} {y}" for x, y in (place(step) for step in range(DAYS))),
        "ticks": [(round(HEIGHT * (1 - (n - low) / max(high - low, 0.1)), 1), 10**n) for n in decades],
        "marks": [(step + 1, place(step)[0]) for step in range(0, DAYS, 3)],
        "dots": [(*place(one.step), one.address) for one in rows if one.state in IN_CALENDAR and one.step < DAYS],
    }  # fmt: skip


async def act(request: Request) -> Response:
    """Move an address in its calendar, or switch it off or on."""
    ctx, session = context.of(request), await gate.signed_in(request, operator=True)
    sent = await gate.form(request, session, "addresses")
    what, address, now = line(sent.get("act")), line(sent.get("address")), now_ms()
    async with ctx.db.write() as conn:
        source = await sources.find(conn, address)
        if source is None:
            raise HTTPException(404)
        done = what in ACTS.get(str(source.state), ()) and await _do(conn, _rules(ctx), source, what, now)
    if not done:
        return RedirectResponse(f"{PAGE}?done=nothing", 303)
    log("gateway_changed", what=f"ip {what}", place=address, by=session.user.login)
    answer = RedirectResponse(f"{PAGE}?done=changed", 303)
    answer.background = BackgroundTask(_hasten, ctx)
    return answer


async def _do(conn: AsyncConnection, rules: Rules, source: Source, what: str, now: int) -> bool:
    match what:
        case "start":
            await sources.start(conn, source.id, 0, now)
            return True
        case "freeze":
            return await sources.freeze(conn, source.id)
        case "thaw":
            return await sources.thaw(conn, source.id)
        case "off":
            return await sources.off(conn, source.id)
        case _:
            return await warmups.skip(conn, rules, source.id, None if what == "end" else 1, now)


async def _hasten(ctx: Context) -> None:
    now = now_ms()
    while True:  # a chunk a transaction: senders write in between
        async with ctx.db.write() as conn:
            if not await sources.hasten(conn, now):
                return
