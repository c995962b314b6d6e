"""A letter of ours on its way: built, signed and queued ahead of every campaign.

In: to whom, subject, blocks, files, and the mail it answers. Out: the id of the notice that senders deliver with a null
return path (RFC 3834 section 3.3). Building and signing leave the event loop. Raises what the database raises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.i18n import text
from gateway.intake.desk import Desk
from gateway.letters.letter import Block, as_html, as_text
from mail.dkim import Signer
from mail.system import Correspondent, File, build
from parsers.tokens import Purpose, sign
from store import notices
from store.engine import now_ms

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Letter:
    """What to say to whom; `answers` is the Message-ID of the mail that it answers."""

    to: str
    locale: str
    subject: str
    title: str
    blocks: Sequence[Block]
    files: tuple[File, ...] = ()
    answers: str = ""
    campaign_id: int | None = None
    serial: int = 0  # what a reply to this letter may still do (store.talks); 0: only cancel
    reply_to: str = ""  # where replies go instead of to the campaign: this letter decides nothing
    foot: str = ""  # key of other small print than that of a letter that decides
    stop: bool = False  # nothing was sent: the head of the letter is red


async def send(desk: Desk, letter: Letter) -> int:
    """Queue a letter and return the notice's id."""
    raw = await built(desk, letter)
    async with desk.database.write() as conn:
        return await queue(conn, letter, raw)


async def built(desk: Desk, letter: Letter) -> bytes:
    """The whole signed mail of a letter."""
    return await asyncio.to_thread(_build, desk, letter, now_ms())


async def queue(conn: AsyncConnection, letter: Letter, raw: bytes) -> int:
    """Queue a letter that was built, inside an open transaction; returns the notice's id."""
    return await notices.add(conn, letter.campaign_id, letter.to, raw, now_ms())


def _build(desk: Desk, letter: Letter, now: int) -> bytes:
    domain = desk.domain
    # a letter about no campaign has no link that decides on one
    usual = "ack.foot" if letter.campaign_id is not None else "asking.foot"
    foot = text(letter.locale, letter.foot or ("ack.foot_copy" if letter.reply_to else usual), domain=domain)
    reply = letter.reply_to
    if letter.campaign_id is not None and not reply:
        reply = f"campagne+{sign(desk.keyring, Purpose.REPLY, letter.campaign_id, letter.serial)}@{domain}"
    return build(
        to=Correspondent("", letter.to),
        from_=Correspondent(domain, f"mail@{domain}"),
        subject=letter.subject,
        text=as_text(letter.title, letter.blocks, foot),
        html=as_html(letter.locale, letter.title, letter.blocks, foot, letter.stop),
        attachments=letter.files,
        in_reply_to=letter.answers,
        references="",
        reply_to=reply,
        now=now,
        message_id="",
        signer=_signer(desk),
    )


def _signer(desk: Desk) -> Signer | None:
    return next((signer for signer in desk.signers if signer.domain == desk.domain and signer.kind == "rsa"), None)
