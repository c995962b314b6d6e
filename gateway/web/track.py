"""The pixel and the links: what a mail program fetches and what people click.

In: `GET /o/TOKEN.gif` and `GET|HEAD /c/TOKEN`. Out: a transparent GIF of one pixel, and a 302 to exactly the target that
stands in the mail (merged values, fragment and query kept), http and https only; an unknown or altered token gives 404,
never a redirect elsewhere. The hit is on disk before the answer, or, on database trouble, after it (see recorder).
Nothing of the reader's address is kept; of the recipients who are not tracked nothing at all.
"""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway.web import context
from gateway.web.context import Context
from gateway.web.pages import problem
from gateway.web.recorder import hit
from mail.places import resolved
from parsers.fields import Field, Place, lookup, split
from parsers.hits import judge
from parsers.tokens import Purpose, verify
from parsers.useragent import LIMIT
from store import campaigns, reports
from store.states import Event
from store.values import Campaign, Tracked

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
READ = 5.0  # seconds to wait for the database before the reader is asked to come back
_KEPT = 256  # campaigns whose links are remembered: they never change once the campaign exists


class Links:
    """The campaigns whose links were asked for last."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, Campaign] = OrderedDict()

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
    agent = _agent(request)
    verdict = judge(request.method, agent)
    await ctx.recorder.record(hit(found[0], Event.OPEN, verdict.machine, agent=agent, why=verdict.reason))
    return Response(GIF, media_type="image/gif")


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
    if not target.lower().startswith(("http://", "https://")):
        return problem(locale, 404)
    if person is not None and person.tracked is Tracked.FULL:
        agent = _agent(request)
        verdict = judge(request.method, agent)
        change = hit(person.id, Event.CLICK, verdict.machine, agent=agent, why=verdict.reason, link=found[1])
        await ctx.recorder.record(change)
    response = Response(status_code=302)
    response.raw_headers.append((b"location", location(target)))
    return response


async def _target(ctx: Context, links: Links, recipient_id: int, index: int) -> tuple[reports.Person | None, str]:
    async with ctx.db.read() as conn:
        person = await reports.person(conn, recipient_id)
        campaign = await links.campaign(conn, person.campaign_id) if person is not None else None
    if person is None or campaign is None:
        return None, ""
    link: Mapping[str, Any] | None = next((link for link in campaign.links if link["index"] == index), None)
    return person, "" if link is None else target_of(link, campaign, person)


def target_of(link: Mapping[str, Any], campaign: Campaign, person: reports.Person) -> str:
    """The target of a link for one recipient; empty when the merged values make none."""
    target = str(link["target"])
    if not link.get("merged"):
        return resolved((target,), ()) or ""
    segments, bad = split(target, lookup(campaign.columns), Place.URL)
    if bad:
        return ""
    first = segments[0]
    if isinstance(first, Field):  # a target that begins with a column: the value brings its own scheme
        segments = (replace(first, place=Place.TARGET), *segments[1:])
    return resolved(segments, person.fields) or ""


def location(target: str) -> bytes:
    """A target as a header value (RFC 9110 10.2.2): what is printable ASCII stays as it is, the rest is %-encoded."""
    return b"".join(bytes((b,)) if 0x21 <= b <= 0x7E else b"%%%02X" % b for b in target.encode("utf-8", "replace"))


def _agent(request: Request) -> str:
    return request.headers.get("user-agent", "")[:LIMIT]
