"""The report of a campaign at its secret address: page, live figures, table, one recipient's story, JSON.

In: `GET /r/TOKEN…`. Out: HTML (or fragments of it for the page's small script) and JSON. All totals come from tallies;
the table beside them (gateway.web.grid) is cut by place, so the answer takes as long for a million recipients as for a
hundred. An unknown token gives 404; of a report past its time only the
totals are left, and what names people is 410.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gateway import i18n
from gateway.figures import stats, zones
from gateway.intake.alignment import author_of
from gateway.intake.loading import sentence
from gateway.letters import expected
from gateway.letters.held import reason
from gateway.web import access, context, guard, halted, hands, history, panels, story, view
from gateway.web import look as looking
from gateway.web.grid import serving
from gateway.web.grid.looking import Seen
from gateway.web.look import Look
from gateway.web.pages import html, page
from store import anonymous, campaigns, complaints, forecasts, hits, reports
from store.engine import now_ms
from store.values import Campaign, CampaignState, Ledger

_IDS = 1 << 62  # what a database takes as a number, and beyond any id
PARTS = {name: f"_{name}.html" for name in ("head", "figures", "statuses", "curve", "providers", "pivot", "zones")} | {
    "history": "_act_history.html"
}  # regions of the page
_HALTED = (CampaignState.HELD, CampaignState.PAUSED)
SOON, LATER = 2000, 20_000  # ms between two looks, while sending and afterwards


async def find(request: Request, conn: Any, totals: bool = False) -> Campaign:
    """The campaign of the token in the address; 404 or, unless only its totals are asked for, 410 when there is none."""
    campaign = await access.reach(request, conn)
    if not totals and is_past(request, campaign):
        raise HTTPException(410)
    return campaign


def reads_only(request: Request) -> bool:
    """Whether the link or the login that was found only reads: it neither stops nor pauses."""
    return access.of(request).power < access.Power.HALT


def is_past(request: Request, campaign: Campaign) -> bool:
    """Whether a report has ended: its people are erased, or about to be."""
    kept = int(context.of(request).report_days * 86_400_000)
    over = campaign.finished_at is not None and now_ms() > campaign.finished_at + kept
    return over or campaign.erased_at is not None


def common(request: Request, campaign: Campaign) -> dict[str, Any]:
    """Values that every fragment may use."""
    locale = context.language(request, campaign.locale)
    zone = campaign.timezone
    powers: dict[str, Any] = {"may_pause": False, "may_stop": False} if reads_only(request) else {}
    powers["menu"] = [] if is_past(request, campaign) else history.menu(campaign, hands.of(request))
    return (
        powers
        | access.around(request)
        | {
            "base": access.base(request),
            "author": author_of(campaign, context.of(request).domain),
            "at": lambda ms, seconds=False: i18n.instant(locale, zone, ms, seconds),
            "clock": lambda ms: i18n.local(zone, ms),
            "day": lambda ms: i18n.day(locale, zone, ms),
            "line_label": view.line_label,
            "fault_text": lambda fault: sentence(locale, zone, fault.kind, fault.detail),
            "held": [reason(locale, one) for one in campaign.held] if campaign.state in _HALTED else [],
        }
    )


async def show(request: Request) -> Response:
    """The whole page."""
    looks = request.app.state.looks
    async with serving.turn(request), context.of(request).db.read() as conn:
        campaign = await find(request, conn, totals=True)
        past = is_past(request, campaign)
        look = await looking.read(conn, campaign)
        asked, seen = serving.query(request, campaign), Seen()
        if not past:
            asked, seen = await serving.see(request, conn, campaign, look.ledger)
        faults = [] if past else await campaigns.faults_of(conn, campaign.id, view.SHOWN_FAULTS)
    looks.keep(look)
    values = _values(request, look) | serving.values(request, campaign, look.ledger, asked, seen)
    values |= {"faults": faults, "bad": look.ledger.lines - look.ledger.recipients, "again": again(campaign)}
    values["events"] = "" if looking.is_over(campaign) else f"{values['base']}/events?lang={asked.lang}"
    response = page("report.html", context.language(request, campaign.locale), **values)
    response.headers["Content-Security-Policy"] = f"{guard.POLICY}; frame-src 'self'"  # the message in its own frame
    return response


async def live(request: Request) -> Response:
    """The parts of the page that change, as JSON: {"again": ms, "regions": {id: HTML}}."""
    async with context.of(request).db.read() as conn:
        campaign = await find(request, conn, totals=True)
    look = await request.app.state.looks.at(campaign.id, SOON / 2000)
    regions = dict(parts(request, look))
    asked = serving.query(request, campaign)
    if asked.first_page and not is_past(request, campaign):
        async with context.of(request).db.read() as conn:
            _, seen = await serving.see(request, conn, campaign, look.ledger)
        values = common(request, campaign) | serving.values(request, campaign, look.ledger, asked, seen)
        regions["details"] = html("_details.html", context.language(request, campaign.locale), **values)
    return JSONResponse({"again": again(campaign), "regions": regions})


def parts(request: Request, look: Look) -> dict[str, str]:
    """The parts of the page that change by themselves, drawn once a look for all who read it by the same link."""
    locale = context.language(request, look.campaign.locale)
    reader = (access.of(request).secret, str(access.of(request).power), locale)
    if reader not in look.parts:
        values = _values(request, look)
        look.parts[reader] = {name: html(part, locale, **values) for name, part in PARTS.items()}
    return look.parts[reader]


def _values(request: Request, look: Look) -> dict[str, Any]:
    """What the parts are drawn from."""
    campaign, locale = look.campaign, context.language(request, look.campaign.locale)
    values = view.figures(campaign, look.ledger, look.curve) | common(request, campaign)
    values |= {"anonymous": look.nobodys, "past": is_past(request, campaign)}
    values["told"] = [] if values["past"] else history.lines(request, campaign, look.done)
    providers, now = context.of(request).providers(), now_ms()
    values |= panels.values(locale, look, providers, now)
    values |= {"suspended": look.suspended, "over": looking.is_over(campaign)}
    values["halted"] = panels.sentences(locale, look, providers, now)
    values["expected"] = _expected(request, campaign, look.ledger, None if look.suspended else look.ahead)
    return values


def _expected(
    request: Request, campaign: Campaign, ledger: Ledger, ahead: forecasts.Row | None
) -> dict[str, str | None]:
    providers, locale = context.of(request).providers(), context.language(request, campaign.locale)
    return expected.shown(locale, campaign, ledger, ahead, providers, now_ms())


def again(campaign: Campaign) -> int:
    """The ms after which a page looks again."""
    return SOON if campaign.state in (CampaignState.SENDING, CampaignState.LOADING) else LATER


async def recipient(request: Request) -> Response:
    """One recipient's story, as a page or, for the page's script, as a fragment."""
    if request.path_params["recipient"] >= _IDS:
        raise HTTPException(404)
    async with context.of(request).db.read() as conn:
        campaign = await find(request, conn)
        person = await reports.person(conn, request.path_params["recipient"])
        if person is None or person.campaign_id != campaign.id:
            raise HTTPException(404)
        told = await reports.history(conn, person.id, story.LIMIT + 1)
    locale = context.language(request, campaign.locale)
    values = common(request, campaign) | story.values(locale, campaign, person, told)
    fragment = "fragment" in request.query_params
    return page("_history.html" if fragment else "history.html", locale, **values)


def _provider(request: Request, one: complaints.Figures) -> dict[str, Any]:
    """What a provider's servers took and what was complained of, beside the share that it bears (None: it names none)."""
    known = context.of(request).providers().named(one.provider) if one.provider else None
    return {
        "provider": one.provider, "name": known.name if known else "", "delivered": one.delivered,
        "complaints": one.complained, "rate": one.complained / one.delivered if one.delivered else None,
        "threshold": known.complaints / 1000 if known and known.complaints else None,
    }  # fmt: skip


async def as_json(request: Request) -> Response:
    """The figures for programs (SPEC 9); they stay when people are erased."""
    async with context.of(request).db.read() as conn:
        campaign = await find(request, conn, totals=True)
        ledger, nobodys = await campaigns.ledger(conn, campaign.id), await anonymous.totals(conn, campaign.id)
        taken = await complaints.figures(conn, 0, campaign_id=campaign.id)
        clicks, uncounted = await hits.by_link(conn, campaign.id), await anonymous.counts(conn, campaign.id)
        paused, suspended = await halted.of(conn, campaign), await halted.suspended(conn, campaign)
        ahead = {} if suspended else await forecasts.read(conn, [campaign.id])
    if ledger is None:
        raise HTTPException(404)
    told = _expected(request, campaign, ledger, ahead.get(campaign.id))
    document = stats.document(str(campaign.state), ledger)
    document |= {"suspended": suspended, "pauses": halted.document(paused)}
    document["anonymous"] = asdict(nobodys)
    document["links"] = zones.document(campaign.links, clicks, uncounted)
    document["providers"] = [_provider(request, one) for one in taken]
    return JSONResponse(document | {"expected_end": told["end"], "expected_reason": told["reason"]})
