"""What stands around every page of the extranet: the sections, who is logged in, the way out.

In: a session, the section that a page belongs to. Out: the values of templates/x/nav.html, which base.html shows
wherever a page has `shell`; `page` renders a template with them. A section is one line of SECTIONS: its key (a text
under `nav.*`), path, the role that sees it, and whether only operators of the gateway do. Raises nothing of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway import i18n
from gateway.web import context
from gateway.web.extranet import gate
from gateway.web.extranet.gate import Session
from gateway.web.pages import page as rendered


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the navigation."""

    key: str
    path: str
    role: str = "read"
    operator: bool = False


SECTIONS = (
    Section("campaigns", "/campagnes"),
    Section("new", "/nouvelle", "send"),
    Section("senders", "/expediteurs"),
    Section("suppressed", "/desinscrits"),
    Section("consents", "/consentements"),
    Section("keys", "/cles", "admin"),
    Section("webhooks", "/webhooks", "admin"),
    Section("account", "/compte"),
    Section("queues", "/passerelle/files", operator=True),
    Section("addresses", "/passerelle/adresses", operator=True),
    Section("owners", "/passerelle/comptes", operator=True),
    Section("aside", "/passerelle/examen", operator=True),
)


def values(request: Request, session: Session, here: str = "") -> dict[str, Any]:
    """What base.html needs to show a page inside the extranet."""
    user, ctx = session.user, context.of(request)
    seen = [one for one in SECTIONS if user.may(one.role) and (user.operator or not one.operator)]
    return {
        "shell": {
            "user": user, "here": here, "home": gate.HOME, "proof": gate.proof(session, "logout"),
            "sections": [one for one in seen if not one.operator], "gateway": [one for one in seen if one.operator],
            "domain": ctx.domain,
        },
    }  # fmt: skip


def language(request: Request, session: Session) -> str:
    """The language of a page for a user."""
    return context.language(request, session.user.locale)


def page(
    request: Request, session: Session, template: str, here: str = "", status: int = 200, **more: Any
) -> HTMLResponse:
    """Render a page of the extranet; `at(ms)` and `day(ms)` write instants in the zone of the account."""
    locale, zone = language(request, session), session.user.timezone
    own = {
        "at": lambda ms, seconds=False: i18n.instant(locale, zone, ms, seconds),
        "day": lambda ms: i18n.day(locale, zone, ms),
        "user": session.user,
        "home": gate.HOME,
    }
    return rendered(template, locale, status, **values(request, session, here), **own, **more)
