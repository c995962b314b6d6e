"""The report of a campaign under way, pushed to whoever reads it (server-sent events, WHATWG HTML 9.2).

In: `GET /r/TOKEN/events`. Out: a stream of `news` ({"regions": {id: HTML}}, those parts of the page that have changed), a
`beat` at least every BEAT seconds, and `end` when the campaign has ended; 204 where it has ended already, 503 where there are
streams enough: a page then asks now and then instead. All streams of a campaign share one look at the database. A stream
ends after LIFE seconds and the browser comes again, so that a link that was revoked is soon of no use. Logs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.web import context, report
from gateway.web.look import Looks, is_over

MOST, MOST_OF_ONE = 300, 100  # streams at once, in all and of one campaign
LIFE = 300.0  # seconds that a stream lasts
BEAT = 15.0  # seconds without a word at most
RETRY = b"retry: 3000\n\n"  # ms after which a browser comes back
_HEADERS = {"X-Accel-Buffering": "no"}  # nginx would wait for more


class Streams:
    """The streams that are open; `close` ends them all within a moment."""

    def __init__(self) -> None:
        self._open: Counter[int] = Counter()
        self._closing = asyncio.Event()

    def has_room(self, campaign_id: int) -> bool:
        """Whether one more may be opened."""
        full = self._open.total() >= MOST or self._open[campaign_id] >= MOST_OF_ONE
        return not (full or self.closed)

    @property
    def closed(self) -> bool:
        """Whether all of them are to end."""
        return self._closing.is_set()

    def close(self) -> None:
        """End all streams: the process stops."""
        self._closing.set()

    @contextlib.contextmanager
    def place(self, campaign_id: int) -> Iterator[None]:
        """Count one stream while it lasts."""
        self._open[campaign_id] += 1
        try:
            yield
        finally:
            self._open[campaign_id] -= 1
            self._open += Counter()  # forget campaigns that nobody follows

    async def rest(self, seconds: float) -> None:
        """Wait, unless all is to end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)


async def stream(request: Request) -> Response:
    """Answer with the stream, or say that there is none."""
    async with context.of(request).db.read() as conn:
        campaign = await report.find(request, conn, totals=True)
    streams: Streams = request.app.state.streams
    if is_over(campaign):
        return Response(status_code=204)  # tells a browser to come no more
    if not streams.has_room(campaign.id):
        return Response(status_code=503, headers={"Retry-After": "30"})
    return StreamingResponse(_news(request, campaign.id), 200, _HEADERS, "text/event-stream")


async def _news(request: Request, campaign_id: int) -> AsyncIterator[bytes]:
    streams: Streams = request.app.state.streams
    looks: Looks = request.app.state.looks
    seen: dict[str, int] = {}
    with streams.place(campaign_id):
        yield RETRY
        began = said = time.monotonic()
        while not streams.closed and time.monotonic() - began < LIFE:
            look = await looks.at(campaign_id, report.SOON / 1000)
            news = _changed(seen, report.parts(request, look))
            if news:
                yield _event("news", {"regions": news})
                said = time.monotonic()
            elif time.monotonic() - said >= BEAT:
                yield _event("beat", {})
                said = time.monotonic()
            if is_over(look.campaign):
                yield _event("end", {})
                return
            await streams.rest(report.again(look.campaign) / 1000)


def _changed(seen: dict[str, int], parts: Mapping[str, str]) -> dict[str, str]:
    """The parts that differ from those sent last, remembered by their hashes."""
    news = {name: html for name, html in parts.items() if seen.get(name) != hash(html)}
    seen.update({name: hash(html) for name, html in news.items()})
    return news


def _event(name: str, values: Mapping[str, object]) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + orjson.dumps(values) + b"\n\n"
