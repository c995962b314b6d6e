"""The message of a campaign as its recipients see it, with heat drawn over the links that people click.

In: `GET /r/TOKEN/message` (`part=text`: the plain body; `to=ID`: with one recipient's values and no heat; `images=1`: with
pictures from elsewhere). Out: documents for a sandboxed frame of the report. They are a stranger's HTML, so they come under
a policy of their own: no script, no form, no address, nothing loaded at all, links inert; the mail's own pictures stand in
them. With heat and without pictures from elsewhere a document keeps our origin, though nothing in it can act, so that the
report's own script writes new counts into it while it stands where it was read. Pictures from elsewhere load only when the
reader asks, as in a mail program: their servers would take the reader of the report for a recipient. Messages are compiled
in a thread, one at a time, and the last ones remembered. Logs nothing.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway import i18n
from gateway.figures import drawing, zones
from gateway.figures.drawing import Drawing, Zone
from gateway.letters.sent import Sent, sent
from gateway.web import context, report
from parsers.modes import Tracked
from store import campaigns, grid, reports
from store.grid import View
from store.values import Campaign

_IDS = 1 << 62
_KEPT, _KEPT_BYTES = 16, 64_000_000
_PATIENCE = 20.0  # seconds to wait for other messages that are being compiled
_LARGEST = 8_000_000  # characters of a body that are drawn
_FRAME = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:{remote}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox{origin}"
)
_PICTURES = 12_000_000  # bytes of pictures in a document


class Papers:
    """The messages that were shown last; one is compiled at a time."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[Any, ...], Sent | None] = OrderedDict()
        self._turn = asyncio.Lock()

    async def get(self, request: Request, campaign: Campaign, to: reports.Person | None, mode: Tracked) -> Sent | None:
        """A campaign's message; None where it cannot be compiled. 503 when too many others are waited for."""
        said = (campaign.subject, campaign.from_name, campaign.from_address, campaign.reply_to, str(campaign.options))
        key = (campaign.id, campaign.blob_id, *said, mode, None if to is None else (to.id, to.fields))
        try:
            async with asyncio.timeout(_PATIENCE), self._turn:
                if key not in self._known:
                    self._keep(key, await self._make(request, campaign, to, mode))
        except TimeoutError as error:
            raise HTTPException(503) from error
        self._known.move_to_end(key)
        return self._known[key]

    async def _make(
        self, request: Request, campaign: Campaign, to: reports.Person | None, mode: Tracked
    ) -> Sent | None:
        ctx = context.of(request)
        async with ctx.db.read() as conn:
            source = await campaigns.source(conn, campaign.blob_id)
        if not source:
            raise HTTPException(410)
        return await asyncio.to_thread(sent, campaign, source, ctx.domain, ctx.url, to, mode)

    def _keep(self, key: tuple[Any, ...], one: Sent | None) -> None:
        self._known[key] = one
        while len(self._known) > 1 and (len(self._known) > _KEPT or self._bytes() > _KEPT_BYTES):
            self._known.popitem(last=False)

    def _bytes(self) -> int:
        return sum(one.size for one in self._known.values() if one is not None)


async def show(request: Request) -> Response:
    """The message as a document."""
    asked = request.query_params
    async with context.of(request).db.read() as conn:
        campaign = await report.find(request, conn)
        to = await _recipient(conn, campaign, asked.get("to", ""))
        first = (await grid.page(conn, campaign.id, View(), 1)).rows
    look = await request.app.state.looks.at(campaign.id, report.SOON / 1000)
    mode = to.tracked if to else Tracked.FULL if look.clicks else first[0].tracked if first else Tracked.NONE
    found = await request.app.state.papers.get(request, campaign, to, mode)
    locale, remote = context.language(request, campaign.locale), asked.get("images") == "1"
    if found is None:
        return _document(_said(locale, "message.not_shown"))
    marked = {} if to else _zones(locale, campaign, zones.document(campaign.links, look.clicks, look.uncounted))
    plan = Drawing(found.zone_of, marked, _Pictures(found).shown, remote, found.prefix)
    if asked.get("part") == "text":
        page = drawing.draw_text(found.text[:_LARGEST], plan, found.prefix, campaign.locale, found.subject)
    else:
        drawn = asyncio.to_thread(drawing.draw, found.html[:_LARGEST], plan, campaign.locale, found.subject)
        page = await drawn
    return _document(page, remote, ours=bool(marked) and not remote)


async def _recipient(conn: Any, campaign: Campaign, asked: str) -> reports.Person | None:
    if not asked:
        return None
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else _IDS
    person = await reports.person(conn, number) if number < _IDS else None
    if person is None or person.campaign_id != campaign.id:
        raise HTTPException(404)
    return person


class _Pictures:
    """The pictures of a message as addresses that hold them."""

    def __init__(self, found: Sent) -> None:
        self._found, self._left = found, _PICTURES

    def shown(self, named: str) -> str | None:
        """The address of a picture; None for an unknown one, and once there are too many."""
        at = self._found.picture(named)
        if at is None or len(self._found.pictures[at].data) > self._left:
            return None
        part = self._found.pictures[at]
        self._left -= len(part.data)
        return f"data:{part.content_type};base64,{b64encode(part.data).decode()}"


def _zones(locale: str, campaign: Campaign, found: list[dict[str, Any]]) -> Mapping[int, Zone]:
    counts = {one["link"]: one["clicks"] + one["anonymous"] for one in found}
    most = max(counts.values(), default=0)
    return {
        one["link"]: Zone(
            one["link"],
            drawing.heat(counts[one["link"]], most),
            i18n.number(locale, counts[one["link"]]),
            one["target"],
        )
        for one in found
    }


def _said(locale: str, key: str) -> str:
    return (
        f'<!doctype html><html lang="{locale}"><title>mail2campaign</title>'
        f"<p>{i18n.text(locale, key)}</p><style>p {{ font: 16px/1.5 system-ui, sans-serif; margin: 24px; }}</style></html>"
    )


def _document(page: str, remote: bool = False, ours: bool = False) -> Response:
    policy = _FRAME.format(remote=" http: https:" if remote else "", origin=" allow-same-origin" if ours else "")
    return HTMLResponse(page, 200, {"Content-Security-Policy": policy, "X-Frame-Options": "SAMEORIGIN"})
