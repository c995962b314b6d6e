"""The steps of a new campaign: message, list, options.

In: `GET|POST /x/nouvelle`, and under `/x/nouvelle/ID`: `message`, `liste`, `options`, each a form that keeps what was
typed and goes on to the next step; `fichier` and `effacer` take a file or the whole draft away. Out: pages; a form that
is not complete comes back with all that was typed and what is missing. Uploads go to the disk as they come, bounded by
`smtp.max_message`; a few at once. Raises what the gate raises, 413 and 503. Logs nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.web import context
from gateway.web.extranet import gate, shell
from gateway.web.extranet.gate import HOME, Session
from gateway.web.extranet.new import choices
from gateway.web.extranet.new.shelf import reserved
from gateway.web.extranet.new.uploads import FILES, desk_of, kept, message, shelf_of, uploaded
from store import accounts, drafts
from store.drafts import Draft
from store.engine import now_ms

PAGE = f"{HOME}/nouvelle"
STEPS = ("message", "liste", "options", "envoi")
BLANK: dict[str, Any] = {
    "source": "written", "format": "text", "subject": "", "body": "", "eml": None, "eml_subject": "", "files": (),
    "liste": None, "liste_source": "file", "pasted": "",
}  # fmt: skip


async def draft_of(request: Request, session: Session) -> Draft:
    """The draft of a request, which must be the user's own."""
    number = request.path_params["id"]
    async with context.of(request).db.read() as conn:
        found = await drafts.get(conn, session.user.id, number) if number < 1 << 62 else None
    if found is None or found.account_id != session.user.account_id:
        raise HTTPException(404)
    return found


async def begin(request: Request) -> Response:
    """The first step of a campaign that is not there yet, and those that were begun."""
    session = await gate.signed_in(request, "send")
    return await _message(request, session, None)


async def open_message(request: Request) -> Response:
    """The first step."""
    session = await gate.signed_in(request, "send")
    return await _message(request, session, await draft_of(request, session))


async def _message(request: Request, session: Session, draft: Draft | None, doubt: str = "") -> Response:
    async with context.of(request).db.read() as conn:
        others = await drafts.of(conn, session.user.id) if draft is None else []
        senders = await accounts.list_senders(conn, session.user.account_id)
    return step(request, session, draft, "message", doubt=doubt, others=others, senders=senders)


def step(request: Request, session: Session, draft: Draft | None, name: str, **more: Any) -> Response:
    """The page of a step."""
    values: dict[str, Any] = {
        "draft": draft, "typed": BLANK | dict(draft.fields if draft else {}), "step": name, "steps": STEPS,
        "base": f"{PAGE}/{draft.id}" if draft else PAGE, "proof": gate.proof(session, "new"), "doubt": "", "problems": {},
        "most": desk_of(request).settings.smtp.max_message // 1_000_000,
    }  # fmt: skip
    status = 422 if more.get("doubt") or more.get("problems") else 200
    return shell.page(request, session, f"x/new_{name}.html", "new", status, **(values | more))


async def keep_message(request: Request) -> Response:
    """Keep the message; the draft begins here."""
    session = await gate.signed_in(request, "send")
    draft = await draft_of(request, session) if "id" in request.path_params else None
    async with uploaded(request, session) as form:
        if draft is None:
            draft = await _begun(request, session)
        fields, doubt = await _typed(request, draft, form)
    draft = await saved(request, draft, fields)
    if doubt or form.get("stay"):
        return await _message(request, session, draft, doubt)
    return RedirectResponse(f"{PAGE}/{draft.id}/liste", 303)


async def _begun(request: Request, session: Session) -> Draft:
    ctx, user = context.of(request), session.user
    async with ctx.db.write() as conn:
        if len(await drafts.of(conn, user.id)) >= drafts.MOST:
            raise HTTPException(409)
        number = await drafts.begin(conn, user.account_id, user.id, gate.draw().replace("-", "a"), now_ms())
        found = await drafts.get(conn, user.id, number)
    assert found is not None
    return found


async def _typed(request: Request, draft: Draft, form: FormData) -> tuple[dict[str, Any], str]:
    """The fields of the first step and what is missing."""
    fields, shelf = dict(draft.fields), shelf_of(request, draft.id)
    fields |= {
        "source": "eml" if form.get("source") == "eml" else "written",
        "format": "html" if form.get("format") == "html" else "text",
        "subject": " ".join(str(form.get("subject") or "").split())[:500],
        "body": str(form.get("body") or "").replace("\0", "").replace("\r\n", "\n"),
    }
    files = list(fields.get("files", ()))
    doubt = ""
    for upload in [one for one in form.getlist("files") if isinstance(one, UploadFile) and one.filename]:
        if reserved(upload.filename or ""):
            doubt = "reserved"
        elif len(files) >= FILES:
            doubt = "many"
        else:
            files.append(await kept(request, shelf, fields | {"files": files}, upload))
    fields["files"] = files
    eml = form.get("eml")
    if isinstance(eml, UploadFile) and eml.filename:
        doubt = await message(request, shelf, fields, eml) or doubt
    if not doubt:
        doubt = missing(fields)
    return fields, doubt


