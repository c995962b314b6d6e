"""The letter to the operator about a certificate that cannot be had while time runs out.

In: how it goes with a name, the certificate that is served meanwhile. Out: one letter, queued in the transaction that
marks it told; without an operator's address it is logged only. Raises what the database raises. Logs operator_told.
"""

from __future__ import annotations

from config.certificate import Seen
from config.logging import log
from gateway.i18n import instant, text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.letter import Block, Facts, Points, Say
from gateway.letters.notice import Letter
from store import certificates
from store.certificates import Asked
from store.engine import now_ms


async def warn(desk: Desk, asked: Asked, served: Seen | None, before: int) -> bool:
    """Write to the operator, unless that was done since `before` (UTC ms)."""
    to = desk.settings.gateway.operator
    letter = _letter(desk, to, asked, served) if to else None
    raw = await notice.built(desk, letter) if letter else b""
    async with desk.database.write() as conn:
        if not await certificates.told(conn, asked.host, now_ms(), before):
            return False
        queued = await notice.queue(conn, letter, raw) if letter else None
    log("operator_told", kind="certificate", place=asked.host, why=asked.error, notice=queued)
    return True


def _letter(desk: Desk, to: str, asked: Asked, served: Seen | None) -> Letter:
    gateway = desk.settings.gateway
    locale, zone = gateway.locale, gateway.timezone
    values = {"host": asked.host}
    if served is not None:
        values["until"] = instant(locale, zone, int(served.ends.timestamp() * 1000))
    body = "letter_body" if served is not None else "letter_none"
    blocks: list[Block] = [
        Say(text(locale, f"certificate.{body}", **values)),
        Points(text(locale, "certificate.letter_why"), (asked.error,), "stop"),
        Facts(((text(locale, "certificate.letter_again"), instant(locale, zone, asked.again_at)),)),
        Say(text(locale, "certificate.letter_do", **values)),
    ]
    subject = text(locale, "certificate.letter_subject", **values)
    return Letter(to, locale, subject, text(locale, "certificate.letter_title"), blocks, stop=True)
