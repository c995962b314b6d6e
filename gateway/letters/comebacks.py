"""The letter to somebody who left and wants to come back: one link, sent to the address itself (proof that it is theirs).

In: the desk. Out: a queued letter for each that waits, a few a turn. Raises what the database raises. Logs mail_answered.
"""

from __future__ import annotations

from config.logging import log
from gateway.i18n import text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.letter import Button, Say
from gateway.letters.notice import Letter
from parsers.tokens import Purpose, sign
from store import comebacks
from store.comebacks import Comeback
from store.engine import now_ms

_DAY = 86_400_000


async def invite(desk: Desk) -> None:
    """Write to those who asked."""
    async with desk.database.read() as conn:
        waiting = await comebacks.waiting(conn)
    for one in waiting:
        letter = _letter(desk, one, now_ms())
        raw = await notice.built(desk, letter) if one.address else b""
        async with desk.database.write() as conn:
            queued = await notice.queue(conn, letter, raw) if one.address else None
            await comebacks.sent(conn, one.recipient_id, now_ms())
        if queued is not None:
            log("mail_answered", kind="comeback", notice=queued)


def _letter(desk: Desk, one: Comeback, now: int) -> Letter:
    token = sign(desk.keyring, Purpose.RETURN, one.recipient_id, now // _DAY % 4096)
    said = {"sender": one.sender, "address": one.address}
    return Letter(
        to=one.address,
        locale=one.locale,
        subject=text(one.locale, "comeback.subject", sender=one.sender),
        title=text(one.locale, "comeback.title"),
        blocks=(
            Say(text(one.locale, "comeback.body", **said)),
            Button(text(one.locale, "comeback.button"), f"{desk.settings.gateway.url}/b/{token}"),
            Say(text(one.locale, "comeback.note")),
        ),
        foot="comeback.foot",
    )
