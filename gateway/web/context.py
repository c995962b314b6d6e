"""What every page needs, made once by the composition root and handed over in the application's state.

In: the open database, the keys, the recorder of hits and three plain settings. Out: a frozen `Context`; `of(request)`
finds it again. Nothing is raised or logged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from starlette.requests import Request

from config.providers import Providers
from gateway import i18n
from gateway.intake.desk import Desk
from gateway.web.peer import LOOPBACK, Network
from gateway.web.recorder import Recorder
from parsers.hits import OURS, Rule
from parsers.tokens import Keyring
from store.engine import Database


@cache
def shipped() -> Providers:
    """The providers without an operator's own."""
    return Providers.load()


@dataclass(frozen=True, slots=True)
class Context:
    """`url` is the public address without a trailing slash; `locale` and `domain` are the gateway's;
    reports stay readable `report_days` after the end; `providers` are those in force, for their names;
    `machines` the rules by which robots are known; `proxies` the networks of what stands in front of us;
    `folder` is the data folder;
    `desk` is what taking messages and writing letters needs.
    """

    db: Database
    keyring: Keyring
    recorder: Recorder
    url: str
    domain: str
    locale: str
    report_days: float
    providers: Callable[[], Providers] = shipped
    machines: Callable[[], tuple[Rule, ...]] = lambda: OURS
    proxies: tuple[Network, ...] = LOOPBACK
    desk: Desk | None = None
    folder: Path | None = None


def of(request: Request) -> Context:
    """The context of the application that answers this request."""
    return cast(Context, request.app.state.context)


def language(request: Request, default: str) -> str:
    """The language of a page: `?lang=`, what was chosen in the extranet, then the reader's browser, then `default`."""
    asked = (
        request.query_params.get("lang") or request.cookies.get("m2c_lang") or getattr(request.state, "locale", None)
    )
    return i18n.negotiate(asked, request.headers.get("accept-language", ""), default)
