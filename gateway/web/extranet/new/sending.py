"""The last step of a new campaign: a look at what would be sent, a proof to oneself, and the sending.

In: under `/x/nouvelle/ID`: `GET envoi` (the check; kept until the draft changes), `GET apercu` (the first mail as a
page that may do nothing), `POST epreuve`, `POST envoyer`, `GET suite` (until intake has read it). Out: pages. What is
sent is a mail in the spool, durable before the answer, that came by login; sending twice is sending once, as the same
Message-ID and content are one campaign. What intake refuses comes back as the draft that it was. Raises what the gate
raises. Logs mail_accepted.
"""

from __future__ import annotations

import asyncio
import shutil
from base64 import b64decode
from pathlib import Path
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.logging import log
from gateway.api.wrapping import Unfit
from gateway.i18n import text
from gateway.intake.bell import ring
from gateway.letters import answers
from gateway.reading.readers import Unread
from gateway.web import context
from gateway.web.extranet import gate, shell
from gateway.web.extranet.gate import Session
from gateway.web.extranet.new import checking, choices, pages
from gateway.web.extranet.new.mail import pieces
from gateway.web.extranet.new.pages import PAGE, draft_of, step
from gateway.web.extranet.new.uploads import desk_of, shelf_of
from gateway.web.guard import POLICY
from gateway.web.peer import peer
from store import accounts, drafts, submissions
from store.drafts import Draft
from store.engine import now_ms
from store.spool import Envelope
from store.values import Account, Sender

LOOKING = 240.0  # seconds for reading a list
_FRAMING = {"Content-Security-Policy": f"{POLICY}; frame-src 'self'"}
_FRAMED = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}
_ROOM = 4 / 3 * 1.05  # a file in base64


async def look(request: Request) -> Response:
    """The check of a draft, with the buttons that send."""
    session = await gate.signed_in(request, "send")
    draft = await draft_of(request, session)
    account, senders = await _account(request, session)
    unready = _unready(draft, senders, account)
    if unready:
        return RedirectResponse(f"{PAGE}/{draft.id}/{unready}", 303)
    try:
        async with asyncio.timeout(LOOKING):
            check = await _checked(request, session, draft, account, senders)
    except (Unread, Unfit, TimeoutError, FileNotFoundError):
        check = {"refused": _text(request, session, "new.unreadable")}
    return _page(request, session, draft, account, senders, check)


def _page(
    request: Request, session: Session, draft: Draft, account: Account, senders: list[Sender], check: dict[str, Any],
    **more: Any,
) -> Response:  # fmt: skip
    options = dict.fromkeys(choices.NAMES, "") | draft.fields.get("options", {})
    sender = choices.sender_of(options, senders)
    own = next((one.address for one in senders if one.address.casefold() == session.user.email.casefold()), "")
    at = choices.instant(options, account.timezone) if options.get("when") == "later" else None
    values: dict[str, Any] = {
        "check": check, "sender": sender, "senders": senders, "options": options, "send_at": at,
        "proof_to": own or (sender.address if sender else ""), "proved": request.query_params.get("done") == "proof",
    }  # fmt: skip
    answer = step(request, session, draft, "envoi", **(values | more))
    answer.headers.update(_FRAMING)
    return answer


async def _account(request: Request, session: Session) -> tuple[Account, list[Sender]]:
    async with context.of(request).db.read() as conn:
        account = await accounts.get_account(conn, session.user.account_id)
        senders = await accounts.list_senders(conn, session.user.account_id)
    if account is None:
        raise HTTPException(404)
    return account, senders


def _unready(draft: Draft, senders: list[Sender], account: Account) -> str:
    """The step that is not complete; empty when all are."""
    fields = dict(draft.fields)
    if pages.missing(fields):
        return "message"
    if fields.get("source") != "eml" and not (fields.get("liste") or str(fields.get("pasted", "")).strip()):
        return "liste"
    return "options" if choices.wrong(fields.get("options", {}), senders, account.timezone, now_ms()) else ""


async def _checked(
    request: Request, session: Session, draft: Draft, account: Account, senders: list[Sender]
) -> dict[str, Any]:
    """The check of the draft as it is now, from beside it where it was made before."""
    desk, shelf = desk_of(request), shelf_of(request, draft.id)
    locale = shell.language(request, session)
    kept = shelf.folder / f"check.{draft.changed_at}.{locale}"
    if await asyncio.to_thread(kept.is_file):
        found: dict[str, Any] = orjson.loads(await asyncio.to_thread(kept.read_bytes))
        return found
    sender, mail = choices.sender_of(draft.fields.get("options", {}), senders), shelf.folder / "check.mail"
    assert sender is not None  # _unready came before
    most = int(desk.settings.smtp.max_message * _ROOM)
    made = pieces(draft, shelf, sender, desk.domain, draft.word)
    if not await asyncio.to_thread(checking.write, mail, made, most):
        raise HTTPException(413)
    try:
        check = await checking.look(desk, account, mail, locale)
    finally:
        await asyncio.to_thread(mail.unlink, missing_ok=True)
    await asyncio.to_thread(_keep, kept, check)
    return check


