"""All addresses of the web side and the one application that answers them.

In: a `Context`. Out: an ASGI application: tracking, unsubscribing, files to download, the report and its exports, the
extranet, the API, two health checks, a page that says what this gateway is. Errors become pages in the reader's language,
or problem+json. Logs `failed` for what no page foresaw, without the address (it holds the token).
"""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from config.logging import log
from gateway.api import routes as api
from gateway.api.serving import refused
from gateway.web import (
    access,
    actions,
    confirm,
    consent,
    context,
    domains,
    download,
    events,
    export,
    known,
    message,
    metrics,
    orders,
    report,
    senders,
    track,
    unsubscribe,
)
from gateway.web.compress import Compress
from gateway.web.context import Context
from gateway.web.exports import pages as export_pages
from gateway.web.exports.maker import Maker
from gateway.web.extranet import gate, login
from gateway.web.extranet.house import queues
from gateway.web.extranet.language import Remembering
from gateway.web.extranet.new import uploads
from gateway.web.extranet.registers.routes import BRINGS
from gateway.web.extranet.routes import ROUTES, twins
from gateway.web.grid import pages as grid_pages
from gateway.web.grid.looking import Sorter
from gateway.web.guard import BODY, LIST, Guard
from gateway.web.look import Looks
from gateway.web.names import Names
from gateway.web.pages import page, problem, static
from store import campaigns
from store.outages import passing

ROBOTS = "User-agent: *\nDisallow: /\n"
READY = 2.0  # seconds the database may take to answer /readyz

_ROUTES = [
    Route("/o/{token}.gif", track.pixel),
    Route("/c/{token}", track.click),
    Route("/a/{token}.gif", track.shared_pixel),
    Route("/h/{token}.gif", track.last_open),
    Route("/l/{token}", track.shared_click),
    Route("/t/{token}", consent.show),
    Route("/t/{token}", consent.act, methods=["POST"]),
    Route("/u/{token}", unsubscribe.show),
    Route("/u/{token}", unsubscribe.act, methods=["POST"]),
    Route("/u/{token}/back", unsubscribe.ask_back, methods=["POST"]),
    Route("/b/{token}", unsubscribe.show_back),
    Route("/b/{token}", unsubscribe.back, methods=["POST"]),
    Route("/v/{token}", orders.ask),
    Route("/v/{token}", orders.act, methods=["POST"]),
    Route("/s/{token}", senders.ask),
    Route("/s/{token}", senders.act, methods=["POST"]),
    Route("/k/{token}", confirm.ask),
    Route("/k/{token}", confirm.act, methods=["POST"]),
    Route("/f/{token}", download.show),
    Route("/f/{token}/file", download.send),
    Route("/r/{token}.json", report.as_json),
    Route("/r/{token}", report.show),
    Route("/r/{token}/live", report.live),
    Route("/r/{token}/events", events.stream),
    Route("/r/{token}/message", message.show),
    Route("/r/{token}/domains", domains.show),
    Route("/r/{token}/details", grid_pages.details),
    Route("/r/{token}/count", grid_pages.count),
    Route("/r/{token}/history/{recipient:int}", report.recipient),
    Route("/r/{token}/export.{kind}", export.recipients),
    Route("/r/{token}/lines.{kind}", export.lines),
    Route("/r/{token}/exports", export_pages.ask, methods=["POST"]),
    Route("/r/{token}/exports/{export:int}", export_pages.show),
    Route("/r/{token}/exports/{export:int}/file", export_pages.send),
    Route("/r/{token}/{action:str}", actions.ask),
    Route("/r/{token}/{action:str}", actions.act, methods=["POST"]),
    Route("/static/{version}/{name}", static),
]


async def _home(request: Request) -> Response:
    ctx = context.of(request)
    return page("home.html", context.language(request, ctx.locale), address=f"mail@{ctx.domain}")


async def _robots(_request: Request) -> Response:
    return PlainTextResponse(ROBOTS)


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _ready(request: Request) -> Response:
    """200 when the database answers."""
    try:
        async with asyncio.timeout(READY), context.of(request).db.read() as conn:
            await campaigns.get(conn, 0)
    except Exception as error:
        log("failed", what="readyz", error=error)
        return PlainTextResponse("the database does not answer\n", 503)
    return PlainTextResponse("ok\n")


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if request.url.path.startswith("/api/"):
        return refused(request, status)
    key = access.ENDED if isinstance(error, HTTPException) and error.detail == access.ENDED else ""
    return problem(context.language(request, context.of(request).locale), status, key)


async def _crashed(request: Request, error: Exception) -> Response:
    log("failed", what=f"{request.method} {request.url.path.split('/')[1][:10]}", error=error)
    return problem(context.language(request, context.of(request).locale), 503 if passing(error) else 500)


def build(ctx: Context) -> Starlette:
    """Make the application."""
    own = [Route("/", _home), Route("/robots.txt", _robots), Route("/healthz", _alive), Route("/readyz", _ready)]
    own.append(Route("/metrics", metrics.show))
    handlers = {HTTPException: _refused, gate.Away: gate.away, Exception: _crashed}
    routes = [*own, *known.ROUTES, *_ROUTES, *ROUTES, *twins(_ROUTES), *api.routes()]
    app = Starlette(routes=routes, exception_handlers=handlers)
    bodies = {"/api/": api.largest(ctx), "/x/nouvelle": api.largest(ctx)}
    secure = ctx.desk is not None and bool(ctx.desk.settings.web.https_listen)
    app.add_middleware(Names, domain=ctx.domain, url=ctx.url, secure=secure, proxies=ctx.proxies)
    app.add_middleware(Guard, bodies=bodies | dict.fromkeys(BRINGS, LIST + BODY))
    app.add_middleware(Remembering)
    app.add_middleware(Compress)
    app.state.context = ctx
    api.prepare(app, ctx)
    app.state.metrics = metrics.Reading()
    app.state.metrics_token = "" if ctx.desk is None else ctx.desk.settings.metrics.token
    app.state.door = login.Door()
    app.state.shapes = queues.Shapes()
    app.state.uploads = asyncio.Semaphore(uploads.AT_ONCE)
    app.state.links = track.Links()
    app.state.sorter = Sorter(ctx.db)
    app.state.maker = None if ctx.folder is None else Maker(ctx.db, ctx.folder / "exports")
    app.state.heavy = asyncio.Semaphore(2)  # orders and searches that read a whole campaign
    app.state.looks, app.state.streams = Looks(ctx.db), events.Streams()
    app.state.papers, app.state.domains = message.Papers(), domains.Counts(ctx.db, app.state.heavy)
    app.state.exports = asyncio.Semaphore(2)
    app.state.downloads = asyncio.Semaphore(download.AT_ONCE)
    return app
