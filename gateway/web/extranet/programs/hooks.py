"""Webhooks: where the account's events are told, how each place answers, what it did not take.

In: `GET /x/webhooks`, `/x/webhooks/ID`, and the POST of their forms. Out: pages; a secret is shown in the answers to two
forms only, the one that adds a webhook and the one that draws another secret. An address that no webhook may have is
refused with the reason. Admins only. Raises what the gate raises. Logs hooks_changed.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.logging import log
from gateway.hooks.documents import event
from gateway.hooks.places import doubt as wrong_place
from gateway.hooks.probe import probe, rest
from gateway.hooks.signature import secret
from gateway.intake.desk import Desk
from gateway.web import context
from gateway.web.extranet import gate, shell
from gateway.web.extranet.account import line, told
from gateway.web.extranet.gate import HOME, Session
from mail.fetch import Trouble
from store import hook_answers, hook_queue, webhooks
from store.engine import now_ms
from store.hook_answers import TEST, Answer
from store.webhooks import MOST, WORDS, Webhook

PAGE = f"{HOME}/webhooks"
DONE = ("changed", "tested", "replayed", "removed", "off", "on")
DOUBTS = ("soon", "letter")
BATCHES = (1, 10, 50, 100)
LETTERS = 10  # dead letters on a page
_FORM = "hooks"


def state(webhook: Webhook) -> str:
    """How a webhook fares, in a word of the catalogue."""
    if webhook.disabled_at is not None:
        return f"off_{webhook.disabled_why or 'asked'}"
    if webhook.failing_since is not None:
        return "failing"
    return "works" if webhook.taken_at is not None else "new"


def said(answer: Answer) -> str:
    """The key of the words for a request without an answer."""
    return Trouble(answer.why).name.lower() if answer.why in list(Trouble) else "other"


async def show(request: Request) -> Response:
    """All of them, and the form of another one."""
    return await _list(request, await gate.signed_in(request, "admin"))


async def _list(request: Request, session: Session, doubt: str = "", typed: dict[str, Any] | None = None) -> Response:
    async with context.of(request).db.read() as conn:
        found = await webhooks.list_of(conn, session.user.account_id)
        counts = await hook_queue.counts(conn, [one.id for one in found])
    values: dict[str, Any] = {
        "hooks": [(one, state(one), *counts.get(one.id, (0, 0))) for one in found], "words": list(WORDS), "doubt": doubt,
        "typed": typed or {"url": "", "label": "", "words": [], "batch": 1}, "batches": BATCHES, "most": MOST,
        "proof": gate.proof(session, _FORM), "done": told(request, DONE),
    }  # fmt: skip
    return shell.page(request, session, "x/hooks.html", "webhooks", 422 if doubt else 200, **values)


def _desk(request: Request) -> Desk:
    found = context.of(request).desk
    if found is None:
        raise HTTPException(503)
    return found


def _typed(request: Request, sent: FormData) -> tuple[dict[str, Any], str]:
    """What somebody typed of a webhook, and what is wrong with it: a key under `webhooks.doubt_`."""
    chosen = {str(one) for one in sent.getlist("event")}
    batch = line(sent.get("batch"))
    typed: dict[str, Any] = {
        "url": line(sent.get("url"))[:600],
        "label": line(sent.get("label"))[:60],
        "words": [one for one in WORDS if one in chosen],
        "batch": int(batch) if re.fullmatch("100|[1-9][0-9]?", batch) else 1,
    }
    wrong = wrong_place(typed["url"], _desk(request).settings.webhooks)
    return typed, wrong or ("" if typed["words"] else "words")


async def add(request: Request) -> Response:
    """Add one; its secret is in this answer only."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    typed, wrong = _typed(request, await gate.form(request, session, _FORM))
    if wrong:
        return await _list(request, session, wrong, typed)
    account = session.user.account_id
    async with ctx.db.write() as conn:
        made = await webhooks.add(conn, account, typed["url"], typed["words"], typed["batch"], typed["label"], now_ms())
    if made is None:
        return await _list(request, session, "many", typed)
    _noted(session, "added", made)
    return await _one(request, session, made, shown=secret(ctx.keyring, made.id, made.serial))


async def one(request: Request) -> Response:
    """One webhook: how it fares, its last requests, its dead letters, what can be changed."""
    session = await gate.signed_in(request, "admin")
    async with context.of(request).db.read() as conn:
        found = await _mine(conn, request, session)
    return await _one(request, session, found)


