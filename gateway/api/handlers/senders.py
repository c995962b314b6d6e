"""Senders by the API: declared, told, checked.

In: checked calls. Out: documents. A declared address is verified by the link that its owner gets by mail, or by its domain's
TXT record. An address of another account gives 409 in the same words as one that is only claimed. Raises Problem.
"""

from __future__ import annotations

from typing import Any

from gateway.api.models.people import NewSender, SenderDocument, Senders
from gateway.api.operation import Call, Reply
from gateway.api.problems import Problem
from gateway.intake.desk import Desk
from gateway.letters import asking
from mail.identity import aligned, domain_of
from mail.resolver import DnsTrouble
from parsers.address import a_label, parse
from store import accounts, declared
from store.accounts import Taken
from store.declared import LINK_MS, Declared
from store.engine import now_ms

_RECORD = "_mail2campaign"


def _desk(call: Call) -> Desk:
    assert call.ctx.desk is not None  # the web process has one
    return call.ctx.desk


def _document(call: Call, sender: Declared, name: str) -> SenderDocument:
    waiting: Any = None
    if not sender.verified:
        old = sender.asked_at is not None and sender.asked_at <= now_ms() - LINK_MS
        waiting = "refused" if sender.refused_at else "link_expired" if old else "answer"
        if sender.asked_at is None:
            waiting = "not_asked"
    signed = aligned(_desk(call).signers, domain_of(sender.address))
    return SenderDocument(
        address=sender.address, name=name, verified=sender.verified, waiting=waiting, aligned=bool(signed)
    )


async def listing(call: Call) -> Reply:
    """All senders."""
    async with call.ctx.db.read() as conn:
        proved = await accounts.list_senders(conn, call.account.id)
        others = await declared.unproved(conn, call.account.id)
        known = {one.address: await declared.find(conn, call.account.id, one.address) for one in proved}
    data = [_document(call, found, one.name) for one in proved if (found := known[one.address]) is not None]
    data += [_document(call, one, "") for one in others]
    return Reply(Senders(data=sorted(data, key=lambda one: one.address)))


async def declare(call: Call) -> Reply:
    """Declare an address and ask its owner."""
    asked: NewSender = call.body
    if domain_of(asked.address) == call.ctx.domain:
        raise Problem(409, "sender_taken", address=asked.address)
    try:
        async with call.ctx.db.write() as conn:
            await accounts.declare_sender(conn, call.account.id, asked.address, asked.name, None, now_ms())
            found = await declared.find(conn, call.account.id, asked.address)
    except Taken as error:
        raise Problem(409, "sender_taken", address=asked.address) from error
    assert found is not None
    if not found.verified:
        await asking.ask(_desk(call), found)
    return await _told(call, asked.address, 201)


async def one(call: Call) -> Reply:
    """The state of an address."""
    return await _told(call, call.path["address"], 200)


async def check(call: Call) -> Reply:
    """Look for the record of its domain, and ask its owner again where that may be."""
    found = await _find(call, call.path["address"])
    if not found.verified:
        desk = _desk(call)
        domain = a_label(domain_of(found.address))
        async with call.ctx.db.read() as conn:
            claimed = await declared.domains_of(conn, call.account.id)
        mine = next((one for one in claimed if one.domain == domain), None)
        texts = await desk.resolver.texts(f"{_RECORD}.{domain}") if mine else ()
        if (
            mine
            and not isinstance(texts, DnsTrouble)
            and f"mail2campaign={mine.word}" in (one.strip() for one in texts)
        ):
            async with call.ctx.db.write() as conn:
                await declared.prove(conn, call.account.id, mine.domain, now_ms())
        else:
            await asking.ask(desk, found)
    return await _told(call, found.address, 200)


async def _find(call: Call, address: str) -> Declared:
    boxes = parse(address)
    found = None
    if len(boxes) == 1 and boxes[0].fault is None:
        async with call.ctx.db.read() as conn:
            found = await declared.find(conn, call.account.id, boxes[0].address)
    if found is None:
        raise Problem(404)
    return found


async def _told(call: Call, address: str, status: int) -> Reply:
    found = await _find(call, address)
    async with call.ctx.db.read() as conn:
        proved = await accounts.list_senders(conn, call.account.id)
    name = next((one.name for one in proved if one.id == found.id), "")
    return Reply(_document(call, found, name), status)
