"""Compte > Le compte: what stands under the mails, language, zone, validation, and the attestation of consents.

In: `GET /x/compte`, and the POST of its forms (`/reglages`, `/attestation`, `/retrait`), which admins alone may send.
Out: a page; after a form a redirect to it that says what was done. Taking an attestation back acts at once, on mails
already sent too. Raises what the gate raises. Logs account_changed.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from config.logging import log
from gateway import i18n
from gateway.web import context
from gateway.web.context import Context
from gateway.web.extranet import gate, shell
from gateway.web.extranet.gate import HOME, Session
from store import account_settings, accounts, consents, talks
from store.engine import now_ms

PAGE = f"{HOME}/compte"
ZONES = (
    "Europe/Paris", "America/Guadeloupe", "America/Martinique", "America/Cayenne", "Indian/Reunion", "Indian/Mayotte",
    "America/Miquelon", "Pacific/Noumea", "Pacific/Tahiti", "Pacific/Wallis", "Europe/Brussels", "Europe/Zurich",
    "Europe/Luxembourg", "Europe/London", "America/Montreal", "Africa/Abidjan", "Africa/Casablanca", "Africa/Tunis", "UTC",
)  # fmt: skip
_LINE, _TEXT = 200, 2_000


async def show(request: Request) -> Response:
    """The page."""
    return await _page(request, await gate.signed_in(request))


async def _page(request: Request, session: Session, doubt: str = "", typed: dict[str, str] | None = None) -> Response:
    number = session.user.account_id
    async with context.of(request).db.read() as conn:
        account = await accounts.get_account(conn, number)
        attested = await account_settings.attested(conn, number)
        waits = await talks.validates(conn, number)
    assert account is not None
    zones = ZONES if account.timezone in ZONES else (account.timezone, *ZONES)
    values: dict[str, Any] = {
        "account": account, "waits": waits, "zones": [(zone, i18n.town(zone)) for zone in zones],
        "attested": attested, "stands": next((one for one in attested if one.withdrawn_at is None), None),
        "may": session.user.may("admin"), "doubt": doubt, "typed": typed or {},
        "proof": gate.proof(session, "account"), "done": told(request, DONE), "tab": "account",
    }  # fmt: skip
    return shell.page(request, session, "x/account.html", "account", 422 if doubt else 200, **values)


DONE = ("settings", "attested", "withdrawn")


def told(request: Request, known: tuple[str, ...]) -> str:
    """What a form before this page did, as its address says."""
    word = request.query_params.get("done", "")
    return word if word in known else ""


async def settings(request: Request) -> Response:
    """Change what stands under the mails, the language, the zone, and whether campaigns wait for a word."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    sent = await gate.form(request, session, "account")
    legal, address = line(sent.get("legal_name")), block(sent.get("address"))
    locale, zone = i18n.known(line(sent.get("locale"))), line(sent.get("timezone"))
    if zone not in available_timezones():
        return await _page(request, session, "zone")
    ZoneInfo(zone)
    number = session.user.account_id
    async with ctx.db.write() as conn:
        await account_settings.change(conn, number, legal, address, locale, zone)
        await talks.set_validation(conn, number, sent.get("validation") == "yes")
    log("account_changed", account=number, what="settings", by=session.user.login)
    return RedirectResponse(f"{PAGE}?done=settings", 303)


async def attest(request: Request) -> Response:
    """Record that the account's recipients have consented to be followed, in whose words."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    sent = await gate.form(request, session, "account")
    by, wording = line(sent.get("by")), block(sent.get("wording"))
    if not by or len(wording) < 20 or sent.get("sure") != "yes":
        return await _page(request, session, "attest", {"by": by, "wording": wording})
    async with ctx.db.write() as conn:
        await accounts.attest(conn, session.user.account_id, f"{by} ({session.user.login})", wording, now_ms())
    log("account_changed", account=session.user.account_id, what="attested", by=session.user.login)
    return RedirectResponse(f"{PAGE}?done=attested", 303)


async def withdraw(request: Request) -> Response:
    """Take back what was attested: nobody is followed by it any more, on mails already sent neither."""
    ctx, session = context.of(request), await gate.signed_in(request, "admin")
    await gate.form(request, session, "account")
    number = session.user.account_id
    async with ctx.db.write() as conn:
        await consents.withdraw_attestation(conn, number, session.user.login, now_ms())
    log("account_changed", account=number, what="withdrawn", by=session.user.login)
    answer = RedirectResponse(f"{PAGE}?done=withdrawn", 303)
    answer.background = BackgroundTask(_unfollow, ctx, number)
    return answer


async def _unfollow(ctx: Context, account_id: int) -> None:
    after = 0
    while True:  # a step a transaction: senders write in between
        async with ctx.db.write() as conn:
            step = await consents.unfollow_attested(conn, account_id, after, ctx.recorder.keys)
        if step is None:
            return
        after = step[0]


def line(value: object) -> str:
    """One line that somebody typed."""
    return " ".join(str(value or "").replace("\0", "").split())[:_LINE]


def block(value: object) -> str:
    """Some lines that somebody typed."""
    rows = (" ".join(row.split()) for row in str(value or "").replace("\0", "").splitlines())
    return "\n".join(rows).strip()[:_TEXT]
