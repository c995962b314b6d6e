"""Compte > Mon accès: a user's own password, language, one-time codes and passwords of programs.

In: `GET /x/acces`, and the POST of its forms. What opens doors (password, codes, passwords of programs) asks for the
password once more. Out: a page; codes and passwords that we drew are shown once, in the answer to the form. Guesses at
the password count as at the login page. Raises what the gate raises. Logs user_changed.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import segno
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.logging import log
from gateway import i18n, totp
from gateway.letters import passwords as letters
from gateway.passwords import SHORTEST, hash_password
from gateway.web import context
from gateway.web.extranet import gate, login, passwords, shell
from gateway.web.extranet.account import line, told
from gateway.web.extranet.gate import HOME, Session
from store import factors, sessions, users
from store.engine import now_ms

PAGE = f"{HOME}/acces"
DONE = ("password", "language", "codes_off", "program_gone", "others")


async def show(request: Request) -> Response:
    """The page."""
    return await _page(request, await gate.signed_in(request))


async def _page(request: Request, session: Session, doubt: str = "", at: str = "", **shown: Any) -> Response:
    ctx, user = context.of(request), session.user
    async with ctx.db.read() as conn:
        programs = await factors.passwords(conn, user.id)
        left = await factors.codes_left(conn, user.id)
        open_sessions = await sessions.count(conn, user.id, now_ms())
    shared = totp.secret(ctx.keyring, user.id, user.totp_serial)
    values: dict[str, Any] = {
        "programs": programs, "codes_left": left, "sessions": open_sessions, "typed_secret": totp.typed(shared),
        "qr": "" if user.second_factor else _qr(totp.address(shared, user.login, ctx.domain)), "shortest": SHORTEST,
        "proof": gate.proof(session, "own"), "done": told(request, DONE), "doubt": doubt, "at_form": at, "tab": "own",
        "codes": (), "program": "", "submission": ctx.domain,
    }  # fmt: skip
    return shell.page(request, session, "x/own.html", "account", 422 if doubt else 200, **(values | shown))


def _qr(address: str) -> str:
    code = segno.make(address, error="m", micro=False)
    return str(
        code.svg_inline(scale=1, border=3, omitsize=True, svgclass="x-qr", lineclass=None, dark="#000", light="#fff")
    )


async def password(request: Request) -> Response:
    """Put another password in force; this session goes on, all others end."""
    ctx = context.of(request)
    session, sent, right = await login.once_more(request, "own")
    if not right:
        return await _page(request, session, "current", "password")
    word, user = str(sent.get("password", "")), session.user
    wrong = passwords.doubt(user, word, str(sent.get("again", "")))
    if wrong:
        return await _page(request, session, wrong, "password")
    hashed, fresh = await asyncio.to_thread(hash_password, word), gate.draw()
    async with ctx.db.write() as conn:
        await users.set_password(conn, user.id, hashed)
        await sessions.begin(conn, user.id, gate.digest_of(fresh), False, now_ms())
    _noted(session, "password")
    answer = RedirectResponse(f"{PAGE}?done=password", 303)
    gate.give(answer, ctx, gate.name(ctx), fresh)
    answer.background = _told(request, session, "password")
    return answer


async def language(request: Request) -> Response:
    """Choose the language of pages and letters."""
    ctx, session = context.of(request), await gate.signed_in(request)
    sent = await gate.form(request, session, "own")
    async with ctx.db.write() as conn:
        await users.set_locale(conn, session.user.id, i18n.known(line(sent.get("locale"))))
    answer = RedirectResponse(f"{PAGE}?done=language", 303)
    gate.take_back(answer, ctx, gate.LANGUAGE)
    return answer


async def others(request: Request) -> Response:
    """End every other session."""
    ctx, session = context.of(request), await gate.signed_in(request)
    await gate.form(request, session, "own")
    async with ctx.db.write() as conn:
        await sessions.end_others(conn, session.user.id, gate.digest_of(session.word))
    _noted(session, "sessions")
    return RedirectResponse(f"{PAGE}?done=others", 303)


async def codes_on(request: Request) -> Response:
    """Ask for one-time codes from now on; the recovery codes are shown once."""
    ctx = context.of(request)
    session, sent, right = await login.once_more(request, "own")
    user = session.user
    if not right:
        return await _page(request, session, "current", "codes")
    shared = totp.secret(ctx.keyring, user.id, user.totp_serial)
    step = totp.step_of(shared, str(sent.get("code", "")), time.time())
    drawn = [totp.draw() for _ in range(totp.CODES)]
    done = False
    if step is not None:
        async with ctx.db.write() as conn:
            digests = [totp.digest(word) for word in drawn]
            done = await factors.enable(conn, user.id, user.totp_serial, step, digests, now_ms())
            if done:
                await sessions.end_others(conn, user.id, gate.digest_of(session.word))
    if not done:
        return await _page(request, session, "wrong_code", "codes")
    _noted(session, "second factor on")
    del request.state.session  # read anew: its user now has a second factor
    answer = await _page(request, await gate.signed_in(request), codes=drawn)
    answer.background = _told(request, session, "codes_on")
    return answer


async def codes_off(request: Request) -> Response:
    """Ask for no one-time codes any more."""
    ctx = context.of(request)
    session, sent, right = await login.once_more(request, "own")
    user = session.user
    if not right:
        return await _page(request, session, "current", "codes")
    if login.door(request).codes.spent(str(user.id)):
        return await _page(request, session, "wrong_code", "codes")
    if not await login.right_code(request, user, str(sent.get("code", ""))[:40]):
        login.door(request).codes.count(str(user.id))
        return await _page(request, session, "wrong_code", "codes")
    async with ctx.db.write() as conn:
        await factors.disable(conn, user.id)
    _noted(session, "second factor off")
    answer = RedirectResponse(f"{PAGE}?done=codes_off", 303)
    answer.background = _told(request, session, "codes_off")
    return answer


async def program(request: Request) -> Response:
    """Draw a password for a program; it is shown once."""
    ctx = context.of(request)
    session, sent, right = await login.once_more(request, "own")
    name, word = line(sent.get("name"))[:60], totp.draw()
    if not right:
        return await _page(request, session, "current", "programs")
    if not name:
        return await _page(request, session, "name", "programs")
    async with ctx.db.write() as conn:
        kept = await factors.add_password(conn, session.user.id, name, totp.digest(word), now_ms())
    if not kept:
        return await _page(request, session, "many", "programs")
    _noted(session, "program added")
    answer = await _page(request, session, program=word)
    answer.background = _told(request, session, "program")
    return answer


async def program_gone(request: Request) -> Response:
    """Let the password of a program open nothing any more."""
    ctx, session = context.of(request), await gate.signed_in(request)
    sent = await gate.form(request, session, "own")
    number = line(sent.get("id"))
    if number.isascii() and number.isdigit() and len(number) < 18:
        async with ctx.db.write() as conn:
            await factors.drop_password(conn, session.user.id, int(number))
        _noted(session, "program removed")
    return RedirectResponse(f"{PAGE}?done=program_gone", 303)


def _told(request: Request, session: Session, what: str) -> BackgroundTask | None:
    """Write to the user, whose session somebody else may have in hand."""
    desk = context.of(request).desk
    return BackgroundTask(letters.changed, desk, session.user, what) if desk is not None else None


def _noted(session: Session, what: str) -> None:
    log("user_changed", user=session.user.id, account=session.user.account_id, what=what, by=session.user.login)
