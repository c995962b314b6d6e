"""Passerelle > Files d'attente: what waits by domain and by age, which destinations are paused, and the two big switches.

In: `GET /x/passerelle/files`, and the POST of its forms (`/reprendre` ends a pause, `/tout-arreter` pauses every
campaign of everybody, `/tout-reprendre` lets those go on). Out: a page; after a form a redirect to it. Operators only.
Logs gateway_changed.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.logging import log
from gateway.web import context, halted
from gateway.web.extranet import gate, shell
from gateway.web.extranet.account import line, told
from store import backlog, campaigns, control, pauses, queue_shape
from store.engine import now_ms
from store.pauses import Kind
from store.queue_shape import MINUTES, Row

PAGE = f"{gate.HOME}/passerelle/files"
AGE = 30.0  # seconds for which one look at a long queue is shown
DONE = ("resumed", "all_paused", "all_resumed")


class Shapes:
    """The last look at the queue: counting a million recipients takes seconds, so one look serves for AGE seconds."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._until = 0.0
        self._seen: tuple[int, Row, list[Row]] | None = None

    async def at(self, request: Request) -> tuple[int, Row, list[Row]]:
        """When the queue was looked at, all that waits, and the fullest domains."""
        heavy: asyncio.Semaphore = request.app.state.heavy
        async with self._turn:
            if self._seen is None or time.monotonic() > self._until:
                now, began = now_ms(), time.monotonic()
                async with heavy, context.of(request).db.read() as conn:
                    self._seen = (now, *(await queue_shape.shape(conn, now)))
                took = time.monotonic() - began
                self._until = time.monotonic() + min(AGE, 10 * took)  # a short queue is looked at anew
            return self._seen


async def show(request: Request) -> Response:
    """The page."""
    session = await gate.signed_in(request, operator=True)
    shapes: Shapes = request.app.state.shapes
    now = now_ms()
    seen, whole, rows = await shapes.at(request)
    async with context.of(request).db.read() as conn:
        waiting = await backlog.waiting(conn, now)
        paused = [one for one in await pauses.active(conn, now) if one.kind is not Kind.NOTE]
        named = {one.campaign_id: await campaigns.get(conn, one.campaign_id) for one in waiting[:50]}
    locale = shell.language(request, session)
    values: dict[str, Any] = {
        "whole": whole, "rows": rows, "seen": seen, "minutes": MINUTES, "waiting": waiting[:50], "named": named,
        "most": max((max(row.ages) for row in rows), default=0),
        "paused": [(one, halted.place(locale, one), halted.why(locale, one)) for one in paused],
        "proof": gate.proof(session, "queues"), "done": told(request, DONE),
    }  # fmt: skip
    return shell.page(request, session, "x/queues.html", "queues", **values)


async def resume(request: Request) -> Response:
    """End the pause of a destination."""
    ctx, session = context.of(request), await gate.signed_in(request, operator=True)
    sent = await gate.form(request, session, "queues")
    site = line(sent.get("site"))
    async with ctx.db.write() as conn:
        await pauses.clear(conn, site, now=now_ms())
    log("gateway_changed", what="pause ended", place=site, by=session.user.login)
    return RedirectResponse(f"{PAGE}?done=resumed", 303)


async def pause_all(request: Request) -> Response:
    """Pause every campaign of everybody."""
    ctx, session = context.of(request), await gate.signed_in(request, operator=True)
    await gate.form(request, session, "queues")
    async with ctx.db.write() as conn:
        stood = await control.pause_all(conn, session.user.login)
    log("gateway_changed", what="all paused", count=stood.campaigns, by=session.user.login)
    return RedirectResponse(f"{PAGE}?done=all_paused", 303)


async def resume_all(request: Request) -> Response:
    """Let the campaigns go on that were paused at once."""
    ctx, session = context.of(request), await gate.signed_in(request, operator=True)
    await gate.form(request, session, "queues")
    async with ctx.db.write() as conn:
        going = await control.resume_all(conn, now_ms(), session.user.login)
    log("gateway_changed", what="all resumed", count=going.campaigns, by=session.user.login)
    return RedirectResponse(f"{PAGE}?done=all_resumed", 303)
