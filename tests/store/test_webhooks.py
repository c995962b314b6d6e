"""Events queued for webhooks in the transaction that writes them, on both databases."""

from __future__ import annotations

from store_helpers import KEYS, NOW

from store import events, hook_queue, webhooks
from store.engine import Database
from store.states import Event
from store.values import Change
from tests.conftest import MakeCampaign


async def _hook(db: Database, account_id: int, *words: str) -> int:
    async with db.write() as conn:
        made = await webhooks.add(conn, account_id, "https://a.test/", words, 1, "", NOW)
    assert made is not None and made.words == list(words)
    return made.id


async def test_a_batch_is_queued_for_whoever_listens(db: Database, make: MakeCampaign) -> None:
    campaign = await make(3)
    async with db.read() as conn:
        ids = [row.id for row in await conn.exec_driver_sql("SELECT id FROM recipients ORDER BY id")]
    first = await _hook(db, campaign.account_id, "delivered", "clicked")
    second = await _hook(db, campaign.account_id, "delivered", "bounced")
    changes = [
        Change(ids[0], Event.ACCEPTED, NOW, detail={"reply": "250 \"é\" ok"}),
        Change(ids[0], Event.CLICK, NOW + 1, detail={"link": 2}),
        Change(ids[1], Event.REFUSED, NOW + 2),
        Change(ids[2], Event.CLICK, NOW + 3, machine=True),
        Change(ids[2], Event.REFUSED, NOW + 3, owner=77),  # somebody else's: dropped
    ]  # fmt: skip
    async with db.write() as conn:
        await events.apply(conn, changes, KEYS)
    async with db.read() as conn:
        assert [one.id for one in await hook_queue.due(conn, NOW + 5)] == [first, second]
        heads = await hook_queue.heads(conn, first, NOW + 5, 10)
        assert [(one.recipient_id, one.kind, one.detail) for one in heads] == [
            (ids[0], Event.ACCEPTED, {"reply": '250 "é" ok'})
        ]  # the click waits for the delivery
        others = await hook_queue.heads(conn, second, NOW + 5, 10)
        assert [(one.recipient_id, webhooks.word(one.kind)) for one in others] == [
            (ids[0], "delivered"),
            (ids[1], "bounced"),
        ]
        assert await hook_queue.counts(conn, [first, second]) == {first: (2, 0), second: (2, 0)}
    async with db.write() as conn:
        await hook_queue.done(conn, [heads[0].id])
        [click] = await hook_queue.heads(conn, first, NOW + 5, 10)
        assert click.kind == Event.CLICK and click.detail == {"link": 2}
        await hook_queue.failed(conn, [(click.id, NOW + 10, "HTTP 500")], NOW + 5)
        assert await hook_queue.heads(conn, first, NOW + 5, 10) == []
        await hook_queue.failed(conn, [(click.id, None, "HTTP 500")], NOW + 6)
        [dead] = await hook_queue.dead(conn, first, 0, 10)
        assert dead.attempts == 2 and dead.dead_at == NOW + 6 and dead.error == "HTTP 500"
        assert await hook_queue.replay(conn, first, None, NOW + 7) == 1
        assert await hook_queue.expire(conn, NOW + 6, NOW + 8) == 2  # those of the other webhook
        assert await hook_queue.expire(conn, NOW, NOW + 9 + hook_queue.KEPT_MS) == 2


async def test_numbers_are_never_given_again(db: Database, make: MakeCampaign) -> None:
    campaign = await make(1)
    first = await _hook(db, campaign.account_id, "campaign.paused")
    async with db.write() as conn:
        await webhooks.tell(conn, [campaign.id], webhooks.PAUSED, NOW)
        [event] = await hook_queue.heads(conn, first, NOW, 1)
        await webhooks.remove(conn, first)
    second = await _hook(db, campaign.account_id, "campaign.paused")
    async with db.write() as conn:
        await webhooks.tell(conn, [campaign.id], webhooks.PAUSED, NOW)
        [again] = await hook_queue.heads(conn, second, NOW, 1)
    assert second > first and again.id > event.id


async def test_who_is_switched_off_is_queued_nothing(db: Database, make: MakeCampaign) -> None:
    campaign = await make(1)
    hook = await _hook(db, campaign.account_id, "campaign.paused")
    async with db.write() as conn:
        assert await webhooks.disable(conn, hook, "asked", NOW) and not await webhooks.disable(conn, hook, "asked", NOW)
        await webhooks.tell(conn, [campaign.id], webhooks.PAUSED, NOW)
        assert await hook_queue.counts(conn, [hook]) == {} and await webhooks.untold(conn) == []
        await webhooks.enable(conn, hook)
        await webhooks.disable(conn, hook, "failing", NOW)
        assert [one.id for one in await webhooks.untold(conn)] == [hook]
        assert await webhooks.told(conn, hook, NOW) and not await webhooks.told(conn, hook, NOW)
