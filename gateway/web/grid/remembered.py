"""What a reader who is logged in has remembered of the details: columns and filters, the same on every computer.

In: `POST /x/campagnes/N/memory` of our own form: `query` (the words of the view), `what` (columns, usual, save or forget)
with `col`, `name` or `filter`. Out: back to the view (303), or its address as JSON for the page's script. Whoever has only a
link is remembered by their browser (static/grid.js) and finds nothing here. `known` gives the values for the page: columns
of LISTE are kept by name, and a filter of columns that this list lacks is shown without a link. Raises HTTPException only;
logs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway import i18n
from gateway.figures import columns
from gateway.web import access, context, guard
from gateway.web.grid import asked
from gateway.web.grid.asked import Query
from gateway.web.pages import problem
from parsers import filters
from parsers.filters import Filter, FilterError
from store import preferences
from store.preferences import Preferences, TooMany, Words
from store.values import Campaign

FIELDS = 600  # of a form: as many columns as a list has, and a few
FORM = "memory"


@dataclass(frozen=True, slots=True)
class Known:
    """A filter as the page offers it; `url` is empty where the list lacks its columns."""

    id: int
    name: str
    url: str


async def of(request: Request, conn: AsyncConnection) -> Preferences | None:
    """What the reader had remembered; None for readers with a link."""
    session = access.of(request).session
    return None if session is None else await preferences.of(conn, session.user.id)


def chosen(campaign: Campaign, remembered: Preferences | None) -> tuple[str, ...]:
    """The remembered columns that this list has."""
    found = [_here(campaign, key) for key in (remembered.columns if remembered else ())]
    known = columns.everything(campaign, i18n.DEFAULT)
    return tuple(key for key in found if key in known)


def known(campaign: Campaign, remembered: Preferences | None, query: Query) -> list[Known] | None:
    """The remembered filters with their addresses; None where the browser remembers them."""
    if remembered is None:
        return None
    told = [(one, _filter(campaign, one.words)) for one in remembered.filters]
    return [Known(one.id, one.name, query.url(filter=it, fault=None) if it else "") for one, it in told]


def _filter(campaign: Campaign, words: Words) -> Filter | None:
    here = [(name, _here(campaign, value) if name == "c" else value) for name, value in words]
    try:
        return filters.read(here, len(campaign.columns))
    except FilterError:
        return None


def _here(campaign: Campaign, key: str) -> str:
    """The key of a remembered column in this list; one that it lacks stays a name, which no filter takes."""
    if key.startswith("=") and key[1:] in campaign.columns:
        return f"l{campaign.columns.index(key[1:])}"
    return key


def _anywhere(campaign: Campaign, key: str) -> str:
    """A column by what it is called in any list."""
    return f"={campaign.columns[int(key[1:])]}" if key[:1] == "l" and key[1:].isdigit() else key


async def keep(request: Request) -> Response:
    """Remember, or forget."""
    ctx, sent = context.of(request), await guard.form(request, FIELDS)
    async with ctx.db.read() as conn:
        campaign = await access.reach(request, conn)
    session, locale = access.of(request).session, context.language(request, campaign.locale)
    if session is None:
        raise HTTPException(404)
    if not guard.ours(request, sent, session.word, FORM, ctx.url):
        return problem(locale, 403, "action.forged")
    query = asked.read(access.base(request), campaign, parse_qsl(str(sent.get("query", "")), keep_blank_values=True))
    me, what = session.user.id, sent.get("what")
    async with ctx.db.write() as conn:
        match what:
            case "columns" | "usual":
                every = columns.everything(campaign, i18n.DEFAULT)
                picked = [str(key) for key in sent.getlist("col") if key in every] if what == "columns" else []
                await preferences.choose(conn, me, [_anywhere(campaign, key) for key in picked])
                query = replace(query, columns=tuple(dict.fromkeys(picked)))
            case "save":
                name = " ".join(str(sent.get("name", "")).replace("\0", "").split())
                if not name or not query.filter:
                    return problem(locale, 422, "filter.unsaved")
                words = tuple((n, _anywhere(campaign, v) if n == "c" else v) for n, v in query.filter.words())
                try:
                    await preferences.save(conn, me, name, words)
                except TooMany:
                    return problem(locale, 422, "filter.too_many")
            case "forget":
                number = str(sent.get("filter", ""))
                await preferences.forget(conn, me, int(number) if number.isdecimal() and len(number) < 19 else 0)
            case _:
                raise HTTPException(404)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"to": query.url()})
    return RedirectResponse(query.url(), 303)
