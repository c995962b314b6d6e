"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same request twice does its work once.

In: a call, a fingerprint of its body, the work. Out: its answer, kept for a day and given again to the same request with the
header `Idempotent-Replayed: true`. The same key with another body gives 422, a request still under way 409. What failed on
our side (5xx, 429) is not kept: it may be tried again. A process that dies between work and answer leaves a claim that the
next try takes over: works here do the same thing twice without doing it double.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable

from starlette.responses import Response

from gateway.api.operation import Call
from gateway.api.problems import Problem, response
from store import once as store
from store.engine import now_ms

HEADER = "idempotency-key"
_KEY = re.compile(r"[!-~]{1,255}").fullmatch
_KEPT = ("content-type", "location", "content-language")


def word(call: Call) -> str:
    """The key of a request, empty where there is none; Problem 400 for one that is no word, an empty header included."""
    given = call.request.headers.get(HEADER)
    if given is not None and not _KEY(given):
        raise Problem(400, "idempotency_key")
    return given or ""


def fingerprint(call: Call, *parts: bytes) -> bytes:
    """What tells one request from another: method, path and body."""
    digest = hashlib.sha256(f"{call.request.method} {call.request.url.path}".encode("utf-8", "replace"))
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


async def once(call: Call, mark: bytes, work: Callable[[], Awaitable[Response]]) -> Response:
    """Do the work, or give the answer that it had."""
    key = word(call)
    if not key:
        return await work()
    db, account = call.ctx.db, call.account.id
    busy: set[tuple[int, str]] = call.request.app.state.api_busy
    async with db.write() as conn:
        known = await store.claim(conn, account, key, mark, now_ms())
    if known is not None:
        if known.fingerprint != mark:
            raise Problem(422, "idempotency_other")
        if known.status is not None:
            return Response(known.body, known.status, {**known.headers, "Idempotent-Replayed": "true"})
        if (account, key) in busy:
            raise Problem(409, "idempotency_busy", headers={"Retry-After": "2"})
    busy.add((account, key))
    try:
        return await _worked(call, key, work)
    finally:
        busy.discard((account, key))


async def _worked(call: Call, key: str, work: Callable[[], Awaitable[Response]]) -> Response:
    db, account = call.ctx.db, call.account.id
    try:
        reply = await work()
    except Problem as problem:
        reply = response(problem, call.locale, call.ctx.url)
    except BaseException:
        async with db.write() as conn:
            await store.release(conn, account, key)
        raise
    async with db.write() as conn:
        if reply.status_code >= 500 or reply.status_code == 429:
            await store.release(conn, account, key)
        else:
            headers = {name: reply.headers[name] for name in _KEPT if name in reply.headers}
            await store.answered(conn, account, key, reply.status_code, headers, bytes(reply.body))
    return reply
