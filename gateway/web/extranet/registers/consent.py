"""Consentements: who agreed to be followed and who refused, with what proves it; words added, and brought in.

In: `GET /x/consentements` (search, page), `/personne`, `/export.csv`, and the POST of its forms. Out: a page; after a
form a redirect. Nothing is ever changed in the register: a later word stands, and what a person refused on a page of ours
stays refused whatever is written here (deliberation 2026-042). Raises what the gate raises. Logs consents_changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

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
from gateway.web.extranet.registers.suppressed import asked
from parsers.address import key, parse
from parsers.columns import canonical
from parsers.days import date, day_or_none
from store import accounts, consents, registers
from store.consents import Entry, New
from store.engine import now_ms

PAGE = f"{HOME}/consentements"
DONE = ("agreed", "refused", "outweighed")
ROWS = 50
_FORM = "consent"
_COLUMNS = ("Email", "Consent", "Date", "Source", "Wording", "By", "Personal", "Purpose", "Recorded", "Campaign")
_YES = frozenset({"oui", "yes", "o", "y", "1", "x", "true", "vrai", "agreed", "accord", "accepte", "granted"})
_NO = frozenset({"non", "no", "n", "0", "false", "faux", "refused", "refus", "refuse", "withdrawn", "retire", "denied"})
_WORD, _DATE = ("consent", "consentement", "suivi", "tracking"), ("date", "le", "since", "depuis")
_SOURCE, _WORDING = ("source", "origine"), ("wording", "texte", "formulation")


async def show(request: Request) -> Response:
    """The page."""
    return await _page(request, await gate.signed_in(request))


async def _page(
    request: Request,
    session: Session,
    doubt: str = "",
    brought: Brought | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    ctx, account = context.of(request), session.user.account_id
    words, _, before = asked(request)
    async with ctx.db.read() as conn:
        found = await registers.words(conn, account, ctx.recorder.keys, words, before, ROWS)
        owner = await accounts.get_account(conn, account)
    older = {"q": words, "before": str(found[ROWS - 1].id) if len(found) > ROWS else ""}
    values: dict[str, Any] = {
        "entries": found[:ROWS], "words": words, "first": not before, "attested": bool(owner and owner.attested),
        "older": f"{PAGE}?{urlencode({k: v for k, v in older.items() if v})}" if len(found) > ROWS else "",
        "may": session.user.may("send"), "proof": gate.proof(session, _FORM), "done": told(request, DONE),
        "doubt": doubt, "brought": brought, "typed": typed or {},
    }  # fmt: skip
    return shell.page(request, session, "x/consents.html", "consents", **values)


async def person(request: Request) -> Response:
    """Every word that was ever recorded of one address, and what stands."""
    ctx, session = context.of(request), await gate.signed_in(request)
    typed, keys = request.query_params.get("address", "")[:400], ctx.recorder.keys
    found = parse(typed)
    if len(found) != 1 or found[0].fault is not None:
        return await _page(request, session, "address")
    address, account = found[0].address, session.user.account_id
    async with ctx.db.read() as conn:
        said = await consents.history(conn, account, address, keys)
        stands = (await consents.standing(conn, account, [key(address)], keys)).get(key(address))
    values: dict[str, Any] = {
        "address": address, "said": said[::-1], "stands": stands, "may": session.user.may("send"),
        "proof": gate.proof(session, _FORM),
    }  # fmt: skip
    return shell.page(request, session, "x/consents_person.html", "consents", **values)


async def record(request: Request) -> Response:
    """Write down that a person agreed, with the words they were asked in, or refused."""
    ctx, session = context.of(request), await gate.signed_in(request, "send")
    sent = await gate.form(request, session, _FORM)
    typed = {name: line(sent.get(name)) for name in ("address", "said", "source", "wording", "date")}
    found, now = parse(typed["address"][:400]), now_ms()
    at = day_or_none(typed["date"]) if typed["date"] else now
    doubt = ""
    if len(found) != 1 or found[0].fault is not None:
        doubt = "address"
    elif typed["said"] not in ("yes", "no"):
        doubt = "said"
    elif at is None or at > now:
        doubt = "date"
    elif typed["said"] == "yes" and not typed["wording"]:
        doubt = "wording"
    if doubt or at is None:
        return await _page(request, session, doubt, typed=typed)
    agreed, address, account = typed["said"] == "yes", found[0].address, session.user.account_id
    word = New(address, agreed, at, typed["source"][:200] or "extranet", typed["wording"][:2_000], session.user.login)
    async with ctx.db.write() as conn:
        await consents.record(conn, account, [word], ctx.recorder.keys, now)
        stands = (await consents.standing(conn, account, [key(address)], ctx.recorder.keys)).get(key(address))
    _noted(session, "recorded", 1)
    done = "outweighed" if agreed and stands is False else "agreed" if agreed else "refused"
    return RedirectResponse(f"{PAGE}?done={done}", 303)


async def bring_in(request: Request) -> Response:
    """Record the words of a file, and tell its bad lines."""
    ctx, session = context.of(request), await gate.signed_in(request, "send")
    sent, file = await bringing.form(request, session, _FORM)
    if file is None:
        return await _page(request, session, "file")
    brought, locale, wording = Brought(file[0]), shell.language(request, session), line(sent.get("wording"))[:2_000]
    async for columns, some in bringing.lines(request, file[1], brought, locale):
        good, bad = _sorted(columns, some, wording, session.user.login, locale)
        brought.wrong(bad)
        async with ctx.db.write() as conn:
            await consents.record(conn, session.user.account_id, good, ctx.recorder.keys, now_ms())
        brought.added += len(good)
    _noted(session, "brought in", brought.added)
    return await _page(request, session, brought=brought)


def _sorted(
    columns: Sequence[str], some: Sequence[dict[str, Any]], wording: str, by: str, locale: str
) -> tuple[list[New], list[Bad]]:
    said_at, date_at, source_at, wording_at = (
        bringing.place(columns, names) for names in (_WORD, _DATE, _SOURCE, _WORDING)
    )
    good: list[New] = []
    bad: list[Bad] = []
    now = now_ms()
    for one in some:
        if one["fault"] not in ("", "duplicate"):  # the same address twice is its history
            bad.append(bringing.fault(locale, one))
            continue
        said, day, words = (bringing.value(one, at) for at in (said_at, date_at, wording_at))
        at = day_or_none(day) if day else now
        plain, words = canonical(said), words or wording
        why = ""
        if plain not in _YES | _NO:
            why = "said"
        elif at is None or at > now:
            why = "date"
        elif plain in _YES and not words:
            why = "wording"
        if why or at is None:
            bad.append(bringing.doubt(locale, one, f"consents.doubt_{why}"))
            continue
        source = bringing.value(one, source_at)[:200] or "import"
        good.append(New(bringing.address(one), plain in _YES, at, source, words[:2_000], by))
    return good, bad


async def export(request: Request) -> Response:
    """The whole register as CSV."""
    session = await gate.signed_in(request)
    headers = {"Content-Disposition": 'attachment; filename="consentements.csv"'}
    return StreamingResponse(_file(request, session), 200, headers, Csv.media_type)


async def _file(request: Request, session: Session) -> AsyncIterator[bytes]:
    ctx, writer, after = context.of(request), Csv(), 0
    yield writer.start(_COLUMNS)
    while True:
        async with ctx.db.read() as conn:
            some = await consents.page(conn, session.user.account_id, after)
        if not some:
            yield writer.finish()
            return
        yield writer.rows(_row(one) for one in some)
        after = some[-1].id


def _row(one: Entry) -> tuple[str, ...]:
    whole = (one.address or "", "yes" if one.agreed else "no", date(one.at), one.source, one.wording, one.by)
    own, campaign = "yes" if one.personal else "no", "" if one.campaign_id is None else str(one.campaign_id)
    return (*whole, own, one.purpose, date(one.recorded_at), campaign)


def _noted(session: Session, what: str, count: int) -> None:
    log("consents_changed", account=session.user.account_id, what=what, rows=count, by=session.user.login)
