"""The letters about a password: an invitation of a new user, a link for somebody who forgot theirs, and word of a change.

In: the desk. Out: a queued letter for each that is wanted, a few a turn. The link shows a page and acts on nothing but
its form (gateway.web.extranet.passwords). Raises what the database raises. Logs mail_answered.
"""

from __future__ import annotations

from config.logging import log
from gateway.i18n import text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.letter import Block, Button, Facts, Say
from gateway.letters.notice import Letter
from parsers.tokens import Keyring, Purpose, sign
from store import password_letters
from store.engine import now_ms
from store.users import User


def link(keyring: Keyring, url: str, user_id: int, serial: int) -> str:
    """The address of the page on which a password is chosen."""
    return f"{url}/x/p/{sign(keyring, Purpose.PASSWORD, user_id, serial)}"


async def write(desk: Desk) -> None:
    """Write those that are wanted."""
    async with desk.database.read() as conn:
        wanted = await password_letters.waiting(conn)
    for one in wanted:
        raw = await notice.built(desk, _letter(desk, one)) if one.user.email else b""
        async with desk.database.write() as conn:
            queued = await notice.queue(conn, _letter(desk, one), raw) if raw else None
            await password_letters.sent(conn, one, now_ms())
        if queued is not None:
            log("mail_answered", kind="password", account=one.user.account_id, notice=queued)


async def changed(desk: Desk, user: User, what: str) -> None:
    """Tell a user that something which opens doors was changed: password, codes_on, codes_off or program."""
    if not user.email:
        return
    said = {"account": user.account, "domain": desk.domain, "login": user.login}
    blocks: list[Block] = [
        Say(text(user.locale, f"password_letter.changed_{what}", **said)),
        Say(text(user.locale, "password_letter.changed_note", **said)),
    ]
    title = text(user.locale, "password_letter.changed_title")
    subject = text(user.locale, "password_letter.changed_subject", **said)
    letter = Letter(user.email, user.locale, subject, title, blocks, foot="password_letter.foot")
    queued = await notice.send(desk, letter)
    log("mail_answered", kind="changed", account=user.account_id, notice=queued)


def _letter(desk: Desk, one: password_letters.Letter) -> Letter:
    user, kind = one.user, "invitation" if one.invitation else "reset"
    locale = user.locale
    blocks: list[Block] = [
        Say(text(locale, f"password_letter.{kind}_body", account=user.account, domain=desk.domain)),
        Facts(((text(locale, "password_letter.login"), user.login),)),
        Button(
            text(locale, f"password_letter.{kind}_button"),
            link(desk.keyring, desk.settings.gateway.url, user.id, one.serial),
        ),
        Say(text(locale, f"password_letter.{kind}_note")),
    ]
    return Letter(
        to=user.email,
        locale=locale,
        subject=text(locale, f"password_letter.{kind}_subject", account=user.account, domain=desk.domain),
        title=text(locale, f"password_letter.{kind}_title"),
        blocks=blocks,
        foot="password_letter.foot",
    )
