"""Logging in and out: login and password, then a one-time code where the user asks for one.

In: `GET|POST /x/connexion`, `GET|POST /x/code`, `POST /x/sortie`. Out: pages, or a redirect with the cookie of a new
session (a new word at each step). A login that does not exist gets the same answer after the same work as a wrong
password. Guesses are counted over all connections: ten wrong ones of one address in ten minutes close the door to it,
fifty of one login (there or not) in an hour close that login to all addresses but those from which it was right before,
five wrong codes end the attempt. Logs logged_in, logged_out and login_failed, the last without the name.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.logging import log
from gateway import totp
from gateway.passwords import Passwords
from gateway.smtp.limits import (
    FAILED_LOGINS,
    FAILED_NAMES,
    FAILED_NAMES_WINDOW_S,
    FAILED_WINDOW_S,
    Familiar,
    Pace,
)
from gateway.web import context, guard
from gateway.web.extranet import gate
from gateway.web.extranet.gate import HOME, Session
from gateway.web.pages import page
from gateway.web.peer import peer
from store import factors, sessions, users
from store.engine import now_ms
from store.users import User

DOOR = "m2c_door"  # the word of a browser that is not logged in: its forms are proved by it
_NAME = 200  # characters of a login that are told apart
_CODES = 5


@dataclass(slots=True)
class Door:
    """What guesses have used up, and the passwords' hashes; one a process."""

    clock: Callable[[], float] = time.monotonic
    passwords: Passwords = field(init=False)
    failures: Pace = field(init=False)
    names: Pace = field(init=False)
    codes: Pace = field(init=False)
    letters: Pace = field(init=False)
    familiar: Familiar = field(init=False)

    def __post_init__(self) -> None:
        self.passwords = Passwords(self.clock)
        self.failures = Pace(FAILED_LOGINS, FAILED_WINDOW_S, self.clock)
        self.names = Pace(FAILED_NAMES, FAILED_NAMES_WINDOW_S, self.clock)
        self.codes = Pace(_CODES, FAILED_WINDOW_S, self.clock)
        self.letters = Pace(FAILED_LOGINS, FAILED_WINDOW_S, self.clock)
        self.familiar = Familiar()


def door(request: Request) -> Door:
    """The door of the application that answers this request."""
    found: Door = request.app.state.door
    return found


async def once_more(request: Request, what: str, role: str = "read") -> tuple[Session, FormData, bool]:
    """The session, a form of it, and whether the password in `current` is the user's; guesses count as at the door."""
    ctx, session = context.of(request), await gate.signed_in(request, role)
    sent = await gate.form(request, session, what)
    held, who = door(request), peer(request, ctx.proxies)
    if held.failures.spent(who):
        return session, sent, False
    right = await held.passwords.fit(str(sent.get("current", "")), session.user.password_hash or None)
    if not right:
        held.failures.count(who)
    return session, sent, right


async def ask(request: Request) -> Response:
    """The form of login and password."""
    session = await gate.session_of(request)
    target = request.query_params.get("next", "")
    if session is not None and not session.half:
        return RedirectResponse(gate.back(target), 303)
    return shown(request, "x/login.html", "login", target=target, login="", doubt="")


async def act(request: Request) -> Response:
    """Let somebody in."""
    ctx, sent = context.of(request), await guard.form(request)
    login, target = str(sent.get("login", "")).strip(), str(sent.get("next", ""))
    if not ours(request, sent, "login"):
        return shown(request, "x/login.html", "login", 403, target=target, login=login, doubt="cookies")
    user = await _checked(request, login, str(sent.get("password", "")))
    if isinstance(user, str):
        return shown(request, "x/login.html", "login", 403, target=target, login=login, doubt=user)
    old = request.cookies.get(gate.name(ctx), "")
    to = f"{HOME}/code?next={quote(target, safe='')}" if user.second_factor else gate.back(target)
    return await _begin(request, user, old, RedirectResponse(to, 303), half=user.second_factor)


async def _checked(request: Request, login: str, password: str) -> User | str:
    """The user whose password is right, or what to say."""
    ctx, held = context.of(request), door(request)
    who, key = peer(request, ctx.proxies), login.casefold()[:_NAME]
    if held.failures.spent(who) or (held.names.spent(key) and (key, who) not in held.familiar):
        return "spent"
    async with ctx.db.read() as conn:
        user = await users.find(conn, login[:_NAME])
    right = await held.passwords.fit(password, (user.password_hash or None) if user else None)
    if held.failures.spent(who):  # many guesses at once: those before this one have used up its window
        return "spent"
    if right and user is not None:
        held.familiar.add(key, who)
        return user
    held.failures.count(who)
    held.names.count(key)
    log("login_failed", listener="web", peer=who)
    return "wrong"


