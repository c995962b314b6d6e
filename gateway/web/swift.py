"""The short way for what is asked for most: the pixel and the links of mails that are followed in full.

In: ASGI requests. Out: for `/o/TOKEN.gif`, and for `/c/TOKEN` whose target has no merged values, exactly what
gateway.web.track answers, at a fraction of its price; everything else goes on to the application as it came. The security
headers are Guard's.
Raises nothing of its own; logs nothing.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.web import track
from gateway.web.context import Context
from gateway.web.guard import HEADERS
from gateway.web.lookup import Lookup
from mail.places import resolved
from parsers.bursts import PIXEL
from parsers.hits import PURPOSES, Asked, judge
from parsers.tokens import LENGTH, Purpose, verify
from parsers.useragent import LIMIT
from store.engine import now_ms
from store.hits import Hit
from store.values import Tracked

_COMMON = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()] + [
    (b"cache-control", b"no-store")
]
_GIF = {
    "type": "http.response.start", "status": 200,
    "headers": [(b"content-length", str(len(track.GIF)).encode()), (b"content-type", b"image/gif"), *_COMMON],
}  # fmt: skip
_BODY = {"type": "http.response.body", "body": track.GIF}
_EMPTY = {"type": "http.response.body", "body": b""}
_WANTED = frozenset((b"user-agent", b"range", *(name.encode() for name in PURPOSES)))
_PURPOSES = tuple(name.encode() for name in PURPOSES)
_OPEN, _CLICK = len("/o/") + LENGTH + len(".gif"), len("/c/") + LENGTH


class Swift:
    """Stands in front of the application."""

    def __init__(self, app: ASGIApp, ctx: Context, links: track.Links) -> None:
        self.app, self._ctx, self._links, self._lookup = app, ctx, links, Lookup(ctx.db)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            path: str = scope["path"]
            if len(path) == _OPEN and path.startswith("/o/") and path.endswith(".gif"):
                found = verify(self._ctx.keyring, Purpose.OPEN, path[3:-4])
                if found is not None:
                    await self._ctx.recorder.record(self._hit(scope, found[0], PIXEL))
                    await send(_GIF)
                    await send(_BODY)
                    return
            elif len(path) == _CLICK and path.startswith("/c/"):
                location = await self._click(scope, path[3:])
                if location is not None:
                    head = [(b"content-length", b"0"), (b"location", location), *_COMMON]
                    await send({"type": "http.response.start", "status": 302, "headers": head})
                    await send(_EMPTY)
                    return
        await self.app(scope, receive, send)

    async def _click(self, scope: Scope, token: str) -> bytes | None:
        """Where a click leads, once it is on disk; None for the long way."""
        found = verify(self._ctx.keyring, Purpose.CLICK, token)
        if found is None:
            return None
        try:
            async with asyncio.timeout(track.READ):
                person = await self._lookup.find(found[0])
                target = None if person is None else await self._target(person.campaign_id, found[1])
        except TimeoutError:
            return None
        if person is None or target is None:
            return None
        if person.tracked == Tracked.FULL:
            await self._ctx.recorder.record(self._hit(scope, found[0], found[1]))
        return target

    async def _target(self, campaign_id: int, index: int) -> bytes | None:
        campaign = self._links.known(campaign_id)
        if campaign is None:
            async with self._ctx.db.read() as conn:
                campaign = await self._links.campaign(conn, campaign_id)
        link = track.link_of(campaign, index)
        if link is None or link.get("merged"):
            return None
        return _location(str(link["target"]))

    def _hit(self, scope: Scope, recipient_id: int, link: int) -> Hit:
        said = {name: value for name, value in scope["headers"] if name in _WANTED}
        agent = said.get(b"user-agent", b"").decode("latin-1").strip()[:LIMIT]
        purpose = next((said[name] for name in _PURPOSES if name in said), b"").decode("latin-1")[:100]
        asked = Asked(scope["method"], agent, purpose, said.get(b"range", b"").decode("latin-1")[:100])
        verdict = judge(asked, self._ctx.machines())
        return Hit(recipient_id, now_ms(), link, agent, verdict.reason, verdict.sure)


@lru_cache(maxsize=4_096)
def _location(target: str) -> bytes | None:
    url = resolved((target,), ())
    return None if url is None or not url.lower().startswith(("http://", "https://")) else track.location(url)
