"""The page on which the owner of an address says whether an account may send campaigns as them.

In: `GET /s/TOKEN` (shows, never acts: scanners open links) and the `POST` of its form. Out: a page. The token names a sender
and the serial of the letter (store.declared); only the POST spends it, once. A form that is not ours gives 403, an altered
token 404. Logs sender_answered.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from config.logging import log
from gateway.web import context, guard
from gateway.web.pages import page, problem
from parsers.tokens import Purpose, verify
from store import declared
from store.declared import Declared, Word
from store.engine import now_ms

_ACTION = "sender"


async def _find(request: Request) -> tuple[Declared, int]:
    ctx = context.of(request)
    found = verify(ctx.keyring, Purpose.PROOF, request.path_params["token"])
    if found is None:
        raise HTTPException(404)
    async with ctx.db.read() as conn:
        sender = await declared.get(conn, found[0])
    if sender is None:
        raise HTTPException(404)
    return sender, found[1]


async def ask(request: Request) -> Response:
    """Show who asks, with a form that answers; or what was answered."""
    sender, serial = await _find(request)
    return _page(request, sender, declared.read(sender, serial, now_ms()))


async def act(request: Request) -> Response:
    """Take the answer, once."""
    ctx, token = context.of(request), request.path_params["token"]
    sent = await guard.form(request)
    sender, serial = await _find(request)
    if not guard.ours(request, sent, token, _ACTION, ctx.url) or sent.get("answer") not in ("yes", "no"):
        return problem(_language(request, sender), 403, "action.forged")
    async with ctx.db.write() as conn:
        word = await declared.answer(conn, sender.id, serial, sent.get("answer") == "yes", now_ms())
    log("sender_answered", account=sender.account_id, sender=sender.id, answer=word.value)
    return _page(request, sender, word)


def _language(request: Request, sender: Declared) -> str:
    return context.language(request, sender.locale) if "lang" in request.query_params else sender.locale


def _page(request: Request, sender: Declared, word: Word) -> Response:
    proof = guard.proof(request.path_params["token"], _ACTION)
    domain, locale = context.of(request).domain, _language(request, sender)
    return page(
        "sender.html",
        locale,
        stage=word.value,
        proof=proof,
        account=sender.account,
        address=sender.address,
        domain=domain,
    )
