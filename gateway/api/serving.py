"""From a request to an answer: who calls, whether they may, what they sent, what the handler says.

In: the operations of one path, by method. Out: an ASGI endpoint that answers each of them, and every trouble as
problem+json in the caller's language: 401 for a key that is none, 403 for a scope that it lacks, 405, 413, 415, 422 with the
fields at fault, 429 with the time to wait. Every answer to a known key tells what is left of its minute. Logs api_failed.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from config.logging import log
from gateway import i18n
from gateway.api.operation import Call, Caller, Operation, Reply
from gateway.api.pace import Left, Pace
from gateway.api.problems import USUAL, Problem, from_validation, response
from gateway.web import context
from gateway.web.context import Context
from store import accounts, api_keys
from store.engine import now_ms

JSON = "application/json"
SLOW = 60.0  # seconds in which a JSON body must come
_REALM = 'Bearer realm="mail2campaign"'

Endpoint = Callable[[Request], Awaitable[Response]]


def endpoint(operations: Mapping[str, Operation]) -> Endpoint:
    """Answer the requests for one path."""

    async def answer(request: Request) -> Response:
        ctx = context.of(request)
        locale = i18n.negotiate(None, request.headers.get("accept-language", ""), ctx.locale)
        state: dict[str, Any] = {"locale": locale}
        try:
            reply = await _answered(ctx, request, operations, state)
        except Problem as problem:
            reply = response(problem, state["locale"], ctx.url)
        except HTTPException as error:
            reply = refused(request, error.status_code)
        except ClientDisconnect:
            reply = refused(request, 408)
        except (DBAPIError, OSError, TimeoutError) as error:
            log("failed", what="api", error=error)
            reply = response(Problem(503, headers={"Retry-After": "10"}), state["locale"], ctx.url)
        except Exception as error:
            log("failed", what="api", error=error)
            reply = response(Problem(500), state["locale"], ctx.url)
        left: Left | None = state.get("left")
        for name, value in (left.headers() if left else {}).items():
            reply.headers[name] = value
        return reply

    return answer


def refused(request: Request, status: int) -> Response:
    """The problem of a status, for what no operation answers."""
    ctx = context.of(request)
    locale = i18n.negotiate(None, request.headers.get("accept-language", ""), ctx.locale)
    problem = Problem(status if status in USUAL else 500)
    problem.values = {"reason": "", "most": "?", "expected": "?", "seconds": "?"}
    return response(problem, locale, ctx.url)


async def _answered(
    ctx: Context, request: Request, operations: Mapping[str, Operation], state: dict[str, Any]
) -> Response:
    method = "GET" if request.method == "HEAD" else request.method
    operation = operations.get(method)
    if operation is None:
        allowed = sorted({*operations, *(["HEAD"] if "GET" in operations else [])})
        raise Problem(405, headers={"Allow": ", ".join(allowed)})
    caller = await _caller(ctx, request)
    state["locale"] = locale = i18n.negotiate(None, request.headers.get("accept-language", ""), caller.account.locale)
    pace: Pace = request.app.state.api_pace
    state["left"] = left = pace.count(caller.key.id)
    if left.over:
        raise Problem(429, headers={"Retry-After": str(left.reset)}, seconds=left.reset)
    if not caller.key.may(operation.scope):
        needs = f'{_REALM}, error="insufficient_scope", scope="{operation.scope}"'
        raise Problem(403, "scope", headers={"WWW-Authenticate": needs}, scope=operation.scope)
    if operation.scope == "send" and caller.account.suspended:
        raise Problem(403, "suspended")
    query = _query(operation, request, locale)
    body = await _body(operation, request, locale)
    call = Call(request, ctx, caller, locale, request.path_params, query, body)
    reply = await operation.handle(call)
    return reply if isinstance(reply, Response) else written(reply)


def written(reply: Reply) -> Response:
    """A reply as an HTTP answer."""
    headers = {"Cache-Control": "no-store", **reply.headers}
    if reply.document is None:
        return Response(None, reply.status, headers)
    document = reply.document.model_dump(mode="json", by_alias=True)
    return Response(orjson.dumps(document), reply.status, headers, JSON)


async def _caller(ctx: Context, request: Request) -> Caller:
    scheme, _, word = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not word.strip():
        raise Problem(401, headers={"WWW-Authenticate": _REALM})
    now = now_ms()
    async with ctx.db.read() as conn:
        key = await api_keys.find(conn, word.strip())
        account = await accounts.get_account(conn, key.account_id) if key is not None else None
    if key is None or account is None or not key.works(now):
        code = "key_ended" if key is not None else "key_wrong"
        raise Problem(401, code, headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})
    if key.used_at is None or key.used_at <= now - api_keys.USED_MS:
        async with ctx.db.write() as conn:
            await api_keys.used(conn, key, now)
    return Caller(key, account)


def _query(operation: Operation, request: Request, locale: str) -> BaseModel | None:
    model = operation.query
    given = request.query_params
    if model is None:
        if given:
            raise from_validation(_nothing_expected(list(given)), locale, "?")
        return None
    many = {name for name, field in model.model_fields.items() if "list" in str(field.annotation)}
    aliases = {field.alias or name: name for name, field in model.model_fields.items()}
    values: dict[str, Any] = {
        name: given.getlist(name) if aliases.get(name) in many else given.getlist(name)[-1] for name in given
    }
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise from_validation(error, locale, "?") from error


def _nothing_expected(names: list[str]) -> ValidationError:
    lines: list[Any] = [{"type": "extra_forbidden", "loc": (name,), "input": ""} for name in names]
    return ValidationError.from_exception_data("query", lines)


async def _body(operation: Operation, request: Request, locale: str) -> BaseModel | None:
    model = operation.body
    if model is None:
        return None
    raw = await read(request, operation.largest)
    if not raw and operation.optional_body:
        return model.model_validate({})
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise Problem(415, expected=JSON, headers={"Accept": JSON})
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Problem(400, reason=str(error)[:200]) from error
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise from_validation(error, locale) from error


async def read(request: Request, most: int) -> bytes:
    """The whole body, `most` bytes at most, within SLOW seconds."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise Problem(413, most=math.ceil(most / 1_000_000))
    pieces: list[bytes] = []
    size = 0
    async with asyncio.timeout(SLOW):
        async for piece in request.stream():
            size += len(piece)
            if size > most:
                raise Problem(413, most=math.ceil(most / 1_000_000))
            pieces.append(piece)
    return b"".join(pieces)
