"""By which right a reader of a campaign is here (gateway.actions.powers), from how they came to it (gateway.web.access).

In: a request whose campaign was found. Out: a `Hand`, and who it is. Pure; raises nothing.
"""

from __future__ import annotations

from starlette.requests import Request

from gateway.actions.powers import Hand
from gateway.web import access

_ROLES = {"admin": Hand.ADMIN, "send": Hand.SENDER}


def of(request: Request) -> Hand:
    """The right of a link or a login."""
    found = access.of(request)
    if found.session is None:
        return Hand.AUTHOR if found.power >= access.Power.HALT else Hand.SHARED
    if found.power is access.Power.SEND:
        return _ROLES.get(found.session.user.role, Hand.SENDER)
    return Hand.CARETAKER if found.power is access.Power.HALT else Hand.READER


def who(request: Request) -> str:
    """The login; empty for a link, of which only that it is known."""
    session = access.of(request).session
    return session.user.login if session is not None else ""
