"""The pixel and the links: what a mail program fetches and what people click.

In: `GET /o/TOKEN.gif` and `GET|HEAD /c/TOKEN` of one person; `/l/TOKEN` and `/a/TOKEN.gif`, the same for all recipients of
a campaign; `/h/TOKEN.gif` of service mail. Out: a transparent GIF of one pixel, and a 302 to exactly the target that
stands in the mail (merged values, fragment and query kept), http and https only; an unknown or altered token gives 404,
never a redirect elsewhere. The hit is on disk before the answer, or, on database trouble, after it (see recorder); whether
a person was behind it is judged some seconds later (gateway.judging). The link that no person sees answers 204.
Nothing of the reader's address is kept; of the recipients who are not followed (any more) nothing at all. A hit of anonymous
mail is one more of its link (deliberation 2026-042, §1.12 f), not counted where a campaign has so few recipients that the
figure would tell who; one of service mail is the day on which the person last read (§1.3).
"""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway.web import context
from gateway.web.context import Context
from gateway.web.pages import problem
from mail.places import resolved
from parsers.bursts import HIDDEN, PIXEL
from parsers.fields import Place, as_target, lookup, split
from parsers.hits import Verdict, asked, judge
from parsers.tokens import Purpose, verify
from parsers.useragent import LIMIT
from store import anonymous, campaigns, remnants, reports
from store.engine import now_ms
from store.hits import Hit
from store.values import Campaign, Tracked

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
TRAP = "\0"  # no target: what only programs follow
READ = 5.0  # seconds to wait for the database before the reader is asked to come back
CROWD = 5  # recipients of a campaign below which nothing anonymous is counted
_DAY = 86_400_000
_KEPT = 256  # campaigns whose links are remembered: they never change once the campaign exists


class Links:
    """The campaigns whose links were asked for last."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, Campaign] = OrderedDict()

    def known(self, campaign_id: int) -> Campaign | None:
        """The campaign of that id if it was read before."""
        return self._known.get(campaign_id)

    async def campaign(self, conn: Any, campaign_id: int) -> Campaign | None:
        """The campaign of that id, read once."""
        campaign = self._known.get(campaign_id) or await campaigns.get(conn, campaign_id)
        if campaign is not None:
            self._known[campaign_id] = campaign
            self._known.move_to_end(campaign_id)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return campaign


async def pixel(request: Request) -> Response:
    """Answer the pixel and record an open."""
    ctx = context.of(request)
    found = verify(ctx.keyring, Purpose.OPEN, request.path_params["token"])
    if found is None:
        return problem(context.language(request, ctx.locale), 404)
    await ctx.recorder.record(_hit(ctx, request, found[0], PIXEL))
    return Response(GIF, media_type="image/gif")


async def shared_pixel(request: Request) -> Response:
    """Answer the one pixel of an anonymous campaign and count an open of nobody in particular."""
    ctx = context.of(request)
    found = verify(ctx.keyring, Purpose.OPENS, request.path_params["token"])
    if found is None:
        return problem(context.language(request, ctx.locale), 404)
    try:
        async with asyncio.timeout(READ), ctx.db.read() as conn:
            campaign = await request.app.state.links.campaign(conn, found[0])
    except TimeoutError:
        campaign = None  # the image comes all the same, uncounted
    await _count(ctx, request, campaign, anonymous.PIXEL)
    return Response(GIF, media_type="image/gif")


async def last_open(request: Request) -> Response:
    """Answer the pixel of service mail and keep the day, over that of the open before."""
    ctx = context.of(request)
    found = verify(ctx.keyring, Purpose.LAST_OPEN, request.path_params["token"])
    if found is None:
        return problem(context.language(request, ctx.locale), 404)
    if not _verdict(ctx, request).machine:
        await ctx.recorder.record(anonymous.LastOpen(found[0] << 12 | found[1], now_ms() // _DAY))
    return Response(GIF, media_type="image/gif")


async def shared_click(request: Request) -> Response:
    """Redirect to the target of an anonymous link and count a click of nobody in particular."""
    ctx = context.of(request)
    found = verify(ctx.keyring, Purpose.LINK, request.path_params["token"])
    locale = context.language(request, ctx.locale)
    if found is None:
        return problem(locale, 404)
    try:
        async with asyncio.timeout(READ), ctx.db.read() as conn:
            campaign = await request.app.state.links.campaign(conn, found[0])
    except TimeoutError:
        return problem(locale, 503)
    link = link_of(campaign, found[1])
    if campaign is None or link is None or link.get("merged"):
        return problem(locale, 410 if campaign and campaign.erased_at else 404, *_gone(campaign))
    await _count(ctx, request, campaign, found[1])
    return _redirect(locale, resolved((str(link["target"]),), ()) or "")


async def _count(ctx: Context, request: Request, campaign: Campaign | None, link: int) -> None:
    if campaign is not None and campaign.recipients >= CROWD:
        machine = _verdict(ctx, request).machine
        await ctx.recorder.record(anonymous.Count(campaign.id, link, machine))


def _gone(campaign: Campaign | None) -> tuple[str, ...]:
    """The words of a link that has ended, where it has."""
    return ("error.link_gone",) if campaign is not None and campaign.erased_at else ()


def _redirect(locale: str, target: str) -> Response:
    if not target.lower().startswith(("http://", "https://")):
        return problem(locale, 404)
    response = Response(status_code=302)
    response.raw_headers.append((b"location", location(target)))
    return response


async def click(request: Request) -> Response:
    """Redirect to the link's target and record a click."""
    ctx = context.of(request)
    found = verify(ctx.keyring, Purpose.CLICK, request.path_params["token"])
    locale = context.language(request, ctx.locale)
    if found is None:
        return problem(locale, 404)
    try:
        async with asyncio.timeout(READ):
            person, target = await _target(ctx, request.app.state.links, *found)
    except TimeoutError:
        return problem(locale, 503)
    if target is None:
        return problem(locale, 410, "error.link_gone")
    if target == TRAP and person is not None:
        if person.tracked is Tracked.FULL:
            await ctx.recorder.record(_hit(ctx, request, person.id, HIDDEN))
        return Response(status_code=204)
    response = _redirect(locale, target)
    if response.status_code == 302 and person is not None and person.tracked is Tracked.FULL:
        await ctx.recorder.record(_hit(ctx, request, person.id, found[1]))
    return response