async def _one(
    request: Request,
    session: Session,
    found: Webhook,
    doubt: str = "",
    typed: dict[str, Any] | None = None,
    shown: str = "",
) -> Response:
    after = line(request.query_params.get("apres"))
    place = int(after) if after.isascii() and after.isdigit() and len(after) < 18 else 0
    async with context.of(request).db.read() as conn:
        waiting, dead = (await hook_queue.counts(conn, [found.id])).get(found.id, (0, 0))
        letters = await hook_queue.dead(conn, found.id, place, LETTERS + 1)
        answers = await hook_answers.last(conn, found.id)
    asked = request.query_params.get("doubt", "")
    values: dict[str, Any] = {
        "hook": found, "state": state(found), "waiting": waiting, "dead": dead, "answers": answers, "said": said,
        "letters": [(one, event(one)["type"]) for one in letters[:LETTERS]], "place": place, "words": list(WORDS),
        "next": letters[LETTERS - 1].id if len(letters) > LETTERS else None, "secret": shown, "batches": BATCHES,
        "now": now_ms(), "tested": next((one for one in answers if one.word == TEST), None), "done": told(request, DONE),
        "doubt": doubt or (asked if asked in DOUBTS else ""), "proof": gate.proof(session, _FORM),
        "typed": typed or {"url": found.url, "label": found.label, "words": found.words, "batch": found.batch},
    }  # fmt: skip
    return shell.page(request, session, "x/hook_one.html", "webhooks", 422 if doubt else 200, **values)


async def change(request: Request) -> Response:
    """Change where events are told, which, and how many at once."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    typed, wrong = _typed(request, await gate.form(request, session, _FORM))
    async with ctx.db.write() as conn:
        found = await _mine(conn, request, session)
        if not wrong:
            values = {name: typed[name] for name in ("url", "label", "batch")}
            await webhooks.change(conn, found.id, mask=webhooks.mask(typed["words"]), **values)
    if wrong:
        return await _one(request, session, found, wrong, typed)
    return _done(session, found, "changed")


async def rotate(request: Request) -> Response:
    """Draw another secret, in this answer only; the one before signs beside it for a day."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    await gate.form(request, session, _FORM)
    async with ctx.db.write() as conn:
        await webhooks.rotate(conn, await _mine(conn, request, session), now_ms())
        found = await _mine(conn, request, session)
    _noted(session, "secret", found)
    return await _one(request, session, found, shown=secret(ctx.keyring, found.id, found.serial))


async def test(request: Request) -> Response:
    """Tell a test event now, and show what came back."""
    session = await gate.signed_in(request, "admin")
    await gate.form(request, session, _FORM)
    async with context.of(request).db.read() as conn:
        found = await _mine(conn, request, session)
        answers = await hook_answers.last(conn, found.id)
    if rest(answers, now_ms()):
        return RedirectResponse(f"{PAGE}/{found.id}?doubt=soon", 303)
    await probe(_desk(request), found)
    return _done(session, found, "tested")


async def replay(request: Request) -> Response:
    """Queue dead letters again: the one that is named, or all (5,000 at once)."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    sent = await gate.form(request, session, _FORM)
    named = line(sent.get("letter"))
    if named and not (named.isascii() and named.isdigit() and len(named) < 18):
        raise HTTPException(404)
    async with ctx.db.write() as conn:
        found = await _mine(conn, request, session)
        count = await hook_queue.replay(conn, found.id, [int(named)] if named else None, now_ms())
    if not count:
        return RedirectResponse(f"{PAGE}/{found.id}?doubt=letter", 303)
    return _done(session, found, "replayed")


async def switch(request: Request) -> Response:
    """Tell nothing there any more, or go on: what waits since is told, too."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    on = line((await gate.form(request, session, _FORM)).get("tell")) == "on"
    async with ctx.db.write() as conn:
        found = await _mine(conn, request, session)
        if on:
            await webhooks.enable(conn, found.id)
        else:
            await webhooks.disable(conn, found.id, "asked", now_ms())
    return _done(session, found, "on" if on else "off")


async def remove(request: Request) -> Response:
    """Forget one and all that waits there."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    await gate.form(request, session, _FORM)
    async with ctx.db.write() as conn:
        found = await _mine(conn, request, session)
        await webhooks.remove(conn, found.id)
    _noted(session, "removed", found)
    return RedirectResponse(f"{PAGE}?done=removed", 303)


def _done(session: Session, found: Webhook, what: str) -> Response:
    _noted(session, what, found)
    return RedirectResponse(f"{PAGE}/{found.id}?done={what}", 303)


async def _mine(conn: AsyncConnection, request: Request, session: Session) -> Webhook:
    number = int(request.path_params["id"])
    known = await webhooks.get(conn, number, session.user.account_id) if number < 1 << 62 else None
    if known is None:
        raise HTTPException(404)
    return known


def _noted(session: Session, what: str, webhook: Webhook) -> None:
    log("hooks_changed", account=session.user.account_id, webhook=webhook.id, what=what, by=session.user.login)
