"""Single transactional messages by the API: sent, told, summed up by day and sender.

In: checked calls. Out: documents. A message is in the fast lane once the answer is given; who is suppressed gets none (422
with the reason), an account whose cap is spent waits (429). Raises Problem.
"""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import secrets
from base64 import b64decode
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from starlette.responses import Response

from gateway.api import cursor
from gateway.api.handlers.telling import at
from gateway.api.models.campaigns import EventDocument, Mailbox
from gateway.api.models.common import when
from gateway.api.models.messages import (
    DayDocument,
    DayQuery,
    Days,
    MessageDocument,
    MessageQuery,
    MessageRecipient,
    Messages,
    MessageStory,
    NewMessage,
)
from gateway.api.once import fingerprint, once, word
from gateway.api.operation import Call, Reply
from gateway.api.problems import Fault, Problem, one
from gateway.api.serving import written
from gateway.intake import single
from gateway.intake.single import Single
from parsers.address import Found, parse
from store import accounts, reports, singles
from store.singles import DAY, Message
from store.values import Sender

_EVENTS = 200
_DAYS = 366


async def send(call: Call) -> Response:
    """Send a message."""
    asked: NewMessage = call.body
    return await once(call, fingerprint(call, asked.model_dump_json().encode()), lambda: _sent(call, asked))


async def _sent(call: Call, asked: NewMessage) -> Response:
    desk, account = call.ctx.desk, call.account
    assert desk is not None  # the web process has one
    if not account.transactional_per_hour:
        raise Problem(403, "ungranted")
    async with call.ctx.db.read() as conn:
        sender = await accounts.find_sender(conn, asked.sender.address)
        waiting = await singles.waiting(conn, account.id)
    if sender is None or sender.account_id != account.id:
        raise one(422, "sender", "/sender/address", call.locale, address=asked.sender.address)
    if single.full(account, waiting):
        cap = account.transactional_per_hour
        raise Problem(429, "cap", headers={"Retry-After": "60"}, waiting=waiting, cap=cap)
    to = _found(asked.to.address, asked.to.name)
    if barred := await single.barred(desk, account.id, [to]):
        why = barred[to.address]
        raise one(422, "suppressed", "/to/address", call.locale, address=to.address, reason=why.reason)
    message = await asyncio.to_thread(_mail, call, asked, sender)
    number, _ = await single.create(
        desk,
        Single(account, sender, asked.sender.name, asked.subject, asked.reply_to or "", message[0], (to,), message[1]),
    )
    async with call.ctx.db.read() as conn:
        made = await singles.get(conn, account.id, number)
    assert made is not None  # just made
    document = _document(call, made)
    return written(Reply(document, 202, {"Location": document.url}))


def _found(address: str, name: str) -> Found:
    [box] = parse(address)
    return Found(box.address, name)


def _mail(call: Call, asked: NewMessage, sender: Sender) -> tuple[str, bytes]:
    """The Message-ID and the whole mail; with an Idempotency-Key a second try makes the same."""
    key = word(call)
    mark = hashlib.sha256(f"{call.account.id} {key}".encode()).hexdigest()[:32] if key else secrets.token_hex(16)
    message_id = f"<{mark}.message@{call.ctx.domain}>"
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit", max_line_length=76))
    mail["From"], mail["To"] = sender.address, asked.to.address
    mail["Message-ID"] = message_id
    if asked.text:
        mail.set_content(asked.text, cte="base64")
    if asked.html and asked.text:
        mail.add_alternative(asked.html, subtype="html", cte="base64")
    elif asked.html:
        mail.set_content(asked.html, subtype="html", cte="base64")
    for place, file in enumerate(asked.attachments):
        try:
            data = b64decode("".join(file.content.split()), validate=True)
        except binascii.Error as error:
            raise one(422, "attachment", f"/attachments/{place}/content", call.locale) from error
        main, _, sub = file.type.partition("/")
        if main in ("message", "multipart"):
            main, sub = "application", "octet-stream"
        mail.add_attachment(data, main, sub, filename=file.name)
    boundary = hashlib.sha256(mark.encode()).hexdigest()[:24]
    for at_, part in enumerate(mail.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{boundary}{at_}")
    return message_id, bytes(mail)


async def listing(call: Call) -> Reply:
    """A page of messages."""
    query: MessageQuery = call.query
    place = cursor.unpack(query.cursor, int) if query.cursor else None
    if query.cursor and place is None:
        raise Problem(422, "cursor", faults=[Fault("?cursor", "")])
    async with call.ctx.db.read() as conn:
        after = int(place[0]) if place else None
        found = await singles.page(conn, call.account.id, query.limit + 1, after, query.sender)
    shown = found[: query.limit]
    more = cursor.pack(shown[-1].campaign.id) if len(found) > query.limit else None
    return Reply(Messages(data=[_document(call, one) for one in shown], next=more))


async def show(call: Call) -> Reply:
    """One message and what happened."""
    async with call.ctx.db.read() as conn:
        found = await singles.get(conn, call.account.id, int(call.path["message"].removeprefix("msg_")))
        if found is None:
            raise Problem(404)
        told = [event for one in found.people for event in await reports.history(conn, one.id, _EVENTS)]
    events = [
        EventDocument(at=when(event.at), event=event.event.code, machine=event.machine, detail=event.detail)
        for event in sorted(told, key=lambda event: event.at)
    ]
    return Reply(MessageStory(**dict(_document(call, found)), events=events))


async def days(call: Call) -> Reply:
    """Sums by day and sender."""
    query: DayQuery = call.query
    today = datetime.now(UTC).date()
    until = query.until or today
    since = query.since or until - timedelta(days=30)
    if not timedelta(0) <= until - since <= timedelta(days=_DAYS) or since.year < 1971 or until.year > 2200:
        raise Problem(422, "invalid", faults=[Fault("?since", since.isoformat())])
    first, last = (_number(one) for one in (since, until))
    async with call.ctx.db.read() as conn:
        found = await singles.days(conn, call.account.id, first * DAY, (last + 1) * DAY)
    return Reply(Days(data=[_day(one) for one in found]))


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _day(one: singles.Day) -> DayDocument:
    return DayDocument(
        day=date(1970, 1, 1) + timedelta(days=one.day),
        sender=one.sender,
        messages=one.messages,
        recipients=one.recipients,
        statuses={status.code: n for status, n in one.statuses.items()},
        measures=one.measures,
    )


def _document(call: Call, message: Message) -> MessageDocument:
    campaign = message.campaign
    state: Any = campaign.state.value
    people = []
    for person in message.people:
        status: Any = person.status.code
        people.append(
            MessageRecipient(
                address=person.address, name=person.name, status=status, attempts=person.attempts,
                last_at=when(person.last_at), delivered_at=when(person.delivered_at), reply=person.reply,
            )
        )  # fmt: skip
    return MessageDocument(
        id=f"msg_{campaign.id}",
        state=state,
        sender=Mailbox(name=campaign.from_name, address=campaign.from_address),
        subject=campaign.subject,
        created_at=when(campaign.created_at),
        recipients=people,
        url=at(call, f"/messages/msg_{campaign.id}"),
    )
