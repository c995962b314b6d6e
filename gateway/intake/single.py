"""A single transactional message: from a program's request, or from a mail that its account's login submitted.

In: the account, its sender, the message, who gets it. Out: a campaign of its own in the fast lane, without list, tags,
followed links or acknowledgement, in one transaction; or why a recipient may not be written to. The same message (Message-ID,
content, recipients) within 30 days is one. It keeps no trace of its reader but the day of the last open, where the account
said so (SPEC 6). Raises what the database and the reading process raise. Logs message_taken.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from config import tracing
from config.logging import log
from gateway.intake import alignment, judge
from gateway.intake.desk import Desk
from parsers.address import Found, parse
from parsers.address import key as folded
from store import accounts, campaigns, consents, singles, suppressions
from store.engine import now_ms
from store.spool import Envelope
from store.suppressions import Suppressed
from store.values import Account, NewCampaign, NewRecipient, Sender, Tracked

MOST = 100  # recipients of one message


@dataclass(frozen=True, slots=True)
class Single:
    """A message and those who get it."""

    account: Account
    sender: Sender
    from_name: str
    subject: str
    reply_to: str
    message_id: str
    people: tuple[Found, ...]
    raw: bytes


def full(account: Account, waiting: int) -> bool:
    """Whether an account has so many messages waiting that its cap needs an hour for them."""
    return waiting >= (account.transactional_per_hour or 0)


async def barred(desk: Desk, account_id: int, people: Sequence[Found]) -> dict[str, Suppressed]:
    """Who of these may not be written to, by address; who only left the newsletters may."""
    keys = {folded(one.address): one.address for one in people}
    async with desk.database.read() as conn:
        found = await suppressions.find(conn, account_id, list(keys), desk.suppression, now_ms(), single=True)
    return {keys[key]: why for key, why in found.items()}


async def create(desk: Desk, message: Single) -> tuple[int, bool]:
    """Make a message exist; its number, and False when it existed before."""
    way = tracing.Way("", now_ms())
    author = await alignment.look(desk.resolver, desk.signers, message.sender.address)
    new = _campaign(desk, message)
    async with desk.database.write() as conn:
        begun = await campaigns.begin(conn, new, message.raw)
        if isinstance(begun, campaigns.Existing):
            return begun.campaign_id, False
        await campaigns.add_rows(conn, begun, await _rows(conn, desk, message), (), 0)
        token = campaigns.report_token(desk.report_secret, begun)
        campaign = await campaigns.prepare(conn, begun, token, now_ms())
        campaign = await alignment.settle(conn, campaign, author)
        await campaigns.reveal(conn, campaign, replaces=False)
    way.end(begun)
    log("message_taken", account=message.account.id, campaign=begun, recipients=len(message.people))
    return begun, True


async def _rows(conn: AsyncConnection, desk: Desk, message: Single) -> list[NewRecipient]:
    keys = [folded(one.address) for one in message.people]
    said = await consents.standing(conn, message.account.id, keys, desk.suppression)

    def mode(key: str) -> Tracked:
        return Tracked.HYGIENE if message.account.hygiene and said.get(key) is not False else Tracked.ANONYMOUS

    return [
        NewRecipient(at, 0, one.address, key, one.name, (one.address,), mode(key))
        for at, (one, key) in enumerate(zip(message.people, keys, strict=True), 1)
    ]


def _campaign(desk: Desk, message: Single) -> NewCampaign:
    account, sender = message.account, message.sender
    name, address = judge.footer(account)
    to = "\0".join(sorted(folded(one.address) for one in message.people))
    body = message.raw.partition(b"\r\n\r\n")[2]
    mark = f"single\0{sender.address.casefold()}\0{message.message_id}\0{to}\0".encode("utf-8", "replace")
    now = now_ms()
    return NewCampaign(
        account_id=account.id,
        sender_id=sender.id,
        subject=message.subject[: judge.SUBJECT_KEPT],
        name=message.subject[: judge.SUBJECT_KEPT],
        from_name=message.from_name or sender.name,
        from_address=sender.address,
        reply_to=message.reply_to,
        message_id=message.message_id,
        message_key=hashlib.sha256(mark + body).hexdigest(),
        locale=account.locale,
        timezone=account.timezone,
        columns=("Email",),
        address_column=0,
        options={
            "single": True, "type": "transactional", "bulk": False, "unsubscribe": False, "footer_name": name,
            "footer_address": address, "feedback": f"{account.id}:single:{desk.domain.replace('.', '-')}",
            "list_id": "", "attachments": "attached", "author": sender.address.casefold(), "tracking": "auto",
            "rate": None, "documents": None, "aggregate_opens": False, "hidden_link": False,
        },
        held=(),
        send_at=None,
        created_at=now,
    )  # fmt: skip


async def take(desk: Desk, ref: str, envelope: Envelope, raw: bytes) -> None:
    """A submitted mail of the spool becomes a message for those of its recipients who may still be written to."""
    summary = await _read(desk, ref, len(raw))
    async with desk.database.read() as conn:
        account = await accounts.get_account(conn, envelope.account_id or 0)
        sender = await accounts.find_sender(conn, summary["from_address"])
    fits = account is not None and not account.suspended and account.transactional_per_hour
    if not fits or account is None or sender is None or sender.account_id != account.id:
        log("mail_ignored", ref=ref, kind=envelope.kind, why="suspended or undeclared meanwhile")
        return
    people = tuple(found[0] for one in envelope.rcpt_to if (found := parse(one)) and found[0].fault is None)
    out = await barred(desk, account.id, people)
    left = tuple(one for one in people if one.address not in out)
    if left:
        words = (summary["from_name"], summary["subject"], summary["reply_to"], summary["message_id"])
        await create(desk, Single(account, sender, *words, left, raw))


async def _read(desk: Desk, ref: str, size: int) -> dict[str, str]:
    request = {"do": "single", "path": str(desk.spool.path(ref))}
    found: dict[str, str] = {}
    async with contextlib.aclosing(desk.readers.ask(request, size)) as answers:  # type: ignore[type-var]
        async for answer in answers:  # to the very end: the process goes back to the pool only then
            found = answer
    return found


async def overfull(desk: Desk, account: Account) -> bool:
    """Whether an account's cap is spent for the hour to come."""
    async with desk.database.read() as conn:
        return full(account, await singles.waiting(conn, account.id))
