"""Mail for postmaster@ and abuse@: forwarded to the operator as it is, or kept where an operator looks.

In: such a mail in the spool. Out: a letter to `[gateway] operator` that carries it as an attachment, PER_HOUR of them and
BYTES_PER_HOUR at most; what is above, and all of it without an operator's address, is kept in the spool's folder
`postmaster`, the newest KEPT bytes of it. A mail that came from our own letters (null sender, no operator's matter) is kept,
too: two machines must not write to each other for ever. Raises OSError and what the database raises. Logs operator_told.
"""

from __future__ import annotations

import asyncio
from collections import deque

from config.logging import log
from gateway.i18n import instant, text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.letter import Block, Facts, Say
from gateway.letters.notice import Letter
from mail.system import File
from parsers import headers
from store.engine import now_ms
from store.spool import Envelope

PER_HOUR = 60
BYTES_PER_HOUR = 20_000_000
WHOLE = 2_000_000  # bytes of a mail that is attached whole; of a larger one its beginning
KEPT = 50_000_000
_HOUR = 3_600_000
_LINE = 998  # RFC 5322 2.1.1


class Postbox:
    """Forwards or keeps; one a gateway."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._sent: deque[tuple[int, int]] = deque()  # when, bytes

    async def take(self, ref: str, envelope: Envelope, raw: bytes) -> None:
        """Carry one mail to its end; it leaves the spool's queue."""
        desk, to, now = self._desk, self._desk.settings.gateway.operator, now_ms()
        sent = None
        whole = len(raw) <= WHOLE
        if to and envelope.mail_from and self._room(now, min(len(raw), WHOLE)):
            sent = await notice.send(desk, self._letter(to, ref, envelope, raw))
        log("operator_told", kind="postmaster", ref=ref, place=", ".join(envelope.rcpt_to), notice=sent)
        if sent is not None and whole:
            await asyncio.to_thread(desk.spool.done, ref)
        else:
            await asyncio.to_thread(desk.spool.keep, ref, KEPT)

    def _room(self, now: int, size: int) -> bool:
        while self._sent and self._sent[0][0] <= now - _HOUR:
            self._sent.popleft()
        if len(self._sent) >= PER_HOUR or size + sum(one for _, one in self._sent) > BYTES_PER_HOUR:
            return False
        self._sent.append((now, size))
        return True

    def _letter(self, to: str, ref: str, envelope: Envelope, raw: bytes) -> Letter:
        gateway = self._desk.settings.gateway
        locale, told = gateway.locale, ", ".join(envelope.rcpt_to)
        fields, _ = headers.read_fields(raw)
        subject = headers.text(headers.first(fields, "subject"))
        facts = [
            ("from", envelope.mail_from), ("peer", envelope.peer),
            ("date", instant(locale, gateway.timezone, envelope.received_at)),
        ]  # fmt: skip
        blocks: list[Block] = [
            Say(text(locale, "operator.mail_body", to=told)),
            Facts(tuple((text(locale, f"operator.mail_{name}"), value) for name, value in facts)),
        ]
        if len(raw) > WHOLE:
            blocks.append(Say(text(locale, "operator.mail_cut", folder="spool/postmaster", ref=ref)))
        return Letter(
            to=to,
            locale=locale,
            subject=text(locale, "operator.mail_subject", to=told, subject=subject[:200]),
            title=text(locale, "operator.mail_title"),
            blocks=blocks,
            files=(_attached(raw[:WHOLE]),),
        )


def _attached(raw: bytes) -> File:
    """The mail as an attachment: a message where it may travel unencoded (RFC 2046 5.2.1), else a file of one."""
    lines = raw.split(b"\r\n")
    plain = raw.isascii() and b"\0" not in raw and max(map(len, lines)) <= _LINE
    bare = any(b"\n" in line or b"\r" in line for line in lines)
    return File("message.eml", "message/rfc822" if plain and not bare else "application/octet-stream", raw)