def _keep(path: Path, check: dict[str, Any]) -> None:
    for old in path.parent.glob("check.*"):
        old.unlink(missing_ok=True)
    path.write_bytes(orjson.dumps(check))


async def preview(request: Request) -> Response:
    """The first mail as a page: no script, nothing from elsewhere, no form, framed by our own page only."""
    session = await gate.signed_in(request, "send")
    draft = await draft_of(request, session)
    account, senders = await _account(request, session)
    if _unready(draft, senders, account):
        raise HTTPException(404)
    check = await _checked(request, session, draft, account, senders)
    page = await asyncio.to_thread(checking.page_of, b64decode(check.get("specimen", "")))
    return HTMLResponse(page, headers=_FRAMED)


async def proof(request: Request) -> Response:
    """Send the campaign to one declared sender alone."""
    session = await gate.signed_in(request, "send")
    draft, (account, senders) = await draft_of(request, session), await _account(request, session)
    sent = await gate.form(request, session, "new")
    to = next((one.address for one in senders if one.address == sent.get("to")), "")
    if not to or _unready(draft, senders, account):
        raise HTTPException(400)
    await _spool(request, session, draft, senders, f"{gate.draw()[:20].replace('-', 'a')}.p", to)
    return RedirectResponse(f"{PAGE}/{draft.id}/envoi?done=proof", 303)


async def send(request: Request) -> Response:
    """Send it, once."""
    session = await gate.signed_in(request, "send")
    draft, (account, senders) = await draft_of(request, session), await _account(request, session)
    sent = await gate.form(request, session, "new")
    if draft.sent_at is not None:
        return RedirectResponse(f"{PAGE}/{draft.id}/suite", 303)
    if _unready(draft, senders, account) or account.suspended:
        return RedirectResponse(f"{PAGE}/{draft.id}/envoi", 303)
    if sent.get("seen") != str(draft.changed_at):  # changed in another window since it was looked at
        return RedirectResponse(f"{PAGE}/{draft.id}/envoi", 303)
    ctx = context.of(request)
    async with ctx.db.write() as conn:
        await submissions.begin(conn, _number(draft), account.id, now_ms())
    try:
        await _spool(request, session, draft, senders, draft.word)
    except FileNotFoundError:  # brought back from a backup, which holds no files of drafts
        return RedirectResponse(f"{PAGE}/{draft.id}/envoi", 303)
    async with ctx.db.write() as conn:
        await drafts.sent(conn, draft, now_ms(), draft.word)
    return RedirectResponse(f"{PAGE}/{draft.id}/suite", 303)


def _number(draft: Draft) -> str:
    return f"web_{draft.word}"


async def _spool(
    request: Request, session: Session, draft: Draft, senders: list[Sender], word: str, test: str = ""
) -> None:
    ctx, desk, sender = (
        context.of(request),
        desk_of(request),
        choices.sender_of(draft.fields.get("options", {}), senders),
    )
    assert sender is not None  # _unready came before
    smtp = desk.settings.smtp
    free = await asyncio.to_thread(lambda: shutil.disk_usage(desk.spool.folder).free)
    if free < smtp.min_free_disk + 2 * smtp.max_message:
        raise HTTPException(503)
    who = peer(request, ctx.proxies)
    envelope = Envelope(
        "campaign", sender.address, (f"mail@{desk.domain}",), who, "web", now_ms(), session.user.account_id,
        session.user.login, None, "login", None if test else _number(draft),
    )  # fmt: skip
    made = pieces(draft, shelf_of(request, draft.id), sender, desk.domain, word, test)
    ref = await asyncio.to_thread(desk.spool.put_pieces, envelope, made)
    await asyncio.to_thread(ring, desk.spool.folder)
    account = session.user.account_id
    log("mail_accepted", ref=ref, kind="campaign", listener="web", peer=who, account=account, proof="login")


async def after(request: Request) -> Response:
    """Where a campaign that was sent is: being read, there, or refused."""
    ctx, session = context.of(request), await gate.signed_in(request, "send")
    draft = await draft_of(request, session)
    async with ctx.db.read() as conn:
        found = await submissions.get(conn, session.user.account_id, _number(draft))
    if draft.sent_at is None or found is None:
        return RedirectResponse(f"{PAGE}/{draft.id}/envoi", 303)
    if found.campaign_id is not None:
        async with ctx.db.write() as conn:
            await drafts.drop(conn, draft.id)
        await asyncio.to_thread(shelf_of(request, draft.id).remove)
        return RedirectResponse(f"{gate.HOME}/campagnes/{found.campaign_id}", 303)
    if found.refused is not None:
        async with ctx.db.write() as conn:  # another word: corrected, it is another message
            await drafts.sent(conn, draft, None, gate.draw().replace("-", "a"))
        said = answers.words(shell.language(request, session), ctx.domain, found.refused)
        return step(request, session, draft, "suite", refused=said)
    answer = step(request, session, draft, "suite", refused="")
    answer.headers["Refresh"] = "2"
    return answer


def _text(request: Request, session: Session, key: str) -> str:
    return text(shell.language(request, session), key)
