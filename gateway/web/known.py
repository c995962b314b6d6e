"""What programs ask of this gateway under well-known addresses (RFC 8615): proofs for an authority, and who we are.

In: `GET /.well-known/acme-challenge/TOKEN` and `/.well-known/mail2campaign`, under any name. Out: the proof that was put
up for that token (RFC 8555 section 8.3), or a word that only this gateway can say for the name that was asked; 404 for
the rest. Raises HTTPException only.
"""

from __future__ import annotations

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.hosts.looking import PATH, word
from gateway.web import context
from store import certificates
from store.engine import now_ms

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,200}", re.ASCII).fullmatch


async def proof(request: Request) -> Response:
    """Answer an authority."""
    token = request.path_params["token"]
    if not _TOKEN(token):
        raise HTTPException(404)
    async with context.of(request).db.read() as conn:
        found = await certificates.answer(conn, token, now_ms())
    if found is None:
        raise HTTPException(404)
    return PlainTextResponse(found)


async def who(request: Request) -> Response:
    """Say who is asked."""
    return PlainTextResponse(word(context.of(request).keyring, request.url.hostname or ""))


ROUTES = [Route("/.well-known/acme-challenge/{token}", proof), Route(PATH, who)]