def missing(fields: dict[str, Any]) -> str:
    """What the first step still needs."""
    if fields.get("source") == "eml":
        return "" if fields.get("eml") else "eml_missing"
    if not fields.get("subject"):
        return "subject"
    return "" if str(fields.get("body", "")).strip() else "body"


async def saved(request: Request, draft: Draft, fields: dict[str, Any]) -> Draft:
    """Keep what was typed; what was checked before holds no more."""
    now = now_ms()
    fields.pop("checked", None)
    async with context.of(request).db.write() as conn:
        await drafts.save(conn, draft, fields, now)
    return replace(draft, fields=fields, changed_at=now)


async def open_list(request: Request) -> Response:
    """The second step."""
    session = await gate.signed_in(request, "send")
    return step(request, session, await draft_of(request, session), "liste")


async def keep_list(request: Request) -> Response:
    """Keep the list."""
    session = await gate.signed_in(request, "send")
    draft = await draft_of(request, session)
    shelf, fields, doubt = shelf_of(request, draft.id), dict(draft.fields), ""
    async with uploaded(request, session) as form:
        upload, pasted = form.get("liste"), str(form.get("pasted") or "").replace("\0", "").replace("\r\n", "\n")
        fields["pasted"] = pasted
        if isinstance(upload, UploadFile) and upload.filename:
            if fields.get("liste"):
                await asyncio.to_thread(shelf.drop, fields["liste"])
            fields["liste"] = await kept(request, shelf, fields | {"liste": None}, upload)
            fields["liste_source"] = "file"
        else:
            wanted = str(form.get("liste_source") or "")
            fields["liste_source"] = "pasted" if wanted == "pasted" or not fields.get("liste") else "file"
        if fields["liste_source"] == "pasted" and not pasted.strip() and fields.get("source") != "eml":
            doubt = "liste"
    draft = await saved(request, draft, fields)
    if doubt:
        return step(request, session, draft, "liste", doubt=doubt)
    return RedirectResponse(f"{PAGE}/{draft.id}/options", 303)


async def open_options(request: Request) -> Response:
    """The third step."""
    session = await gate.signed_in(request, "send")
    return await _options(request, session, await draft_of(request, session))


async def _options(
    request: Request, session: Session, draft: Draft, problems: dict[str, str] | None = None
) -> Response:
    async with context.of(request).db.read() as conn:
        senders = await accounts.list_senders(conn, session.user.account_id)
        account = await accounts.get_account(conn, session.user.account_id)
    values: dict[str, Any] = {
        "senders": senders, "options": dict.fromkeys(choices.NAMES, "") | draft.fields.get("options", {}),
        "account": account, "problems": problems or {},
        "followed": (*choices.FOLLOWED, "full") if account and account.attested else choices.FOLLOWED,
    }  # fmt: skip
    return step(request, session, draft, "options", **values)


async def keep_options(request: Request) -> Response:
    """Keep the options."""
    ctx, session = context.of(request), await gate.signed_in(request, "send")
    draft = await draft_of(request, session)
    sent = await gate.form(request, session, "new")
    options = choices.taken(sent)
    async with ctx.db.read() as conn:
        senders = await accounts.list_senders(conn, session.user.account_id)
        account = await accounts.get_account(conn, session.user.account_id)
    draft = await saved(request, draft, dict(draft.fields) | {"options": options})
    problems = choices.wrong(options, senders, account.timezone if account else "UTC", now_ms())
    if problems:
        return await _options(request, session, draft, problems)
    return RedirectResponse(f"{PAGE}/{draft.id}/envoi", 303)


async def drop_file(request: Request) -> Response:
    """Take a file off the message."""
    session = await gate.signed_in(request, "send")
    draft = await draft_of(request, session)
    sent = await gate.form(request, session, "new")
    fields = dict(draft.fields)
    gone = [one for one in fields.get("files", ()) if one["file"] == sent.get("file")]
    fields["files"] = [one for one in fields.get("files", ()) if one not in gone]
    await saved(request, draft, fields)
    for one in gone:
        await asyncio.to_thread(shelf_of(request, draft.id).drop, one)
    return RedirectResponse(f"{PAGE}/{draft.id}/message", 303)


async def forget(request: Request) -> Response:
    """Throw the draft away."""
    session = await gate.signed_in(request, "send")
    draft = await draft_of(request, session)
    await gate.form(request, session, "new")
    async with context.of(request).db.write() as conn:
        await drafts.drop(conn, draft.id)
    await asyncio.to_thread(shelf_of(request, draft.id).remove)
    return RedirectResponse(PAGE, 303)
