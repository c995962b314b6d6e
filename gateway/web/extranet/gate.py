"""The gate of the extranet: whose session a request has, and what its cookies look like.

A page of the extranet begins with

    session = await gate.signed_in(request, "send")       # or "read", "admin"; operator=True for pages of the gateway itself
    user = session.user                                    # store.users.User: account_id, login, role, operator, locale …

and a POST of its form goes on with `sent = await gate.form(request, session, "what")`, which is refused unless the form
came from our own page: in the template `<input type="hidden" name="proof" value="{{ proof }}">`, where `proof =
gate.proof(session, "what")`. Pages are rendered by `shell.page(request, session, "x/NAME.html", here="section", …)`.

In: requests with the cookie. Out: a `Session`. Raises Away (an answer: the login page) for strangers and sessions that
ended, HTTPException 403 where the role does not reach. Logs nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.web import context, guard
from gateway.web.context import Context
from store import sessions
from store.engine import now_ms
from store.users import User

HOME = "/x"
LOGIN = f"{HOME}/connexion"
WORD = 43  # characters of a cookie of ours
LANGUAGE = "m2c_lang"


class Away(Exception):
    """Whoever asks is not logged in; the application answers with `away`."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in, and the random word in their browser's cookie, from which the proofs of forms follow."""

    user: User
    word: str
    half: bool = False


async def signed_in(request: Request, role: str = "read", operator: bool = False) -> Session:
    """The session of a request; Away without one, 403 when its user may not do this."""
    session = await session_of(request)
    if session is None or session.half:
        raise Away
    if not session.user.may(role) or (operator and not session.user.operator):
        raise HTTPException(403)
    return session


async def session_of(request: Request) -> Session | None:
    """The session of a request, also half of one; None for strangers. Looked up once a request."""
    if not hasattr(request.state, "session"):
        request.state.session = await _find(request)
        if request.state.session is not None:
            request.state.locale = request.state.session.user.locale
    found: Session | None = request.state.session
    return found


async def _find(request: Request) -> Session | None:
    ctx, word = context.of(request), request.cookies.get(name(context.of(request)), "")
    if len(word) != WORD:
        return None
    now, digest = now_ms(), digest_of(word)
    async with ctx.db.read() as conn:
        found = await sessions.find(conn, digest, now)
    if found is None:
        return None
    if found.seen_at < now - sessions.TOUCH_MS:
        async with ctx.db.write() as conn:
            await sessions.touch(conn, digest, now)
    return Session(found.user, word, found.half)


def proof(session: Session, what: str) -> str:
    """The hidden word of a form of this session."""
    return guard.proof(session.word, what)


async def form(request: Request, session: Session, what: str) -> FormData:
    """The fields of a form of ours; 403 when it is not."""
    sent = await guard.form(request)
    if not guard.ours(request, sent, session.word, what, context.of(request).url):
        raise HTTPException(403)
    return sent


async def away(request: Request, _error: Exception) -> Response:
    """Lead to the login page, and back here after it."""
    there = LOGIN
    if request.method == "GET" and request.url.path != HOME:
        there += f"?next={quote(request.url.path + (f'?{request.url.query}' if request.url.query else ''), safe='')}"
    return RedirectResponse(there, 303)


def back(target: str) -> str:
    """Where to go after logging in: a page of the extranet and nothing else."""
    plain = target.startswith(f"{HOME}/") and not any(char in target for char in "\\\r\n\t") and ".." not in target
    return target if plain and len(target) < 2_000 else f"{HOME}/campagnes"


def name(ctx: Context) -> str:
    """The cookie's name."""
    return "__Secure-m2c" if _secure(ctx) else "m2c"


def draw() -> str:
    """A new random word."""
    return secrets.token_urlsafe(32)


def digest_of(word: str) -> bytes:
    """What is kept of a word."""
    return hashlib.sha256(word.encode("utf-8", "replace")).digest()


def give(response: Response, ctx: Context, cookie: str, word: str, age: int | None = None) -> None:
    """Set a cookie of the extranet: unseen by scripts, by other sites' forms, and by all pages outside of it."""
    response.set_cookie(cookie, word, age, path=HOME, secure=_secure(ctx), httponly=True, samesite="lax")


def take_back(response: Response, ctx: Context, cookie: str) -> None:
    """Remove a cookie of the extranet."""
    response.delete_cookie(cookie, path=HOME, secure=_secure(ctx), httponly=True, samesite="lax")


def _secure(ctx: Context) -> bool:
    return ctx.url.startswith("https:")
