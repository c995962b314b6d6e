"""A STOP that somebody answered to a campaign's author, who forwards it to stop@: the person gets no more of the account.

In: such a mail from a proved sender (SPEC 1). Out: the authors of the forwarded mails stand on the account's suppression
list, the recipients whose tokens stand in them are unsubscribed, and a letter says whom it was about, or that no heading
named anybody. The account's own senders and the gateway are never meant. Machines are not answered. Raises what the
database raises, and Unread. Logs stop_read, mail_ignored and mail_answered.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from config.logging import log
from gateway.i18n import text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.letter import Block, Points, Say
from gateway.letters.notice import Letter
from gateway.returns.incoming import INSIDE
from gateway.smtp.senders import author
from parsers import headers
from parsers.address import key
from parsers.tokens import verify
from store import accounts, campaigns, events, reports, suppression_list
from store.engine import now_ms
from store.spool import Envelope
from store.states import Event
from store.suppression_list import New
from store.values import Account, Change

_MOST = 20  # people that one mail is about


@dataclass(frozen=True, slots=True)
class _Meant:
    """Whom a forwarded mail is about: recipients of the account, and addresses."""

    people: tuple[int, ...]
    addresses: tuple[str, ...]


async def take(desk: Desk, envelope: Envelope, raw: bytes, ref: str) -> None:
    """Carry a forwarded STOP to its end."""
    found = await _read(desk, ref, envelope, len(raw))
    to = author(headers.read_fields(raw)[0])
    async with desk.database.read() as conn:
        account = await accounts.get_account(conn, envelope.account_id or 0)
        meant = await _meant(desk, conn, account, found) if account else None
    if account is None or meant is None or to is None or found["automatic"]:
        log("mail_ignored", ref=ref, kind=envelope.kind)
        return
    await _obey(desk, account, meant, envelope.received_at)
    letter = _letter(account, meant, to, found)
    log("mail_answered", ref=ref, kind="stop", account=account.id, notice=await notice.send(desk, letter))


async def _read(desk: Desk, ref: str, envelope: Envelope, size: int) -> dict[str, Any]:
    request = {"do": "forwarded", "path": str(desk.spool.path(ref)), "mail_from": envelope.mail_from}
    found: dict[str, Any] = {}
    async with contextlib.aclosing(desk.readers.ask(request, size)) as answers:  # type: ignore[type-var]
        async for answer in answers:  # to the very end: the process goes back to the pool only then
            found = answer
    return found


async def _meant(desk: Desk, conn: AsyncConnection, account: Account, found: dict[str, Any]) -> _Meant:
    people: dict[int, str] = {}
    for token in found["tokens"]:
        number = next((one[0] for purpose in INSIDE if (one := verify(desk.keyring, purpose, token))), None)
        if number is None or number in people or len(people) >= _MOST:
            continue
        person = await reports.person(conn, number)
        campaign = await campaigns.get(conn, person.campaign_id) if person else None
        if person is not None and campaign is not None and campaign.account_id == account.id:
            people[number] = person.address
    own = {key(sender.address) for sender in await accounts.list_senders(conn, account.id)}
    named = (*found["authors"], *people.values())
    addresses = {
        key(address): address
        for address in named
        if key(address) not in own and not key(address).endswith(f"@{desk.domain}")
    }
    return _Meant(tuple(people), tuple(addresses.values()))


async def _obey(desk: Desk, account: Account, meant: _Meant, at: int) -> None:
    changes = [Change(number, Event.UNSUBSCRIBE, at, detail={"why": "mailto"}) for number in meant.people]
    entries = [New(address, "unsubscribe", at) for address in meant.addresses]
    async with desk.database.write() as conn:
        if changes:
            await events.apply(conn, changes, desk.suppression)
        if entries:
            await suppression_list.put(conn, account.id, entries, desk.suppression, now_ms())
    for number in meant.people:
        log("stop_read", recipient=number, way="forwarded")


def _letter(account: Account, meant: _Meant, to: str, found: dict[str, Any]) -> Letter:
    locale, done = account.locale, bool(meant.addresses)
    blocks: list[Block] = [Say(text(locale, "stop.body" if done else "stop.nobody"))]
    if done:
        blocks.append(Points(text(locale, "stop.who"), meant.addresses))
        blocks.append(Say(text(locale, "stop.note")))
    return Letter(
        to=to,
        locale=locale,
        subject=text(locale, "talk.subject", subject=found["subject"][:200]),
        title=text(locale, "stop.title" if done else "stop.title_nobody"),
        blocks=blocks,
        answers=found["message_id"],
        stop=not done,
    )