async def _target(
    ctx: Context, links: Links, recipient_id: int, index: int
) -> tuple[reports.Person | None, str | None]:
    """Whose click it is and where it leads: TRAP for the link that nobody sees, behind the last of the others; None once
    the target was erased with its person's values."""
    async with ctx.db.read() as conn:
        person = await reports.person(conn, recipient_id)
        if person is None or not person.address:
            left = await remnants.find(conn, recipient_id)
            if left is None:
                return None, ""
            campaign = await links.campaign(conn, left.campaign_id) if left.campaign_id else None
            link = link_of(campaign, index)
            return None, None if link is None or link.get("merged") else resolved((str(link["target"]),), ())
        campaign = await links.campaign(conn, person.campaign_id)
    link = link_of(campaign, index)
    if campaign is not None and index == len(campaign.links):
        return person, TRAP
    return person, "" if link is None or campaign is None else target_of(link, campaign, person)


def link_of(campaign: Campaign | None, index: int) -> Mapping[str, Any] | None:
    """The link of that number."""
    return next((link for link in campaign.links if link["index"] == index), None) if campaign else None


def target_of(link: Mapping[str, Any], campaign: Campaign, person: reports.Person) -> str:
    """The target of a link for one recipient; empty when the merged values make none."""
    target = str(link["target"])
    if not link.get("merged"):
        return resolved((target,), ()) or ""
    segments, bad = split(target, lookup(campaign.columns), Place.URL)
    if bad:
        return ""
    return resolved(as_target(segments), person.fields) or ""


def location(target: str) -> bytes:
    """A target as a header value (RFC 9110 10.2.2): what is printable ASCII stays as it is, the rest is %-encoded."""
    return b"".join(bytes((b,)) if 0x21 <= b <= 0x7E else b"%%%02X" % b for b in target.encode("utf-8", "replace"))


def _verdict(ctx: Context, request: Request) -> Verdict:
    return judge(asked(request.method, request.headers), ctx.machines())


def _hit(ctx: Context, request: Request, recipient_id: int, link: int) -> Hit:
    verdict = _verdict(ctx, request)
    agent = request.headers.get("user-agent", "").strip()[:LIMIT]
    return Hit(recipient_id, now_ms(), link, agent, verdict.reason, verdict.sure)
