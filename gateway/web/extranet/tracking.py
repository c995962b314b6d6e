"""Campagnes > Suivi: the campaigns of an account, newest first, each with its state, its figures and how it stands.

In: `GET /x/campagnes` with `q` (words), `state` (a group of states) and the key of a page. Out: a page. Raises what the
gate raises.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from gateway.figures import stats
from gateway.web import context
from gateway.web.extranet import gate, shell
from gateway.web.view import RING
from store import campaign_list
from store.campaign_list import GROUPS, Key, Line

ROWS = 20
_SEARCH = 100


async def show(request: Request) -> Response:
    """The list."""
    session = await gate.signed_in(request)
    asked = request.query_params
    group = asked.get("state", "all") if asked.get("state", "all") in GROUPS else "all"
    words = " ".join(asked.get("q", "")[:_SEARCH].replace("\0", "").split())
    after, before = key(asked.get("after", "")), key(asked.get("before", ""))
    async with context.of(request).db.read() as conn:
        found = await campaign_list.page(conn, session.user.account_id, group, words, ROWS, after, before)

    def url(**changes: str) -> str:
        values = {"state": group if group != "all" else "", "q": words} | changes
        text = urlencode({name: value for name, value in values.items() if value})
        return f"{gate.HOME}/campagnes{'?' if text else ''}{text}"

    values: dict[str, Any] = {
        "lines": [_line(line) for line in found.lines], "groups": list(GROUPS), "group": group, "words": words,
        "url": url, "first": not (after or before),
        "next": url(after=written(found.next)) if found.next else "",
        "previous": url(before=written(found.previous)) if found.previous else "",
    }  # fmt: skip
    return shell.page(request, session, "x/campaigns.html", here="campaigns", **values)


def key(text: str) -> Key | None:
    """The key of a page as it stands in an address; None for what is none."""
    first, dash, second = text.partition("-")
    if not (dash and first.isascii() and second.isascii() and first.isdigit() and second.isdigit() and len(text) < 36):
        return None
    return int(first), int(second)


def written(place: Key) -> str:
    """A key as it stands in an address."""
    return f"{place[0]}-{place[1]}"


def _line(line: Line) -> dict[str, Any]:
    """One campaign with its strip of statuses: (status, count, start and width in hundredths)."""
    ledger, strip, at = line.ledger, [], 0.0
    for status in RING:
        count = ledger.statuses.get(status, 0)
        if count:
            width = 100 * count / max(ledger.recipients, 1)
            strip.append((status.code, count, round(at, 2), round(width, 2)))
            at += width
    rates = {rate.key: rate.over_whole for rate in stats.rates(ledger)}
    done = stats.done(ledger)
    return {
        "line": line, "strip": strip, "open": rates["open"], "click": rates["click"], "bounce": rates["bounce"],
        "share": done / ledger.recipients if ledger.recipients else 0.0,
    }  # fmt: skip
