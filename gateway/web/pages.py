"""Pages from templates, the static files, and what is said when something is not there.

In: a template's name, a language and values. Out: HTML answers; every value is escaped (autoescape), a value that is
missing raises (a bug, found by tests). Static files carry a hash of their content in the address, are kept for a year and
are compressed once. `problem` is the page for 404, 410, 413, 500 and their like. Nothing is logged here.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from gateway import i18n
from gateway.web import compress
from mail.download import size

_HERE = Path(__file__).parent
STATIC = {
    "app.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "extranet.js": "text/javascript; charset=utf-8",
    "extranet.css": "text/css; charset=utf-8",
    "grid.css": "text/css; charset=utf-8",
    "grid.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

_environment = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@cache
def _static(name: str) -> tuple[bytes, str, bytes]:
    data = (_HERE / "static" / name).read_bytes()
    return data, hashlib.sha256(data).hexdigest()[:12], gzip.compress(data, 9, mtime=0)


def asset(name: str) -> str:
    """The address of a static file; it changes with the content."""
    return f"/static/{_static(name)[1]}/{name}"


_environment.globals.update(asset=asset, town=i18n.town, LOCALES=i18n.LOCALES)


def html(template: str, locale: str, **values: Any) -> str:
    """Render a template in one language."""
    words = {
        "locale": locale,
        "t": partial(i18n.text, locale),
        "tn": partial(i18n.plural, locale),
        "number": partial(i18n.number, locale),
        "percent": partial(i18n.percent, locale),
        "size": partial(size, locale),
    }
    return _environment.get_template(template).render(**words, **values)


def page(template: str, locale: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Answer with a rendered template."""
    headers = {"Content-Language": locale}
    return HTMLResponse(html(template, locale, **values), status, headers)


_PROBLEMS = {
    400: "method",
    403: "forbidden",
    404: "not_found",
    405: "method",
    408: "busy",
    410: "gone",
    413: "large",
    503: "busy",
}


def problem(locale: str, status: int, key: str = "") -> HTMLResponse:
    """The page of an error; `key` names other words than those of the status."""
    key = key or f"error.{_PROBLEMS.get(status, 'failed')}"
    response = page("problem.html", locale, status, code=status, key=key)
    if status == 503:
        response.headers["Retry-After"] = "10"
    return response


async def static(request: Request) -> Response:
    """Serve one of our files; an old hash gets the current file, uncached."""
    name = request.path_params["name"]
    if name not in STATIC:
        return problem(i18n.DEFAULT, 404)
    data, version, packed = _static(name)
    fresh = request.path_params["version"] == version
    headers = {"Vary": "Accept-Encoding"}
    headers["Cache-Control"] = "public, max-age=31536000, immutable" if fresh else "no-store"
    if compress.takes_gzip(request.headers) and len(packed) < len(data):
        data, headers["Content-Encoding"] = packed, "gzip"
    return Response(data, media_type=STATIC[name], headers=headers)
