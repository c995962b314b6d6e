"""Asking for a long export, following it, fetching it.

In: `POST /r/TOKEN/exports` (kind and a view's words), `GET …/exports/N`, `GET …/exports/N/file`. Out: a page that looks
again by itself, with or without a script, until the file is there; the file as a download. What a kind cannot hold is
answered by 422 and the kind that can. Raises HTTPException only. Logs export_asked.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from gateway.web import access, context, guard
from gateway.web.exports import asking, files
from gateway.web.exports.maker import Maker
from gateway.web.grid import asked
from gateway.web.grid.asked import Query
from gateway.web.pages import page, problem
from gateway.web.report import common, find, reads_only
from store import exports
from store.exports import Export, State
from store.values import Campaign

AGAIN = 2  # seconds between two looks


async def ask(request: Request) -> Response:
    """Have a file made."""
    ctx, sent = context.of(request), await guard.form(request)
    async with ctx.db.read() as conn:
        campaign = await find(request, conn)
    locale = context.language(request, campaign.locale)
    if not guard.ours(request, sent, access.of(request).secret, "exports", ctx.url):
        return problem(locale, 403, "action.forged")
    kind, words = str(sent.get("kind", "")), str(sent.get("query", ""))
    query = asked.read("", campaign, parse_qsl(words, keep_blank_values=True))
    if kind not in files.KINDS or _maker(request) is None:
        raise HTTPException(404)
    if query.fault:
        return problem(locale, 400, "filter.fault")
    number = await asking.ask(ctx.db, campaign, kind, query, locale, not reads_only(request))
    if isinstance(number, str):
        return problem(locale, 503 if number == "many" else 422, f"export.{number}")
    _maker(request).wake()  # type: ignore[union-attr]
    return RedirectResponse(f"{access.base(request)}/exports/{number}{_lang(query, locale)}", 303)


def _lang(query: Query, locale: str) -> str:
    return f"?lang={locale}"


def _maker(request: Request) -> Maker | None:
    maker: Maker | None = request.app.state.maker
    return maker


async def show(request: Request) -> Response:
    """How far it is."""
    campaign, export = await _known(request)
    locale = context.language(request, campaign.locale)
    file = f"{access.base(request)}/exports/{export.id}/file"
    values: dict[str, Any] = {
        "campaign": campaign,
        "export": export,
        "file": file,
        "again": AGAIN,
        "kept": exports.KEPT // 86_400_000,
    }
    values["open"] = export.state in (State.WAITING, State.RUNNING)
    return page("export.html", locale, **values, **common(request, campaign))


async def send(request: Request) -> Response:
    """The file."""
    campaign, export = await _known(request)
    maker = _maker(request)
    if maker is None or export.state is not State.READY or not maker.path(export).is_file():
        raise HTTPException(404)
    name = files.name(campaign, "export", export.kind)
    return FileResponse(maker.path(export), media_type=files.MEDIA[export.kind], filename=name)


async def _known(request: Request) -> tuple[Campaign, Export]:
    number = request.path_params["export"]
    async with context.of(request).db.read() as conn:
        campaign = await find(request, conn)
        export = await exports.get(conn, number) if number < 1 << 62 else None
    if export is None or export.campaign_id != campaign.id:
        raise HTTPException(404)
    return campaign, export
