"""Under which name a page is asked for, and what is served under it.

In: ASGI requests with their Host. Out: under the gateway's own names (its domain, the host of its pages, an address or a
name without a dot, by which machines of one network call each other) everything; under every other name, which is that of
an account's host or of somebody who only points here, what recipients need and nothing else: no login, report, API or
figures, so that no page of ours with a session can be drawn under a stranger's name. Where this process serves https
itself, a plain request to our own name is sent there: GET and HEAD, from elsewhere than the proxies, with 308. Raises
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from config.urls import is_address
from gateway.web import context
from gateway.web.pages import problem
from gateway.web.peer import Network, within

# links, pixels, their shared forms, refusals of tracking, unsubscribing and back, files; then what all pages load
_FOR_ALL = ("/o/", "/c/", "/a/", "/h/", "/l/", "/t/", "/u/", "/b/", "/f/", "/static/", "/.well-known/", "/robots.txt")
_PLAIN = ("/.well-known/", "/healthz", "/readyz", "/metrics")


class Names:
    """Middleware around the whole application."""

    def __init__(
        self, app: ASGIApp, domain: str = "", url: str = "", secure: bool = False, proxies: Sequence[Network] = ()
    ) -> None:
        self.app, self._url, self._secure, self._proxies = app, url, secure, proxies
        self._own = {domain.lower(), (urlsplit(url).hostname or "").lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, path = Request(scope), scope["path"]
        host = _host(request.headers.get("host", ""))
        if not self._ours(host):
            if not path.startswith(_FOR_ALL):
                await problem(context.language(request, context.of(request).locale), 404)(scope, receive, send)
                return
        elif self._elsewhere(request, host, path):
            query = f"?{request.url.query}" if request.url.query else ""
            await RedirectResponse(f"{self._url}{request.url.path}{query}", 308)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _ours(self, host: str) -> bool:
        return host in self._own or "." not in host.rstrip(".") or is_address(host)

    def _elsewhere(self, request: Request, host: str, path: str) -> bool:
        """Whether a plain request is to come again by https."""
        if not self._secure or request.url.scheme != "http" or request.method not in ("GET", "HEAD"):
            return False
        peer = request.client.host if request.client else ""
        return host in self._own and not path.startswith(_PLAIN) and not within(peer, self._proxies)


def _host(said: str) -> str:
    """The name in a Host field, without its port, in lower case; "" for one that is none."""
    try:
        return (urlsplit(f"//{said}").hostname or "").rstrip(".")
    except ValueError:
        return "?.invalid"  # no name of ours
