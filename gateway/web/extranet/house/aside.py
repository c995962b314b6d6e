"""Passerelle > À examiner: campaigns of all accounts that are held, and mails that could not be read.

In: `GET /x/passerelle/examen`, `GET …/examen/REF` (a mail that was set aside: how it came, why, its first lines as
text), and the POST of forms: `/liberer` lets a campaign go that waits for nothing but a word, `/relire` has a mail read
again, `/jeter` forgets one. Out: pages; after a form a redirect. Operators only. Logs gateway_changed.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.logging import log
from gateway.intake.bell import ring
from gateway.letters.decisions import decide
from gateway.letters.held import reason
from gateway.web import context
from gateway.web.extranet import gate, shell
from gateway.web.extranet.account import line, told
from gateway.web.extranet.new.uploads import desk_of
from parsers.headers import first, read_fields, text
from parsers.orders import Act, Order
from store import campaigns, house, talks
from store.engine import now_ms
from store.spool import Spool
from store.talks import Choice, Verdict

PAGE = f"{gate.HOME}/passerelle/examen"
DONE = ("released", "not_released", "again", "dropped")
SHOWN, FIRST = 100, 20_000


async def show(request: Request) -> Response:
    """The page."""
    session = await gate.signed_in(request, operator=True)
    locale = shell.language(request, session)
    async with context.of(request).db.read() as conn:
        found = await house.held(conn)
        waits = {one.id: await _waits(conn, one.id) for one in found}
    held = [(one, [reason(locale, each) for each in one.reasons], waits[one.id]) for one in found]
    values: dict[str, Any] = {
        "held": held, "mails": await asyncio.to_thread(_mails, desk_of(request).spool),
        "proof": gate.proof(session, "aside"), "done": told(request, DONE),
    }  # fmt: skip
    return shell.page(request, session, "x/aside.html", "aside", **values)


async def _waits(conn: Any, number: int) -> bool:
    """Whether a campaign waits for nothing but a word."""
    campaign, talk = await campaigns.get(conn, number), await talks.get(conn, number)
    if campaign is None or talk is None:
        return False
    return talks.choice(talk, campaign.state, campaign.held) is not Choice.NONE


def _mails(spool: Spool) -> list[dict[str, Any]]:
    found = []
    for ref in spool.aside()[:SHOWN]:
        try:
            envelope, raw, why = spool.told(ref, 65_536)
        except (OSError, ValueError, TypeError):
            continue
        fields = read_fields(raw)[0]
        last = why.strip().splitlines()[-1] if why.strip() else ""
        found.append(
            {
                "ref": ref, "at": envelope.received_at, "kind": envelope.kind, "from": envelope.mail_from,
                "subject": text(first(fields, "subject"))[:200], "why": last[:300],
            }
        )  # fmt: skip
    return found


async def look(request: Request) -> Response:
    """One mail that was set aside."""
    session = await gate.signed_in(request, operator=True)
    ref = request.path_params["ref"]
    try:
        envelope, raw, why = await asyncio.to_thread(desk_of(request).spool.told, ref, FIRST)
    except (OSError, ValueError, TypeError) as error:
        raise HTTPException(404) from error
    values: dict[str, Any] = {
        "ref": ref, "envelope": envelope, "raw": raw.decode("utf-8", "replace").replace("\r\n", "\n"), "why": why[-FIRST:],
        "proof": gate.proof(session, "aside"), "cut": len(raw) >= FIRST,
    }  # fmt: skip
    return shell.page(request, session, "x/aside_mail.html", "aside", **values)


async def release(request: Request) -> Response:
    """Let a campaign go in the place of its author, whose word alone it waits for."""
    ctx, session = context.of(request), await gate.signed_in(request, operator=True)
    sent = await gate.form(request, session, "aside")
    said = line(sent.get("id"))
    number = int(said) if said.isascii() and said.isdigit() and len(said) < 18 else 0
    async with ctx.db.read() as conn:
        talk, ready = await talks.get(conn, number), await _waits(conn, number)
    done = False
    if talk is not None and ready:
        verdict = await decide(ctx.db, number, talk.serial, Order(Act.SEND), now_ms(), "operator")
        done = verdict is Verdict.DONE
    if done:
        log("gateway_changed", what="campaign released", campaign=number, by=session.user.login)
    return RedirectResponse(f"{PAGE}?done={'released' if done else 'not_released'}", 303)


async def again(request: Request) -> Response:
    """Have a mail read once more."""
    session = await gate.signed_in(request, operator=True)
    sent = await gate.form(request, session, "aside")
    spool, ref = desk_of(request).spool, line(sent.get("ref"))
    try:
        await asyncio.to_thread(spool.again, ref)
    except OSError as error:
        raise HTTPException(404) from error
    await asyncio.to_thread(ring, spool.folder)
    log("gateway_changed", what="mail read again", place=ref, by=session.user.login)
    return RedirectResponse(f"{PAGE}?done=again", 303)


async def drop(request: Request) -> Response:
    """Forget a mail that was set aside."""
    session = await gate.signed_in(request, operator=True)
    sent = await gate.form(request, session, "aside")
    ref = line(sent.get("ref"))
    try:
        await asyncio.to_thread(desk_of(request).spool.discard, ref)
    except OSError as error:
        raise HTTPException(404) from error
    log("gateway_changed", what="mail forgotten", place=ref, by=session.user.login)
    return RedirectResponse(f"{PAGE}?done=dropped", 303)
