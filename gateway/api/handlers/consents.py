"""The consent register by the API: pages, one address, a new word.

In: checked calls. Out: documents. Nothing is ever changed in the register; a refusal that a person said on a page of ours no
program takes back (store.consents). Raises Problem.
"""

from __future__ import annotations

from gateway.api import cursor
from gateway.api.models.common import Paging, ms, when
from gateway.api.models.people import Consents, ConsentState, ConsentWord, NewConsent
from gateway.api.operation import Call, Reply
from gateway.api.problems import Fault, Problem
from parsers.address import key as folded
from parsers.address import parse
from store import consents
from store.consents import Entry, New
from store.engine import now_ms


def _word(one: Entry) -> ConsentWord:
    return ConsentWord(
        address=one.address,
        agreed=one.agreed,
        at=when(one.at),
        source=one.source,
        wording=one.wording,
        by=one.by,
        personal=one.personal,
        recorded_at=when(one.recorded_at),
    )


async def listing(call: Call) -> Reply:
    """A page of the register."""
    query: Paging = call.query
    place = cursor.unpack(query.cursor, int) if query.cursor else (0,)
    if place is None:
        raise Problem(422, "cursor", faults=[Fault("?cursor", "")])
    async with call.ctx.db.read() as conn:
        found = await consents.page(conn, call.account.id, int(place[0]), query.limit + 1)
    shown = found[: query.limit]
    more = cursor.pack(shown[-1].id) if len(found) > query.limit else None
    return Reply(Consents(data=[_word(one) for one in shown], next=more))


async def one(call: Call) -> Reply:
    """What stands for an address, and why."""
    found = parse(call.path["address"])
    if len(found) != 1 or found[0].fault is not None:
        raise Problem(404)
    return Reply(await _state(call, found[0].address))


async def record(call: Call) -> Reply:
    """Record a word."""
    asked: NewConsent = call.body
    now = now_ms()
    said = ms(asked.at)
    if said is not None and said > now:
        raise Problem(422, "future", faults=[Fault("/at", asked.at.isoformat() if asked.at else "")])
    by = asked.by or f"key {call.caller.key.public}"
    word = New(asked.address, asked.agreed, said or now, asked.source, asked.wording, by)
    async with call.ctx.db.write() as conn:
        await consents.record(conn, call.account.id, [word], call.ctx.recorder.keys, now)
    return Reply(await _state(call, asked.address), 201)


async def _state(call: Call, address: str) -> ConsentState:
    keys = call.ctx.recorder.keys
    async with call.ctx.db.read() as conn:
        words = await consents.history(conn, call.account.id, address, keys)
        stands = await consents.standing(conn, call.account.id, [folded(address)], keys)
    return ConsentState(address=address, stands=stands.get(folded(address)), words=[_word(one) for one in words])
