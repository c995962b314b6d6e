"""The addresses of the API, and what the application keeps for it.

In: the catalogue and the context. Out: Starlette routes: one for each path, which knows all its methods; the description;
what each problem means; and 404 as problem+json for everything else below /api. Nothing is raised or logged.
"""

from __future__ import annotations

import asyncio
import re
import time

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import i18n
from gateway.api.catalogue import OPERATIONS, WORDS
from gateway.api.openapi import document
from gateway.api.operation import Operation
from gateway.api.pace import Pace
from gateway.api.serving import JSON, Endpoint, endpoint, refused
from gateway.web.context import Context

PREFIX = "/api/v1"
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"]


def routes() -> list[Route]:
    """All routes of the API."""
    paths: dict[str, dict[str, Operation]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = one
    # literal words before those that stand for anything: /suppressions/import is no address
    ordered = sorted(paths, key=lambda path: [word.startswith("{") for word in path.split("/")])
    found = [Route(PREFIX + path, _checked(endpoint(paths[path])), methods=_METHODS) for path in ordered]
    found.append(Route(f"{PREFIX}/openapi.json", _description))
    found.append(Route(f"{PREFIX}/problems/{{code}}", _about))
    found.append(Route("/api/{rest:path}", _nowhere, methods=_METHODS))
    return found


def prepare(app: Starlette, ctx: Context) -> None:
    """What the application keeps for the API."""
    settings = ctx.desk.settings if ctx.desk is not None else None
    app.state.api_pace = Pace(settings.api.requests_per_minute if settings else 600, time.monotonic)
    app.state.api_uploads = asyncio.Semaphore(settings.api.uploads if settings else 4)
    app.state.api_busy = set()


def largest(ctx: Context) -> int:
    """The largest body that the API takes, bytes: a message and the form around it."""
    return (ctx.desk.settings.smtp.max_message if ctx.desk is not None else 50_000_000) + 1_000_000


def _checked(serve: Endpoint) -> Endpoint:
    async def answer(request: Request) -> Response:
        for name, value in request.path_params.items():
            if not re.fullmatch(WORDS[name]["pattern"], str(value)) or "\0" in value:
                return refused(request, 404)
        return await serve(request)

    return answer


async def _description(_request: Request) -> Response:
    return Response(orjson.dumps(document()), media_type=JSON)


async def _about(request: Request) -> Response:
    """What a problem's type means, for whoever follows it."""
    code = str(request.path_params["code"])
    locale = i18n.negotiate(request.query_params.get("lang"), request.headers.get("accept-language", ""), "en")
    if not re.fullmatch("[a-z_]{1,40}", code) or not i18n.has(locale, f"api.{code}.title"):
        return refused(request, 404)
    return Response(f"{i18n.text(locale, f'api.{code}.title')}\n", media_type="text/plain; charset=utf-8")


async def _nowhere(request: Request) -> Response:
    return refused(request, 404)