async def _begin(request: Request, user: User, old: str, answer: Response, half: bool = False) -> Response:
    ctx, word = context.of(request), gate.draw()
    async with ctx.db.write() as conn:
        if old:
            await sessions.end(conn, gate.digest_of(old))
        await sessions.begin(conn, user.id, gate.digest_of(word), half, now_ms())
    gate.give(answer, ctx, gate.name(ctx), word)
    gate.take_back(answer, ctx, DOOR)
    if not half:
        way = "code" if user.second_factor else "password"
        log("logged_in", user=user.id, account=user.account_id, peer=peer(request, ctx.proxies), way=way)
    return answer


async def ask_code(request: Request) -> Response:
    """The form of the one-time code."""
    session = await gate.session_of(request)
    target = request.query_params.get("next", "")
    if session is None:
        raise gate.Away
    if not session.half:
        return RedirectResponse(gate.back(target), 303)
    return _code(request, session, target)


async def act_code(request: Request) -> Response:
    """Take the one-time code, or a recovery code."""
    ctx, session = context.of(request), await gate.session_of(request)
    if session is None or not session.half:
        raise gate.Away
    sent = await gate.form(request, session, "code")
    target, said, user = str(sent.get("next", "")), str(sent.get("code", ""))[:40], session.user
    if door(request).codes.spent(str(user.id)):
        return _code(request, session, target, "spent")
    if not await right_code(request, user, said):
        door(request).codes.count(str(user.id))
        log("login_failed", listener="web", peer=peer(request, ctx.proxies))
        return _code(request, session, target, "wrong_code")
    return await _begin(request, user, session.word, RedirectResponse(gate.back(target), 303))


async def right_code(request: Request, user: User, said: str) -> bool:
    """Whether somebody has the user's authenticator, or one of their recovery codes; each counts once."""
    ctx = context.of(request)
    step = totp.step_of(totp.secret(ctx.keyring, user.id, user.totp_serial), said, time.time())
    async with ctx.db.write() as conn:
        if step is not None:
            return await factors.take_step(conn, user.id, step)
        return await factors.take_code(conn, user.id, totp.digest(said), now_ms())


def _code(request: Request, session: Session, target: str, doubt: str = "") -> Response:
    locale = context.language(request, session.user.locale)
    values = {"target": target, "doubt": doubt, "proof": gate.proof(session, "code"), "home": HOME, "shell": None}
    return page("x/code.html", locale, 403 if doubt else 200, **values)


async def leave(request: Request) -> Response:
    """Log out."""
    ctx, session = context.of(request), await gate.session_of(request)
    answer = RedirectResponse(gate.LOGIN, 303)
    if session is None:
        return answer
    await gate.form(request, session, "logout")
    async with ctx.db.write() as conn:
        await sessions.end(conn, gate.digest_of(session.word))
    gate.take_back(answer, ctx, gate.name(ctx))
    log("logged_out", user=session.user.id, account=session.user.account_id)
    return answer


def ours(request: Request, sent: FormData, what: str) -> bool:
    """Whether a form of somebody who is not logged in came from a page that we gave to this very browser."""
    word = request.cookies.get(DOOR, "")
    return len(word) == gate.WORD and guard.ours(request, sent, word, what, context.of(request).url)


def shown(request: Request, template: str, what: str, status: int = 200, **values: object) -> Response:
    """A page with a form for somebody who is not logged in."""
    ctx = context.of(request)
    word = request.cookies.get(DOOR, "")
    fresh = len(word) != gate.WORD
    word = gate.draw() if fresh else word
    own = {"proof": guard.proof(word, what), "home": HOME, "domain": ctx.domain, "shell": None}
    answer = page(template, context.language(request, ctx.locale), status, **own, **values)
    if fresh:
        gate.give(answer, ctx, DOOR, word)
    return answer


async def home(request: Request) -> Response:
    """Lead to the first page."""
    await gate.signed_in(request)
    return RedirectResponse(f"{HOME}/campagnes", 303)


async def nowhere(_request: Request) -> Response:
    """A page of the extranet that is not there."""
    raise HTTPException(404)
