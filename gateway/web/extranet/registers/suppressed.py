"""Désinscrits: who gets no mail of this account, found, added, brought in and out, taken off with a reason.

In: `GET /x/desinscrits` (search, reason, page), `/export.csv`, `/ID/retirer`, and the POST of its forms. Out: a page;
after a form a redirect to it. What a person asked for themselves (unsubscribed, complained) nobody takes back for them:
they come back by the link of the page on which they left. Raises what the gate raises. Logs suppressions_changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from config.logging import log
from gateway.sheet import Csv
from gateway.web import context
from gateway.web.extranet import gate, shell
from gateway.web.extranet.account import line, told
from gateway.web.extranet.gate import HOME, Session
from gateway.web.extranet.registers import bringing
from gateway.web.extranet.registers.bringing import Bad, Brought
from parsers.address import parse
from parsers.days import date, day_or_none
from store import registers, suppression_list
from store.engine import now_ms
from store.suppression_list import Entry, New
from store.suppressions import REASONS

PAGE = f"{HOME}/desinscrits"
DONE = ("added", "known", "removed")
PERSONAL = ("unsubscribe", "complaint")
ROWS, MOST = 50, 100_000
_FORM = "suppressed"
_COLUMNS = ("Email", "Account", "Reason", "Since", "Until")
_REASON, _SINCE, _UNTIL = ("reason", "raison", "motif"), ("since", "depuis", "date"), ("until", "jusquau", "jusqua")


def asked(request: Request) -> tuple[str, str, int]:
    """What is searched: words, a reason, the row to go on from."""
    query = request.query_params
    words = " ".join(query.get("q", "")[:200].replace("\0", "").split())
    reason, before = query.get("reason", ""), query.get("before", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 18 else 0
    return words, reason if reason in REASONS else "", number


async def show(request: Request) -> Response:
    """The page."""
    return await _page(request, await gate.signed_in(request))


async def _page(
    request: Request, session: Session, doubt: str = "", brought: Brought | None = None, typed: str = ""
) -> Response:
    ctx, account = context.of(request), session.user.account_id
    words, reason, before = asked(request)
    async with ctx.db.read() as conn:
        found = await registers.suppressed(conn, account, ctx.recorder.keys, now_ms(), words, reason, before, ROWS)
        whole = await registers.count(conn, account, now_ms(), MOST)
        removed = await registers.taken_off(conn, account)
    older = {"q": words, "reason": reason, "before": found[ROWS - 1].id if len(found) > ROWS else ""}
    values: dict[str, Any] = {
        "entries": found[:ROWS], "whole": whole, "most": MOST, "removed": removed, "words": words, "reason": reason,
        "reasons": REASONS, "personal": PERSONAL, "older": _url(older) if len(found) > ROWS else "", "first": not before,
        "may": session.user.may("send"), "proof": gate.proof(session, _FORM), "done": told(request, DONE), "doubt": doubt,
        "brought": brought, "typed": typed,
    }  # fmt: skip
    return shell.page(request, session, "x/suppressed.html", "suppressed", **values)


def _url(values: dict[str, Any]) -> str:
    said = urlencode({name: value for name, value in values.items() if value})
    return f"{PAGE}?{said}" if said else PAGE


async def add(request: Request) -> Response:
    """Add addresses by hand, one a line or separated by commas."""
    ctx, session = context.of(request), await gate.signed_in(request, "send")
    sent = await gate.form(request, session, _FORM)
    typed = str(sent.get("addresses", ""))[:4_000]
    found = [
        one for part in typed.replace(",", "\n").replace(";", "\n").splitlines() if part.strip() for one in parse(part)
    ]
    if not found or len(found) > 100 or any(one.fault is not None for one in found):
        return await _page(request, session, "address", typed=typed)
    now = now_ms()
    new = [New(one.address, "manual", now) for one in found]
    async with ctx.db.write() as conn:
        added, _ = await suppression_list.put(conn, session.user.account_id, new, ctx.recorder.keys, now)
    _noted(session, "added", added)
    return RedirectResponse(f"{PAGE}?done={'added' if added else 'known'}", 303)


async def bring_in(request: Request) -> Response:
    """Add the addresses of a file, and tell its bad lines."""
    ctx, session = context.of(request), await gate.signed_in(request, "send")
    _, file = await bringing.form(request, session, _FORM)
    if file is None:
        return await _page(request, session, "file")
    brought, locale = Brought(file[0]), shell.language(request, session)
    async for columns, some in bringing.lines(request, file[1], brought, locale):
        good, bad = _sorted(columns, some, locale, now_ms())
        async with ctx.db.write() as conn:
            added, known = await suppression_list.put(conn, session.user.account_id, good, ctx.recorder.keys, now_ms())
        brought.added, brought.known = brought.added + added, brought.known + known
        brought.wrong(bad)
    _noted(session, "brought in", brought.added)
    return await _page(request, session, brought=brought)


def _sorted(
    columns: Sequence[str], some: Sequence[dict[str, Any]], locale: str, now: int
) -> tuple[list[New], list[Bad]]:
    places = [bringing.place(columns, names) for names in (_REASON, _SINCE, _UNTIL)]
    good: list[New] = []
    bad: list[Bad] = []
    for one in some:
        if one["fault"] == "duplicate":
            continue  # the same address twice is no fault here
        if one["fault"]:
            bad.append(bringing.fault(locale, one))
            continue
        reason, since, until = (bringing.value(one, place) for place in places)
        if (ends := day_or_none(until)) is not None and ends <= now:
            continue  # it has ended
        began = min(day_or_none(since) or now, now)
        good.append(New(bringing.address(one), reason if reason in REASONS else "import", began, ends))
    return good, bad


async def export(request: Request) -> Response:
    """The list as CSV, all of it or what is searched."""
    session = await gate.signed_in(request)
    headers = {"Content-Disposition": 'attachment; filename="desinscrits.csv"'}
    return StreamingResponse(_file(request, session), 200, headers, Csv.media_type)


async def _file(request: Request, session: Session) -> AsyncIterator[bytes]:
    ctx, writer = context.of(request), Csv()
    words, reason, before = asked(request)
    yield writer.start(_COLUMNS)
    while True:
        async with ctx.db.read() as conn:
            some = await registers.suppressed(
                conn, session.user.account_id, ctx.recorder.keys, now_ms(), words, reason, before, 1_000
            )
        yield writer.rows(_row(one) for one in some[:1_000])
        if len(some) <= 1_000:
            yield writer.finish()
            return
        before = some[999].id


def _row(one: Entry) -> tuple[str, ...]:
    owner = f"{one.account} / {one.sender}" if one.sender else one.account or ""
    return one.address or "", owner, one.reason, date(one.at), date(one.until)


async def ask(request: Request) -> Response:
    """Is this address really to be written to again?"""
    session = await gate.signed_in(request, "send")
    return await _asking(request, session, await _mine(request, session))


async def _asking(request: Request, session: Session, entry: Entry, doubt: str = "") -> Response:
    values: dict[str, Any] = {
        "entry": entry, "proof": gate.proof(session, _FORM), "doubt": doubt, "personal": entry.reason in PERSONAL,
    }  # fmt: skip
    return shell.page(request, session, "x/suppressed_remove.html", "suppressed", **values)


async def remove(request: Request) -> Response:
    """Take an address off the list, with the reason."""
    ctx, session = context.of(request), await gate.signed_in(request, "send")
    sent = await gate.form(request, session, _FORM)
    entry = await _mine(request, session)
    why = line(sent.get("why"))[:500]
    if entry.reason in PERSONAL:
        raise HTTPException(403)
    if not why:
        return await _asking(request, session, entry, "why")
    async with ctx.db.write() as conn:
        await registers.take_off(conn, session.user.account_id, entry, why, session.user.login, now_ms())
    _noted(session, "removed", 1)
    return RedirectResponse(f"{PAGE}?done=removed", 303)


async def _mine(request: Request, session: Session) -> Entry:
    number = request.path_params["id"]
    async with context.of(request).db.read() as conn:
        known = await registers.find(conn, session.user.account_id, number, now_ms()) if number < 1 << 62 else None
    if known is None:
        raise HTTPException(404)
    return known


def _noted(session: Session, what: str, count: int) -> None:
    log("suppressions_changed", account=session.user.account_id, what=what, rows=count, by=session.user.login)
